//! A simple list of files, for systems without a file dialog.

use crate::app::platform::listing::{Listing, file_name};
use crate::app::platform::typed;
use crate::model::Source;
use eframe::egui::{ScrollArea, TextStyle, Ui};
use std::path::PathBuf;

/// Height of the list, in points.
const HEIGHT: f32 = 220.0;

/// The list of one folder.
#[derive(Default)]
pub struct FileList {
    listing: Listing,
    /// Why a folder could not be read.
    problem: Option<String>,
}

impl FileList {
    /// Lists the folder that `text` names or is in.
    pub fn near(text: &str) -> Self {
        let mut list = Self::default();
        list.take(Listing::near(text));
        list
    }

    fn take(&mut self, listing: std::io::Result<Listing>) {
        match listing {
            Ok(listing) => *self = Self { listing, problem: None },
            Err(why) => self.problem = Some(why.to_string()),
        }
    }

    /// The folder's entries; gives the file, or the folder of a model, that is to be opened.
    pub fn ui(&mut self, ui: &mut Ui) -> Option<Source> {
        let mut next: Option<PathBuf> = None;
        let mut chosen = None;
        ui.horizontal_wrapped(|ui| {
            let parent = self.listing.folder.parent().map(PathBuf::from);
            let up = ui.add_enabled(parent.is_some(), eframe::egui::Button::new("Folder above").small());
            next = parent.filter(|_| up.clicked());
            let opens = ui.small_button("Open this folder").on_hover_text("As one model: a sharded checkpoint");
            chosen = opens.clicked().then(|| typed(&self.listing.folder.to_string_lossy()));
            ui.label(self.listing.folder.display().to_string());
        });
        if let Some(why) = &self.problem {
            ui.colored_label(ui.visuals().error_fg_color, why);
        }
        let height = ui.text_style_height(&TextStyle::Button);
        let count = self.listing.entries.len();
        let scroll = ScrollArea::vertical().id_salt("file list").max_height(HEIGHT).auto_shrink([false, true]);
        scroll.show_rows(ui, height, count, |ui, range| {
            for (path, is_folder) in &self.listing.entries[range] {
                let text = if *is_folder { format!("{}/", file_name(path)) } else { file_name(path) };
                if ui.selectable_label(false, text).clicked() {
                    if *is_folder {
                        next = Some(path.clone());
                    } else {
                        chosen = Some(typed(&path.to_string_lossy()));
                    }
                }
            }
        });
        if count == 0 {
            ui.weak("Nothing here that can be opened");
        }
        next.into_iter().for_each(|folder| self.take(Listing::read(&folder)));
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui_kittest::{Harness, kittest::Queryable};

    #[test]
    fn a_file_in_a_folder_is_two_clicks_away() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("inside");
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(inside.join("w.npy"), "").unwrap();
        let list = FileList::near(&folder.path().to_string_lossy());
        let mut harness = Harness::new_ui_state(
            |ui, (list, chosen): &mut (FileList, Option<Source>)| *chosen = list.ui(ui).or(chosen.take()),
            (list, None),
        );
        harness.get_by_label("inside/").click();
        harness.run();
        harness.get_by_label("w.npy").click();
        harness.run();
        let chosen = harness.state().1.as_ref().map(Source::name);
        assert_eq!(chosen.as_deref(), Some("w.npy"));
        harness.get_by_label("Folder above").click();
        harness.run();
        assert!(harness.query_by_label("inside/").is_some());
    }
}
