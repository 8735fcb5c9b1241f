//! What is kept between two starts. A file that cannot be read is said so, and everything begins as at the first start.

use super::display_options::DisplayOptions;
use super::series::Quantity;
use crate::app::state::hints::sentence_of;
use crate::factorize::Settings;
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

impl SavedPreferences {
    /// From its text; otherwise why not.
    pub fn read(text: &str) -> Result<Self, String> {
        let saved: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if let Some(settings) = &saved.settings {
            settings.check().map_err(sentence_of)?;
        }
        let percentile = saved.looks.percentile;
        if !(0.5..=1.0).contains(&percentile) {
            return Err(format!("a percentile of {percentile}"));
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
        assert_eq!(SavedPreferences::read(&saved.write()), Ok(saved));
        assert_eq!(SavedPreferences::read("{}"), Ok(SavedPreferences::default()), "an older version's");
    }

    #[test]
    fn what_is_broken_does_not() {
        let good = SavedPreferences { settings: Some(Settings::default()), ..SavedPreferences::default() }.write();
        for broken in ["", "{", "7", &good.replace("0.25", "-3.0"), &good.replace("\"outer\":40", "\"outer\":0")] {
            assert!(SavedPreferences::read(broken).is_err(), "{broken}");
        }
    }
}
