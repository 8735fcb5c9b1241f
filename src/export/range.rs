//! Which magnitude has the full colour.

/// What of the nonzeros the colours tell apart where nothing is zero; the rest has the colour of the ends.
const MOST: f64 = 0.995;
/// At least that many are told apart; no more where nearly all is zero: lone dots on the ground's colour must be strong to
/// be seen, and those of a diagonal are the strongest.
const LEAST: f64 = 0.9;
/// Between the two shares, the range ends at so many times the median: that is beyond 99.5 % of values with a normal
/// distribution (4.2 medians) or a Laplace one (7.6), and short of a diagonal that is far larger than all else.
const MEDIANS: f32 = 8.0;

/// The magnitude of full colour for the finite nonzeros of a matrix, given by their magnitudes in any order, which are the
/// share `filled` of its entries; 1 where there are none.
///
/// That is what 99.5 % of a dense matrix do not exceed, down to 90 % of a sparse one; but not so much that few large ones
/// make all others pale.
pub(crate) fn automatic_range(magnitudes: &mut [f32], filled: f64) -> f32 {
    if magnitudes.is_empty() {
        return 1.0;
    }
    let mut percentile = |share: f64| {
        let at = (share * magnitudes.len() as f64).ceil() as usize;
        let at = at.saturating_sub(1).min(magnitudes.len() - 1);
        *magnitudes.select_nth_unstable_by(at, f32::total_cmp).1
    };
    let share = LEAST + (MOST - LEAST) * filled.clamp(0.0, 1.0);
    let [median, least, most] = [0.5, LEAST, share].map(&mut percentile);
    (MEDIANS * median).clamp(least, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_where_values_are_alike() {
        let mut even: Vec<f32> = (1..=1000).map(|x| x as f32).collect();
        assert_eq!([1.0, 0.5, 0.0].map(|filled| automatic_range(&mut even, filled)), [995.0, 948.0, 900.0]);
        // A Laplace distribution, by its quantiles: the percentile is ln 200 = 5.3.
        let mut laplace: Vec<f32> = (0..10_000).map(|x| -((x as f32 + 0.5) / 10_000.0).ln()).collect();
        assert!((automatic_range(&mut laplace, 1.0) - 5.3).abs() < 0.02);
        assert_eq!((automatic_range(&mut [], 0.0), automatic_range(&mut [3.0], 0.1)), (1.0, 3.0));
    }

    #[test]
    fn a_large_diagonal_does_not_make_the_rest_pale() {
        // 256 of 10256 nonzeros are a hundred times larger: 2.5 %.
        let mut values: Vec<f32> = (1..=10_000).map(|x| x as f32 / 1e4).collect();
        values.extend([100.0; 256]);
        let range = automatic_range(&mut values, 1.0);
        assert!((4.0..4.2).contains(&range), "{range}");
        let range = automatic_range(&mut values, 0.16);
        assert!((0.9..1.0).contains(&range), "{range}");
        // Where they are not few, they are what is to be seen.
        let mut noise = vec![1e-8; 8000];
        noise.extend([1.0; 2000]);
        assert_eq!(automatic_range(&mut noise, 1.0), 1.0);
    }
}
