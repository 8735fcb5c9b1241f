//! Rounding to the file's number format without losing a nonzero.
//!
//! f16 has few exponents: large values would become infinite and small ones 0. An infinity is an error; a zero would
//! change the mask, so such a value becomes the format's smallest nonzero instead. Before that, powers of two are moved
//! from one factor to the other where that helps: A·2ˢ and B·2⁻ˢ have the same product.

use super::Error;
use crate::matrix::{Factors, Matrix};
use crate::model::Dtype;
use half::{bf16, f16};

/// The factors as `dtype` holds them, with every nonzero still a nonzero.
pub(super) fn factors(factors: &Factors, dtype: Dtype) -> Result<Factors, Error> {
    let Factors { a, b } = factors;
    check_finite("A", a)?;
    check_finite("B", b)?;
    let shift = shift(dtype, a.max_abs(), b.max_abs());
    Ok(Factors { a: scaled("A", a, shift, dtype)?, b: scaled("B", b, -shift, dtype)? })
}

/// The product as `dtype` holds it; a small value may become 0.
pub(super) fn product(product: &Matrix, dtype: Dtype) -> Result<Matrix, Error> {
    check_finite("A·B", product)?;
    convert("A·B", product, dtype, |x| nearest(dtype, f64::from(x)))
}

/// One sparse matrix as `dtype` holds it, with every nonzero still a nonzero.
pub(super) fn pruned(matrix: &Matrix, dtype: Dtype) -> Result<Matrix, Error> {
    check_finite("the matrix", matrix)?;
    scaled("the matrix", matrix, 0, dtype)
}

/// The power of two that A gets and B gives: 0 where both fit as they are, else what makes their largest values alike.
fn shift(dtype: Dtype, a: f32, b: f32) -> i32 {
    let comfortable = match dtype {
        Dtype::F64 | Dtype::F32 => return 0,
        // 8 binary places above where digits begin to be lost.
        Dtype::F16 => f64::from(f16::MIN_POSITIVE) * 256.0,
        Dtype::BF16 => f64::from(bf16::MIN_POSITIVE) * 256.0,
    };
    let fits = |most: f32| f64::from(most) >= comfortable && nearest(dtype, f64::from(most)).is_finite();
    if a == 0.0 || b == 0.0 || (fits(a) && fits(b)) {
        return 0;
    }
    ((f64::from(b).log2() - f64::from(a).log2()) / 2.0).round() as i32
}

fn scaled(name: &'static str, factor: &Matrix, shift: i32, dtype: Dtype) -> Result<Matrix, Error> {
    // In f64 no power of two between f32 values loses anything.
    let scale = 2f64.powi(shift);
    convert(name, factor, dtype, |x| nonzero_nearest(dtype, f64::from(x) * scale))
}

fn convert(name: &'static str, matrix: &Matrix, dtype: Dtype, to: impl Fn(f32) -> f32) -> Result<Matrix, Error> {
    let values: Vec<f32> = matrix.as_slice().iter().map(|&x| to(x)).collect();
    let rounded = Matrix::from_vec(matrix.rows(), matrix.cols(), values);
    let Some(_) = rounded.first_not_finite() else { return Ok(rounded) };
    // The largest one: what another format has to hold.
    let (row, col) = position_of_largest(matrix);
    let (largest, hint) = match dtype {
        Dtype::F16 => (f16::MAX.to_f32(), "bf16 or f32"),
        Dtype::BF16 => (bf16::MAX.to_f32(), "f32"),
        Dtype::F32 | Dtype::F64 => (f32::MAX, "f32"),
    };
    Err(Error::Range { matrix: name, row, col, value: matrix.get(row, col), dtype: dtype.name(), largest, hint })
}

fn check_finite(name: &'static str, matrix: &Matrix) -> Result<(), Error> {
    match matrix.first_not_finite() {
        Some((row, col)) => Err(Error::NotFinite { matrix: name, row, col, value: matrix.get(row, col) }),
        None => Ok(()),
    }
}

fn position_of_largest(matrix: &Matrix) -> (usize, usize) {
    let magnitudes = matrix.as_slice().iter().map(|x| x.abs()).enumerate();
    let (at, _) = magnitudes.fold((0, 0.0), |most, (at, x)| if x > most.1 { (at, x) } else { most });
    (at / matrix.cols(), at % matrix.cols())
}

