//! The panels by name.

use crate::app::widgets::colors;
use crate::methods::Method;
use eframe::egui::Color32;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// A panel of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, VariantArray)]
#[expect(missing_docs, reason = "their names say it; see Pane::title")]
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
    Speed,
    Runs,
    Model,
    Story,
    Lesson,
    Log,
    Compare,
    /// The paper's figures for this layer.
    Sweeps,
    /// The table of perplexities by method.
    Table,
    /// The vision model.
    Vision,
    /// Images with the vision model's answers.
    Images,
    /// Which classes the vision model takes for which.
    Confusion,
    /// A convolution's weights and factors as pictures.
    Kernels,
}

impl Pane {
    /// Title of the panel's tab.
    pub fn title(self) -> &'static str {
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
            Self::Speed => "Speed",
            Self::Runs => "Runs",
            Self::Model => "Model",
            Self::Story => "Story",
            Self::Table => "Table",
            Self::Lesson => "Lesson",
            Self::Log => "Log",
            Self::Compare => "Methods",
            Self::Sweeps => "Sweeps",
            Self::Vision => "Network",
            Self::Images => "Images",
            Self::Confusion => "Confusion",
            Self::Kernels => "Kernels",
        }
    }

    /// Name of the panel as a region of the window.
    pub fn region(self) -> String {
        format!("{} panel", self.title())
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
