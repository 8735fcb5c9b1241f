//! What the command palette finds, best first.

use crate::Named;
use crate::app::panels::settings::setting::{LayerFacts, why_absent};
use crate::app::state::action::Action;
use crate::app::state::pane::Pane;
use crate::app::state::setting_words::{texts, value};
use crate::app::state::typed_setting::with_typed;
use crate::app::widgets::finder::Finder;
use crate::factorize::{Setting, Settings};
use crate::model::one_line;

/// A result of the search.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// A command to perform.
    Do(Action),
    /// A panel to go to.
    GoTo(Pane),
    /// A setting whose control is to have the keyboard.
    Focus(Setting),
    /// The settings with one of them as it was typed.
    Set(Box<Settings>),
    /// A layer to be opened, by its tensor's name.
    Layer(String),
}

/// A line of the palette.
#[derive(Clone, Debug)]
pub struct Item {
    /// What it is called.
    pub name: String,
    /// What stands beside the name.
    pub hint: String,
    /// What the search looks at.
    key: String,
    pub found: Found,
}

impl Item {
    fn new(name: String, hint: impl Into<String>, found: Found) -> Self {
        Self { key: name.clone(), name, hint: hint.into(), found }
    }
}

/// What settings are searched in.
pub struct Known<'a> {
    /// The settings of the next run.
    pub settings: &'a Settings,
    /// The layer that they are for.
    pub layer: LayerFacts,
}

/// What fits `text`, best first.
pub fn search<'a>(text: &str, known: &Known<'_>, layers: impl Iterator<Item = &'a str>) -> Vec<Item> {
    const MOST: usize = 40;
    let actions = Action::ALL.iter().copied().filter(|action| *action != Action::Commands);
    let commands = actions.map(|action| Item::new(action.title().to_owned(), action.about(), Found::Do(action)));
    let panes = Pane::ALL.iter().copied();
    let panes = panes.map(|pane| {
        let name = format!("Go to panel {}", pane.title());
        Item { key: format!("{name}; panel: {}", pane.title()), ..Item::new(name, "", Found::GoTo(pane)) }
    });
    let settings = Setting::ALL.iter().map(|&setting| setting_item(setting, known));
    let layers = layers.map(|name| Item::new(format!("Layer: {}", one_line(name)), "", Found::Layer(name.to_owned())));
    let all = commands.chain(panes).chain(settings).chain(layers);
    if text.trim().is_empty() {
        return all.take(MOST).collect();
    }
    let mut finder = Finder::new(text);
    let mut scored: Vec<_> = all.filter_map(|item| Some((finder.score(&item.key)?, item))).collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let found = scored.into_iter().map(|(_, item)| item);
    set_items(text, known).into_iter().chain(found).take(MOST).collect()
}

/// The setting by its label and by its name in files: who types without Greek letters finds it too.
fn setting_item(setting: Setting, known: &Known<'_>) -> Item {
    let label = texts(setting).0;
    let now = value(setting, known.settings);
    let hint = match why_absent(setting, known.settings, known.layer) {
        Some(why) => format!("{now}; {why}"),
        None => now,
    };
    // The label first: what is typed from its beginning on is meant.
    let key = format!("{label} {} Setting", plain(setting));
    Item { name: format!("Setting: {label}"), hint, key, found: Found::Focus(setting) }
}

/// As in files, with spaces.
fn plain(setting: Setting) -> String {
    setting.name().replace('_', " ")
}

/// `density 0.3`: the settings of this name with this value, or what is wrong with it.
fn set_items(text: &str, known: &Known<'_>) -> Vec<Item> {
    let text = text.trim();
    let Some((name, typed)) = text.rsplit_once(char::is_whitespace) else { return Vec::new() };
    // `30 %` is one value.
    let name = name.trim();
    let (name, typed) = match name.rsplit_once(char::is_whitespace).filter(|_| typed == "%") {
        Some((name, number)) => (name.trim(), format!("{number}%")),
        None => (name, typed.to_owned()),
    };
    let wanted = name.to_lowercase();
    let is_called = |setting: &Setting| texts(*setting).0.to_lowercase() == wanted || plain(*setting) == wanted;
    let begins = |setting: &Setting| {
        let label = texts(*setting).0.to_lowercase();
        wanted.chars().count() > 2 && (label.starts_with(&wanted) || plain(*setting).starts_with(&wanted))
    };
    let exact = Setting::ALL.iter().copied().find(is_called);
    let found = exact.or_else(|| Setting::ALL.iter().copied().find(begins));
    let item = found.and_then(|setting| {
        let title = format!("Set {} to {typed}", texts(setting).0);
        match with_typed(known.settings, setting, &typed) {
            Ok(settings) => {
                let now = format!("now {}", value(setting, known.settings));
                Some(Item::new(title, now, Found::Set(Box::new(settings))))
            }
            // Something else may be meant, unless it has just this name.
            Err(why) => exact.map(|_| Item::new(title, why.to_string(), Found::Focus(setting))),
        }
    });
    item.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYERS: [&str; 2] = ["model.layers.0.self_attn.q_proj.weight", "model.layers.1.mlp.down_proj.weight"];

    fn all(text: &str) -> Vec<Found> {
        let settings = Settings::default();
        let known = Known { settings: &settings, layer: LayerFacts { shape: (4, 4), layerwise: false } };
        search(text, &known, LAYERS.into_iter()).into_iter().map(|item| item.found).collect()
    }

    fn first(text: &str) -> Option<Found> {
        all(text).into_iter().next()
    }

    #[test]
    fn letters_find_their_command() {
        assert_eq!(first("fit"), Some(Found::Do(Action::Fit)));
        assert_eq!(first("reset lay"), Some(Found::Do(Action::ResetLayout)));
        assert_eq!(first("histogr"), Some(Found::GoTo(Pane::Histogram)));
        assert_eq!(first("panel: runs"), Some(Found::GoTo(Pane::Runs)));
        assert_eq!(first("go to panel runs"), Some(Found::GoTo(Pane::Runs)));
        assert_eq!(first("1 down"), Some(Found::Layer(LAYERS[1].into())));
        assert_eq!(first("xyzzy"), None);
        assert!(all("").len() > 20);
    }

    #[test]
    fn every_setting_is_found_by_its_label_and_its_name() {
        assert_eq!(first("density"), Some(Found::Focus(Setting::Density)));
        for &setting in Setting::ALL {
            for name in [texts(setting).0.to_owned(), plain(setting)] {
                let found = all(&name);
                let at = found.iter().position(|found| *found == Found::Focus(setting));
                assert!(at.is_some_and(|at| at < 4), "{name}: {at:?}");
            }
        }
    }

    #[test]
    fn a_name_and_a_value_set_it() {
        let set = |text: &str| match first(text) {
            Some(Found::Set(settings)) => Some(*settings),
            _ => None,
        };
        assert_eq!(set("density 0.3").map(|settings| settings.density), Some(0.3));
        assert_eq!(set("Density 30 %").map(|settings| settings.density), Some(0.3));
        assert_eq!(set("outer iter 12").map(|settings| settings.outer), Some(12));
        assert_eq!(set("warm start off").map(|settings| settings.warm_start), Some(false));
        // What cannot be is said, and the control is where one goes instead.
        assert_eq!(first("density 7"), Some(Found::Focus(Setting::Density)));
        assert_eq!(set("1 up_proj"), None);
    }
}
