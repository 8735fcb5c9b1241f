//! What a person has set, most of it kept between two starts.

use super::display_options::DisplayOptions;
use super::persistence::SavedPreferences;
use super::series::Quantity;
use crate::factorize::{Preset, Settings};
use crate::job::{Backend, ComputeConfig};
use eframe::egui::util::undoer::Undoer;
use std::path::PathBuf;

/// Largest number of recent files.
const RECENT: usize = 12;

/// Preferences: what the person has set.
pub struct Preferences {
    /// Settings of the next run.
    pub settings: Settings,
    /// Their changes, for undo and redo.
    history: Undoer<Settings>,
    /// Backend of the runs.
    pub backend: Backend,
    /// Worker threads of a run; all processors without.
    pub threads: Option<usize>,
    /// Display options of the pictures.
    pub looks: DisplayOptions,
    /// Quantity that the curves show.
    pub quantity: Quantity,
    /// Files that were opened, the last first.
    pub recent: Vec<PathBuf>,
    /// Whether frame times are shown.
    pub frame_times: bool,
}

impl Preferences {
    /// Those of the last time.
    pub fn restore(saved: &SavedPreferences, threads: Option<usize>) -> Self {
        let SavedPreferences { settings, backend, looks, quantity, recent, layout: _, frame_times } = saved.clone();
        let settings = settings.unwrap_or_else(first_settings);
        Self { settings, history: Undoer::default(), backend, threads, looks, quantity, recent, frame_times }
    }

    /// Returns the part of them that is kept between two starts, with the panels' places as `layout`.
    pub fn to_saved(&self, layout: String) -> SavedPreferences {
        SavedPreferences {
            settings: Some(self.settings.clone()),
            backend: self.backend,
            looks: self.looks.clone(),
            quantity: self.quantity,
            recent: self.recent.clone(),
            layout,
            frame_times: self.frame_times,
        }
    }

    /// Puts a file in front of those that were opened.
    pub fn remember(&mut self, path: PathBuf) {
        self.recent.retain(|other| *other != path);
        self.recent.insert(0, path);
        self.recent.truncate(RECENT);
    }

    /// Backend and threads of the runs.
    pub fn compute_config(&self) -> ComputeConfig {
        ComputeConfig { backend: self.backend, threads: self.threads }
    }

    /// Worker threads of a run.
    pub fn thread_count(&self) -> usize {
        self.threads.unwrap_or_else(crate::tasks::processors)
    }

    /// Background tasks of one thread each that go on at once.
    pub fn tasks_at_once(&self) -> usize {
        self.threads.unwrap_or_else(crate::tasks::parallel_tasks)
    }

    /// Notes the settings as they are at this time, in seconds, for undo.
    pub fn record(&mut self, now: f64) {
        self.history.feed_state(now, &self.settings);
    }

    /// Whether a setting was changed.
    pub fn has_undo(&self) -> bool {
        self.history.has_undo(&self.settings)
    }

    /// Whether a change was undone.
    pub fn has_redo(&self) -> bool {
        self.history.has_redo(&self.settings)
    }

    /// Takes the last change of a setting back; whether there was one.
    pub fn undo(&mut self) -> bool {
        let settings = self.history.undo(&self.settings).cloned();
        settings.map(|settings| self.settings = settings).is_some()
    }

    /// Makes the change again that was undone last; whether there was one.
    pub fn redo(&mut self) -> bool {
        let settings = self.history.redo(&self.settings).cloned();
        settings.map(|settings| self.settings = settings).is_some()
    }
}

/// Density of the first start. Of the built-in model's opening layer, magnitude pruning to 10 % raises the perplexity by
/// half, and DSF hardly moves it.
const FIRST_DENSITY: f64 = 0.1;

/// Settings of the first start.
fn first_settings() -> Settings {
    Settings { density: FIRST_DENSITY, ..Preset::Fast.settings() }.with_preset(Preset::Fast)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_comes_back() {
        let mut preferences = Preferences::restore(&SavedPreferences::default(), None);
        preferences.settings.density = 0.4;
        (0..20).for_each(|at| preferences.remember(PathBuf::from(format!("file {at}"))));
        preferences.remember(PathBuf::from("file 12"));
        assert_eq!((preferences.recent.len(), preferences.recent[0].to_str()), (RECENT, Some("file 12")));
        let saved = preferences.to_saved("places".into());
        assert_eq!(SavedPreferences::read(&saved.write()).unwrap(), saved);
        assert_eq!(Preferences::restore(&saved, None).to_saved("places".into()), saved);
    }
}
