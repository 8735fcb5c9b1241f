//! A link that brings another person to the same place: what is open, how it is set, what is seen of it.

use super::display_options::DisplayOptions;
use super::pane::Pane;
use crate::factorize::{self, Settings};
use crate::hint::{Explain, Hint};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// Start of the link in an address.
pub const FRAGMENT: &str = "#link=";

/// Panels that a class can do without.
pub const CAN_HIDE: [Pane; 7] =
    [Pane::Layers, Pane::Settings, Pane::Paths, Pane::Curves, Pane::Runs, Pane::Model, Pane::Vision];

/// A place to come back to. What is missing is as at the first start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Link {
    /// The address of what is open; the example without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<String>,
    /// Name of the layer's tensor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tensor: Option<String>,
    /// Settings of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
    /// Display options of the pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looks: Option<DisplayOptions>,
    /// The panel in front.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub show: Option<Pane>,
    /// The half-step that is looked at; the end without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// Panels that are not there: for a class that should look at something else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hide: Vec<Pane>,
    /// The card of the tour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tour: Option<usize>,
}

/// Why a link cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableLink {
    /// Characters that no link has.
    #[error("The link cannot be read ({0})")]
    Base64(#[from] base64::DecodeError),
    /// Text of something else, or of another version.
    #[error("The link cannot be read ({0})")]
    Json(#[from] serde_json::Error),
    /// Settings outside their range.
    #[error("The link cannot be read ({0})")]
    Settings(#[from] factorize::Error),
}

impl Explain for UnreadableLink {
    fn hint(&self) -> Option<Hint> {
        Some(Hint::say("ask for it again"))
    }
}

impl Link {
    /// From an address, whatever else stands in it; `None` if it holds no link.
    pub fn read(address: &str) -> Option<Result<Self, UnreadableLink>> {
        let (_, coded) = address.split_once(FRAGMENT)?;
        let read = || {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(coded.trim())?;
            let link: Self = serde_json::from_slice(&bytes)?;
            if let Some(settings) = &link.settings {
                settings.check()?;
            }
            Ok(link)
        };
        Some(read())
    }

    /// To stand after an address.
    pub fn write(&self) -> String {
        format!("{FRAGMENT}{}", BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_comes_back_as_it_was() {
        let link = Link {
            load: Some("https://example.org/a b.safetensors?x=1".into()),
            settings: Some(Settings { density: 0.3, seed: 7, ..Settings::default() }),
            step: Some(12),
            hide: vec![Pane::Layers, Pane::Runs],
            ..Link::default()
        };
        let address = format!("https://example.org/dsf/{}", link.write());
        assert_eq!(Link::read(&address).unwrap().unwrap(), link);
        assert!(Link::read("https://example.org/").is_none());
    }

    #[test]
    fn a_broken_link_says_so() {
        let wrong = Link { settings: Some(Settings { density: 7.0, ..Settings::default() }), ..Link::default() };
        for address in ["x#link=!", "x#link=", "x#link=AAAA", &wrong.write()] {
            let why = Link::read(address).unwrap().unwrap_err();
            assert!(why.to_string().starts_with("The link cannot be read ("), "{address}: {why}");
            assert_eq!(why.hint(), Some(Hint::say("ask for it again")));
        }
    }
}
