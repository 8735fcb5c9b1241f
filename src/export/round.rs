//! Rounding to a file's number format without losing a nonzero.
//!
//! f16 has few exponents: large values would become infinite and small ones 0. An infinity is an error; a zero would
//! change the mask, so such a value becomes the format's smallest nonzero instead. Where it helps, powers of two are
//! moved from one factor to the other before: A·2ˢ and B·2⁻ˢ have the same product.

use super::Error;
use crate::Named;
use crate::matrix::{Csr, Factors, Matrix, Replacement};
use crate::model::Dtype;
use half::{bf16, f16};
use std::sync::Arc;

/// Rounds a replacement of W to what `dtype` holds, with every nonzero still a nonzero; the same where that changes
/// nothing.
///
/// A chain, which no file holds, stays as it is.
pub(super) fn replacement(replacement: &Arc<Replacement>, dtype: Dtype) -> Result<Arc<Replacement>, Error> {
    let rounded = match &**replacement {
        Replacement::Factors(factors) => rounded(factors, dtype)?.map(Replacement::Factors),
        Replacement::Blocks(factors) => rounded(factors, dtype)?.map(Replacement::Blocks),
        Replacement::LowRank { a, b } => {
            let [a, b] = both([("A", a), ("B", b)], dtype)?;
            Some(Replacement::LowRank { a, b })
        }
        Replacement::Sparse(one) => {
            check_finite("the matrix", one)?;
            Some(Replacement::Sparse(scaled("the matrix", one, 0, dtype)?))
        }
        Replacement::Chain(_) => None,
    };
    Ok(rounded.map_or_else(|| replacement.clone(), Arc::new))
}

/// The factors as `dtype` holds them, with every nonzero still a nonzero; `None` where they are so already.
fn rounded(Factors { a, b }: &Factors, dtype: Dtype) -> Result<Option<Factors>, Error> {
    if matches!(dtype, Dtype::F32 | Dtype::F64) {
        check_finite("A", a)?;
        check_finite("B", b)?;
        return Ok(None);
    }
    let [a, b] = both([("A", a), ("B", b)], dtype)?;
    Ok(Some(Factors { a, b }))
}

