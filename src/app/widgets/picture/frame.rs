//! What a view is given to show.

use super::{Colors, Pyramid};
use eframe::egui::Color32;
use std::sync::Arc;

/// What is lit up, by position on screen (after reordering).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Marks {
    /// A whole row, by position.
    pub row: Option<usize>,
    /// A whole column, by position.
    pub col: Option<usize>,
    /// Single entries, as (row, column).
    pub entries: Vec<(usize, usize)>,
}

/// The entry under the shared pointer.
#[derive(Clone, Debug, PartialEq)]
pub struct Readout {
    /// Row of the matrix as it is stored.
    pub row: usize,
    /// Column of the matrix as it is stored.
    pub col: usize,
    /// What is there.
    pub value: String,
    /// Whether the pointer is held there.
    pub is_held: bool,
}

impl Readout {
    /// For a corner of the view.
    pub fn short(&self) -> String {
        let Self { row, col, value, .. } = self;
        format!("{row}, {col}: {value}")
    }

    /// For a person who hears it.
    pub fn spoken(&self) -> String {
        let Self { row, col, value, is_held } = self;
        format!("row {row}, column {col}: {value}{}", if *is_held { ", held" } else { "" })
    }
}

/// What a view shows.
pub struct Frame<'a> {
    /// Name of the view.
    pub title: &'a str,
    /// What stands for it in every view.
    pub accent: Color32,
    /// Matrix that the view shows.
    pub pyramid: &'a Arc<Pyramid>,
    /// Colours of the entries.
    pub colors: Colors,
    /// What the shared pointer lights up here.
    pub marks: &'a Marks,
    /// The entry under the shared pointer, in the corner.
    pub readout: Option<Readout>,
    /// Whether rows' and columns' counts are shown.
    pub marginals: bool,
}