/// The format's nearest value. (f32 holds every value of the 16-bit formats; f64 is only ever filled with f32 values.)
fn nearest(dtype: Dtype, x: f64) -> f32 {
    match dtype {
        Dtype::F64 | Dtype::F32 => x as f32,
        Dtype::F16 => f16::from_f64(x).to_f32(),
        Dtype::BF16 => bf16::from_f64(x).to_f32(),
    }
}

/// The format's nearest value, but 0 only for 0.
fn nonzero_nearest(dtype: Dtype, x: f64) -> f32 {
    let rounded = nearest(dtype, x);
    if x == 0.0 {
        return 0.0; // without a sign: a file's zeros are all alike
    }
    let smallest = match dtype {
        Dtype::F64 | Dtype::F32 => f32::from_bits(1),
        Dtype::F16 => f16::from_bits(1).to_f32(),
        Dtype::BF16 => bf16::from_bits(1).to_f32(),
    };
    if rounded == 0.0 { smallest.copysign(x as f32) } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pair(a: &[f32], b: &[f32]) -> Factors {
        let row = |values: &[f32]| Matrix::from_vec(1, values.len(), values.to_vec());
        Factors { a: row(a), b: row(b) }
    }

    #[test]
    fn a_nonzero_too_small_becomes_the_smallest_of_its_sign() {
        let f16_smallest = 2f32.powi(-24);
        let rounded = factors(&pair(&[1.0, 1e-12, -1e-12, 0.0], &[1.0]), Dtype::F16).unwrap();
        assert_eq!(rounded.a.as_slice(), [1.0, f16_smallest, -f16_smallest, 0.0]);
        let bf16_smallest = f32::from_bits(1 << 16);
        let rounded = factors(&pair(&[1.0, -1e-45], &[1.0]), Dtype::BF16).unwrap();
        assert_eq!(rounded.a.as_slice(), [1.0, -bf16_smallest]);
    }

    #[test]
    fn a_factor_too_large_gives_powers_of_two_to_the_other() {
        // 2²⁰ and 2⁻⁴ become 2⁸ each.
        let rounded = factors(&pair(&[1048576.0, 3.0], &[0.0625, 0.015625]), Dtype::F16).unwrap();
        assert_eq!(rounded, pair(&[256.0, 3.0 / 4096.0], &[256.0, 64.0]));
    }

    #[test]
    fn a_factor_too_small_gets_powers_of_two_from_the_other() {
        let rounded = factors(&pair(&[1.0], &[3.0 * 2f32.powi(-22)]), Dtype::F16).unwrap();
        let product = rounded.a.get(0, 0) * rounded.b.get(0, 0);
        assert_eq!(product, 3.0 * 2f32.powi(-22), "in f16 alone 3·2⁻²² has 4 bits left");
        assert!(rounded.b.get(0, 0) > 1e-4);
    }

    #[test]
    fn what_no_power_of_two_saves_is_an_error_that_names_it() {
        let text = factors(&pair(&[1.0, -1e6], &[2e5]), Dtype::F16).unwrap_err().to_string();
        let expected = "A holds -1000000 in row 0, column 1, and f16 ends at 65504: write it with --dtype bf16 or f32";
        assert_eq!(text, expected);
        let text = factors(&pair(&[1.0], &[f32::NAN]), Dtype::F32).unwrap_err().to_string();
        assert!(text.starts_with("B holds NaN in row 0, column 0"), "{text}");
    }

    proptest! {
        #[test]
        fn no_nonzero_is_lost_and_no_digit_that_fits(
            exponents in prop::collection::vec((-40i32..10, 1.0f32..2.0, any::<bool>()), 1..20))
        {
            let values: Vec<f32> = exponents.iter()
                .map(|&(e, x, minus)| if minus { -x } else { x } * 2f32.powi(e)).collect();
            for dtype in [Dtype::F16, Dtype::BF16] {
                let before = pair(&values, &[1.0]);
                let after = factors(&before, dtype).unwrap();
                prop_assert_eq!(before.nnz(), after.nnz());
                prop_assert_eq!(dtype.decode(&dtype.encode(after.a.as_slice())), after.a.as_slice());
                let scale = after.b.get(0, 0);
                for (&x, &y) in values.iter().zip(after.a.as_slice()) {
                    // Half a last place of 8 bits, or one step of f16's subnormals.
                    let allowed = x.abs() / 256.0 + 2f32.powi(-24) * scale;
                    prop_assert!((x - y * scale).abs() <= allowed, "{} became {}", x, y * scale);
                }
            }
        }
    }
}
