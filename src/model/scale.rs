//! Scales of 8-bit floats, which stand in tensors of their own: one for a whole tensor, one for each row, or one for each
//! block of 128×128 values.

/// Sides of a block, where the shapes allow it: DeepSeek's, whose last blocks may be cut off.
const BLOCK: usize = 128;

/// Names that the scale of the tensor `name` may have: of compressed-tensors and FBGEMM, of DeepSeek (which is multiplied
/// too, whatever its name says), and of ComfyUI.
pub(super) fn names(name: &str) -> impl Iterator<Item = String> {
    let beside = name.strip_suffix("weight").map(|stem| format!("{stem}scale_weight"));
    [format!("{name}_scale"), format!("{name}_scale_inv")].into_iter().chain(beside)
}

/// Multiplies `values` of this shape by their scale; `false` if the shapes do not fit.
pub(super) fn apply(values: &mut [f32], shape: &[usize], scale: &[f32], mut scale_shape: &[usize]) -> bool {
    if let [scale] = *scale {
        values.iter_mut().for_each(|value| *value *= scale);
        return true;
    }
    // One for each row of a convolution, say.
    while let [before @ .., 1] = scale_shape {
        scale_shape = before;
    }
    if scale.len() != scale_shape.iter().product::<usize>() {
        return false;
    }
    let (Some(&rows), across) = (
        shape.first(),
        match *scale_shape {
            [down] => Some((down, 1)),
            [down, across] => Some((down, across)),
            _ => None,
        },
    ) else {
        return false;
    };
    let cols = shape[1..].iter().product();
    let blocks = across.and_then(|(down, across)| Some((block(rows, down)?, block(cols, across)?, across)));
    let Some((height, width, across)) = blocks else { return false };
    for (row, values) in values.chunks_exact_mut(cols).enumerate() {
        let scales = &scale[row / height * across..][..across];
        for (values, scale) in values.chunks_mut(width).zip(scales) {
            values.iter_mut().for_each(|value| *value *= scale);
        }
    }
    true
}

/// Side of a block when `count` blocks cover `all` values; `None` if they cannot.
fn block(all: usize, count: usize) -> Option<usize> {
    match count {
        0 => None,
        1 => Some(all.max(1)),
        _ if all.div_ceil(BLOCK) == count => Some(BLOCK),
        _ if all.is_multiple_of(count) && all > 0 => Some(all / count),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled(shape: &[usize], scale: &[f32], scale_shape: &[usize]) -> Option<Vec<f32>> {
        let mut values = vec![1.0; shape.iter().product()];
        apply(&mut values, shape, scale, scale_shape).then_some(values)
    }

    #[test]
    fn one_scale_each_row_or_each_block() {
        for shape in [&[][..], &[1], &[1, 1]] {
            assert_eq!(scaled(&[2, 2], &[3.0], shape).unwrap(), [3.0; 4]);
        }
        for shape in [&[2][..], &[2, 1]] {
            assert_eq!(scaled(&[2, 2], &[3.0, 5.0], shape).unwrap(), [3.0, 3.0, 5.0, 5.0]);
            assert_eq!(scaled(&[2, 1, 1, 2], &[3.0, 5.0], shape).unwrap(), [3.0, 3.0, 5.0, 5.0]);
        }
        assert_eq!(scaled(&[2, 4], &[3.0, 5.0], &[1, 2]).unwrap(), [3.0, 3.0, 5.0, 5.0, 3.0, 3.0, 5.0, 5.0]);
        // 200 rows are a block of 128 and the rest; 130 columns as well.
        let values = scaled(&[200, 130], &[2.0, 3.0, 5.0, 7.0], &[2, 2]).unwrap();
        let at = |row: usize, col: usize| values[row * 130 + col];
        assert_eq!([at(0, 0), at(127, 127), at(127, 128), at(128, 127), at(199, 129)], [2.0, 2.0, 3.0, 5.0, 7.0]);
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        for shape in [&[3][..], &[3, 1], &[2, 3], &[1, 1, 3]] {
            assert!(scaled(&[2, 2], &vec![1.0; shape.iter().product()], shape).is_none(), "{shape:?}");
        }
        assert!(scaled(&[2, 2], &[], &[0]).is_none());
        assert!(scaled(&[], &[1.0, 1.0], &[2]).is_none());
        assert!(scaled(&[0, 2], &[1.0, 1.0], &[2]).is_none());
    }

    #[test]
    fn every_name_in_use() {
        assert_eq!(names("a.weight").collect::<Vec<_>>(), ["a.weight_scale", "a.weight_scale_inv", "a.scale_weight"]);
    }
}
