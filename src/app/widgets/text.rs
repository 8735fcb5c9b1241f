//! Numbers and settings in a few words.

use crate::Named;
use crate::factorize::{Preset, Settings};

/// As a person says it.
pub fn duration(secs: f64) -> String {
    match secs {
        s if s < 1.0 => format!("{s:.2} s"),
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// Settings in a few words.
pub fn summary(settings: &Settings) -> String {
    let percent = 100.0 * settings.density;
    let name = settings.preset().map_or("custom", Preset::name);
    format!("{name}, {percent:.1} %, {}×{}", settings.outer, settings.inner)
}
