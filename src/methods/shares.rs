//! Division of a budget among rows or blocks, and selection within each.

/// Divides `budget` equally among rows; the first ones get one more.
pub fn by_rows(rows: usize, budget: usize) -> impl Iterator<Item = usize> {
    let (each, more) = (budget / rows.max(1), budget % rows.max(1));
    (0..rows).map(move |row| each + usize::from(row < more))
}

/// Divides `budget` among blocks of columns in proportion to their sizes, without a remainder.
pub fn by_blocks(rows: usize, cols: usize, block: usize, budget: usize) -> Vec<usize> {
    let upto = |end: usize| (budget as u128 * (rows * end) as u128 / (rows * cols).max(1) as u128) as usize;
    (0..cols).step_by(block).map(|start| upto(cols.min(start + block)) - upto(start)).collect()
}

/// Positions of the `count` largest scores; among equal ones the first.
pub fn largest(scores: &[f32], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    let count = count.min(order.len());
    let compare = |&x: &usize, &y: &usize| scores[y].total_cmp(&scores[x]).then(x.cmp(&y));
    if count > 0 && count < order.len() {
        order.select_nth_unstable_by(count - 1, compare);
    }
    order.truncate(count);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_add_up() {
        assert_eq!(by_rows(3, 8).collect::<Vec<_>>(), [3, 3, 2]);
        let blocks = by_blocks(7, 300, 128, 999);
        assert_eq!((blocks.len(), blocks.iter().sum::<usize>()), (3, 999));
    }

    #[test]
    fn of_equal_scores_the_first_ones() {
        let mut found = largest(&[1.0, 3.0, 2.0, 2.0, 2.0], 3);
        found.sort_unstable();
        assert_eq!(found, [1, 2, 3]);
        assert_eq!(largest(&[1.0, 2.0], 0), [] as [usize; 0]);
        assert_eq!(largest(&[1.0, 2.0], 9).len(), 2);
    }
}