/// A and B, with powers of two moved between them.
fn both<T: Values>([(name_a, a), (name_b, b)]: [(&'static str, &T); 2], dtype: Dtype) -> Result<[T; 2], Error> {
    check_finite(name_a, a)?;
    check_finite(name_b, b)?;
    let shift = shift(dtype, a.largest(), b.largest());
    Ok([scaled(name_a, a, shift, dtype)?, scaled(name_b, b, -shift, dtype)?])
}

/// Ŵ as `dtype` holds it, of what [`replacement`] has rounded. A small value of a product may become 0; of one sparse matrix
/// none does: it would leave the mask.
pub(super) fn merged(replacement: &Replacement, dtype: Dtype) -> Result<Matrix, Error> {
    let merged = replacement.to_dense();
    match replacement {
        Replacement::Sparse(_) => Ok(merged),
        _ => product(&merged, dtype),
    }
}

/// The product rounded to `dtype`; a small value may become 0.
fn product(product: &Matrix, dtype: Dtype) -> Result<Matrix, Error> {
    check_finite("A·B", product)?;
    convert("A·B", product, dtype, |x| nearest(dtype, f64::from(x)))
}

/// A matrix by its values, with its zeros or without them.
trait Values: Clone {
    fn values(&self) -> &[f32];
    fn values_mut(&mut self) -> &mut [f32];
    /// Row and column of the value number `at`.
    fn position(&self, at: usize) -> (usize, usize);

    fn largest(&self) -> f32 {
        self.values().iter().fold(0.0, |most, x| most.max(x.abs()))
    }
}

impl Values for Matrix {
    fn values(&self) -> &[f32] {
        self.as_slice()
    }

    fn values_mut(&mut self) -> &mut [f32] {
        self.as_mut_slice()
    }

    fn position(&self, at: usize) -> (usize, usize) {
        (at / self.cols(), at % self.cols())
    }
}

impl Values for Csr {
    fn values(&self) -> &[f32] {
        self.values()
    }

    fn values_mut(&mut self) -> &mut [f32] {
        self.values_mut()
    }

    fn position(&self, at: usize) -> (usize, usize) {
        self.position(at)
    }
}

/// Exponent s of the power of two that moves from B to A: 0 where both fit as they are, else what makes their largest
/// values alike.
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

fn scaled<T: Values>(name: &'static str, factor: &T, shift: i32, dtype: Dtype) -> Result<T, Error> {
    // In f64 no power of two between f32 values loses anything.
    let scale = 2f64.powi(shift);
    convert(name, factor, dtype, |x| nonzero_nearest(dtype, f64::from(x) * scale))
}

fn convert<T: Values>(name: &'static str, matrix: &T, dtype: Dtype, to: impl Fn(f32) -> f32) -> Result<T, Error> {
    let mut rounded = matrix.clone();
    rounded.values_mut().iter_mut().for_each(|x| *x = to(*x));
    if rounded.values().iter().all(|x| x.is_finite()) {
        return Ok(rounded);
    }
    // The largest one: what another format has to hold.
    let magnitudes = matrix.values().iter().map(|x| x.abs()).enumerate();
    let (at, _) = magnitudes.fold((0, 0.0), |most, (at, x)| if x > most.1 { (at, x) } else { most });
    let ((row, col), value) = (matrix.position(at), matrix.values()[at]);
    let (largest, fitting) = match dtype {
        Dtype::F16 => (f16::MAX.to_f32(), "bf16 or f32"),
        Dtype::BF16 => (bf16::MAX.to_f32(), "f32"),
        Dtype::F32 | Dtype::F64 => (f32::MAX, "f32"),
    };
    Err(Error::Range { matrix: name, row, col, value, dtype: dtype.name(), largest, fitting })
}

fn check_finite<T: Values>(name: &'static str, matrix: &T) -> Result<(), Error> {
    match matrix.values().iter().position(|x| !x.is_finite()) {
        Some(at) => {
            let ((row, col), value) = (matrix.position(at), matrix.values()[at]);
            Err(Error::NotFinite { matrix: name, row, col, value })
        }
        None => Ok(()),
    }
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
    use crate::hint::{Explain, Hint};
    use proptest::prelude::*;

    /// Two dense matrices of one row.
    fn pair(a: &[f32], b: &[f32]) -> [Matrix; 2] {
        [a, b].map(|values| Matrix::from_vec(1, values.len(), values.to_vec()))
    }

    /// Rounded as dense factors; as sparse ones they come out the same.
    fn factors([a, b]: &[Matrix; 2], dtype: Dtype) -> Result<[Matrix; 2], Error> {
        let of = |replacement: Replacement| {
            super::replacement(&Arc::new(replacement), dtype).map(|rounded| rounded.dense_factors())
        };
        let sparse = of(Replacement::Factors(Factors::from_dense(a, b)));
        let dense = of(Replacement::LowRank { a: a.clone(), b: b.clone() });
        assert_eq!(sparse.as_ref().map_err(Error::to_string), dense.as_ref().map_err(Error::to_string));
        dense
    }

    #[test]
    fn a_nonzero_too_small_becomes_the_smallest_of_its_sign() {
        let f16_smallest = 2f32.powi(-24);
        let rounded = factors(&pair(&[1.0, 1e-12, -1e-12, 0.0], &[1.0]), Dtype::F16).unwrap();
        assert_eq!(rounded[0].as_slice(), [1.0, f16_smallest, -f16_smallest, 0.0]);
        let bf16_smallest = f32::from_bits(1 << 16);
        let rounded = factors(&pair(&[1.0, -1e-45], &[1.0]), Dtype::BF16).unwrap();
        assert_eq!(rounded[0].as_slice(), [1.0, -bf16_smallest]);
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
        let product = rounded[0].get(0, 0) * rounded[1].get(0, 0);
        assert_eq!(product, 3.0 * 2f32.powi(-22), "in f16 alone 3·2⁻²² has 4 bits left");
        assert!(rounded[1].get(0, 0) > 1e-4);
    }

    #[test]
    fn what_no_power_of_two_saves_is_an_error_that_names_it() {
        let error = factors(&pair(&[1.0, -1e6], &[2e5]), Dtype::F16).unwrap_err();
        assert_eq!(error.to_string(), "A holds -1000000 in row 0, column 1, and f16 ends at 65504");
        assert_eq!(error.hint(), Some(Hint::ChooseDtype { fitting: "bf16 or f32".into() }));
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
                prop_assert_eq!(before[0].nnz(), after[0].nnz());
                prop_assert_eq!(dtype.decode(&dtype.encode(after[0].as_slice())), after[0].as_slice());
                let scale = after[1].get(0, 0);
                for (&x, &y) in values.iter().zip(after[0].as_slice()) {
                    // Half a last place of 8 bits, or one step of f16's subnormals.
                    let allowed = x.abs() / 256.0 + 2f32.powi(-24) * scale;
                    prop_assert!((x - y * scale).abs() <= allowed, "{} became {}", x, y * scale);
                }
            }
        }
    }
}
