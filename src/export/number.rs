//! Errors in few digits.

/// An error with so many digits after the point; what these would show as nothing, or nearly, as a power of ten.
pub fn error_text(error: f64, digits: i32) -> String {
    if error == 0.0 || error.abs() >= 10f64.powi(1 - digits) || !error.is_finite() {
        format!("{error:.*}", digits.max(0) as usize)
    } else {
        format!("{error:.1e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_zero_reads_as_zero() {
        let written = [0.0, 3.2e-7, 1e-30, 0.0004, 0.001, 0.25164, -2e-5].map(|x| error_text(x, 4));
        assert_eq!(written, ["0.0000", "3.2e-7", "1.0e-30", "4.0e-4", "0.0010", "0.2516", "-2.0e-5"]);
        assert_eq!(error_text(0.00042, 5), "0.00042");
        assert_eq!(error_text(f64::NAN, 4), "NaN");
    }
}
