//! What is kept between two starts. A file that cannot be read is said so, and everything begins as at the first start.

use crate::app::state::display_options::DisplayOptions;
use crate::app::state::series::Quantity;
use crate::factorize::Settings;
use crate::job::Backend;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// So many files are remembered.
const RECENT: usize = 12;

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Saved {
    /// Of the next run.
    pub settings: Option<Settings>,
    /// What runs are computed on.
    pub backend: Backend,
    /// How pictures are shown.
    pub looks: DisplayOptions,
    /// What the curves show.
    pub quantity: Quantity,
    /// What was opened, the last first.
    pub recent: Vec<PathBuf>,
    /// The panels' places, see [`crate::app::state::workspace::Workspace::save`].
    pub layout: String,
    /// Whether frame times are shown.
    pub frame_times: bool,
}

/// Under which it is stored.
pub const KEY: &str = "explorer";

impl Saved {
    /// From its text; otherwise why not.
    pub fn read(text: &str) -> Result<Self, String> {
        let saved: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if let Some(settings) = &saved.settings {
            settings.check().map_err(|error| error.to_string())?;
        }
        let percentile = saved.looks.percentile;
        if !(0.5..=1.0).contains(&percentile) {
            return Err(format!("a percentile of {percentile}"));
        }
        Ok(saved)
    }

    /// As text.
    pub fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Puts a file in front of those that were opened.
    pub fn opened(&mut self, path: PathBuf) {
        self.recent.retain(|other| *other != path);
        self.recent.insert(0, path);
        self.recent.truncate(RECENT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_comes_back() {
        let mut saved = Saved { settings: Some(Settings { density: 0.4, ..Settings::default() }), ..Saved::default() };
        (0..20).for_each(|at| saved.opened(PathBuf::from(format!("file {at}"))));
        saved.opened(PathBuf::from("file 12"));
        assert_eq!((saved.recent.len(), saved.recent[0].to_str()), (RECENT, Some("file 12")));
        assert_eq!(Saved::read(&saved.write()), Ok(saved));
        assert_eq!(Saved::read("{}"), Ok(Saved::default()), "an older version's");
    }

    #[test]
    fn what_is_broken_does_not() {
        let good = Saved { settings: Some(Settings::default()), ..Saved::default() }.write();
        for broken in ["", "{", "7", &good.replace("0.25", "-3.0"), &good.replace("\"outer\":40", "\"outer\":0")] {
            assert!(Saved::read(broken).is_err(), "{broken}");
        }
    }
}
