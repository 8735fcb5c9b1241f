//! The panels by name.

use crate::app::widgets::colors;
use crate::methods::Method;
use eframe::egui::Color32;
use serde::{Deserialize, Serialize};

/// A panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "their names say it; see Pane::name")]
pub enum Pane {
    Layers,
    Settings,
    W,
    A,
    B,
    Product,
    Error,
    Paths,
    Curves,
    Histogram,
    Masks,
    Runs,
    Model,
    Story,
    Lesson,
    Log,
    Compare,
    /// The paper's figures for this layer.
    Sweeps,
    /// What every method does to the model's perplexity.
    Table,
}

impl Pane {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Layers,
        Self::Settings,
        Self::W,
        Self::A,
        Self::B,
        Self::Product,
        Self::Error,
        Self::Paths,
        Self::Curves,
        Self::Histogram,
        Self::Masks,
        Self::Runs,
        Self::Model,
        Self::Story,
        Self::Lesson,
        Self::Log,
        Self::Compare,
        Self::Sweeps,
        Self::Table,
    ];

    /// What its tab says.
    pub fn name(self) -> &'static str {
        match self {
            Self::Layers => "Layers",
            Self::Settings => "Settings",
            Self::W => "W",
            Self::A => "A",
            Self::B => "B",
            Self::Product => "A·B",
            Self::Error => "W − A·B",
            Self::Paths => "Paths",
            Self::Curves => "Curves",
            Self::Histogram => "Histogram",
            Self::Masks => "Two masks",
            Self::Runs => "Runs",
            Self::Model => "Model",
            Self::Story => "Story",
            Self::Table => "Table",
            Self::Lesson => "Lesson",
            Self::Log => "Log",
            Self::Compare => "Methods",
            Self::Sweeps => "Sweeps",
        }
    }

    /// A view's colour; A·B has that of the method.
    pub fn accent(self, method: Method) -> Color32 {
        match self {
            Self::W => colors::W,
            Self::A => colors::A,
            Self::B => colors::B,
            Self::Product => colors::of(method),
            _ => colors::ERROR,
        }
    }

    /// Whether it shows a matrix.
    pub fn is_view(self) -> bool {
        matches!(self, Self::W | Self::A | Self::B | Self::Product | Self::Error)
    }
}
