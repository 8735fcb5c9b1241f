//! Shares as text.

/// A share in percent, rounded to hundredths, or to two significant digits where that is finer.
///
/// ```
/// use dsf_explorer::measure::percent;
/// assert_eq!([0.25, 0.12345, 3.5e-5, 0.0].map(percent), ["25 %", "12.35 %", "0.0035 %", "0 %"]);
/// ```
pub fn percent(share: f64) -> String {
    let value = 100.0 * share;
    let digits = if value > 0.0 { (1.0 - value.log10().floor()).clamp(2.0, 16.0) as usize } else { 2 };
    let text = format!("{value:.digits$}");
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}
