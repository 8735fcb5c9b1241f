//! What is kept between two starts. A file that cannot be read is said so, and everything begins as at the first start.

use super::display_options::DisplayOptions;
use super::series::Quantity;
use crate::factorize::{self, Settings};
use crate::job::Backend;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Preferences saved between two starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedPreferences {
    /// Settings of the next run.
    pub settings: Option<Settings>,
    /// Backend of the runs.
    pub backend: Backend,
    /// Display options of the pictures.
    pub looks: DisplayOptions,
    /// Quantity that the curves show.
    pub quantity: Quantity,
    /// Recently opened paths, the last first.
    pub recent: Vec<PathBuf>,
    /// The panels' places, see [`super::workspace::Workspace::save`].
    pub layout: String,
    /// Whether frame times are shown.
    pub frame_times: bool,
}

/// Under which it is stored.
pub const KEY: &str = "explorer";

/// Why saved preferences cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UnreadablePreferences {
    /// Text of something else, or of another version.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// Settings outside their range.
    #[error(transparent)]
    Settings(#[from] factorize::Error),
    /// A share outside [0.5, 1].
    #[error("a percentile of {percentile}")]
    Percentile {
        /// The share.
        percentile: f64,
    },
}

impl SavedPreferences {
    /// From its text.
    pub fn read(text: &str) -> Result<Self, UnreadablePreferences> {
        let saved: Self = serde_json::from_str(text)?;
        if let Some(settings) = &saved.settings {
            settings.check()?;
        }
        let percentile = saved.looks.percentile;
        if !(0.5..=1.0).contains(&percentile) {
            return Err(UnreadablePreferences::Percentile { percentile });
        }
        Ok(saved)
    }

    /// The preferences as text, to be saved.
    pub fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_comes_back() {
        let saved = SavedPreferences {
            settings: Some(Settings { density: 0.4, ..Settings::default() }),
            ..SavedPreferences::default()
        };
        assert_eq!(SavedPreferences::read(&saved.write()).unwrap(), saved);
        assert_eq!(SavedPreferences::read("{}").unwrap(), SavedPreferences::default(), "an older version's");
    }

    #[test]
    fn what_is_broken_does_not() {
        let good = SavedPreferences { settings: Some(Settings::default()), ..SavedPreferences::default() }.write();
        for broken in ["", "{", "7", &good.replace("0.25", "-3.0"), &good.replace("\"outer\":40", "\"outer\":0")] {
            assert!(SavedPreferences::read(broken).is_err(), "{broken}");
        }
    }
}
