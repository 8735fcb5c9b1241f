//! Cholesky factorization that always ends.

use crate::compute::Cholesky;

/// Factorizes `system`'s matrix plus `shift`. At the first half-steps ρ₀ is 0 and rows of F may be empty: a matrix that is
/// not positive is lifted until it is, from what `again` writes anew.
pub(super) fn lifted(system: &mut Cholesky, k: usize, shift: f32, again: impl Fn(&mut Vec<f32>)) {
    let mut lift = 1e-6;
    let mut done = system.factorize(k, shift).is_ok();
    while !done && lift < 1e3 {
        again(system.lower_mut());
        done = system.factorize(k, shift + lift).is_ok();
        lift *= 10.0;
    }
}
