//! What can be exported, and what is wanted of it.

use super::pane::Pane;
use crate::Named;
use crate::app::platform::SaveTarget;
use crate::export::Layout;
use crate::methods::Method;
use crate::model::{Dtype, acts};
use serde::{Deserialize, Serialize};

/// A kind of file to export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExportKind {
    /// The factors A and B.
    #[default]
    Factors,
    /// W, A, B, A·B and the error side by side.
    Sheet,
    /// One view as it is on screen.
    View(Pane),
    /// The curves as a picture.
    Svg,
    /// The curves as numbers.
    Csv,
    /// The report of the run, as JSON.
    Json,
    /// All of it on one page.
    Report,
    /// The sweep on screen as numbers.
    SweepCsv,
    /// All numbers, as JSON.
    SweepJson,
    /// The sweep's chart, as lines and text.
    SweepSvg,
    /// The sweep's chart, as pixels.
    SweepPng,
    /// The model's table as numbers.
    TableCsv,
    /// All numbers, as JSON.
    TableJson,
    /// Its chart, as lines and text.
    TableSvg,
    /// Its chart, as pixels.
    TablePng,
}

impl ExportKind {
    /// All kinds, in the order of the dialog.
    pub const ALL: [Self; 19] = [
        Self::Factors,
        Self::Sheet,
        Self::View(Pane::W),
        Self::View(Pane::A),
        Self::View(Pane::B),
        Self::View(Pane::Product),
        Self::View(Pane::Error),
        Self::Svg,
        Self::Csv,
        Self::Json,
        Self::Report,
        Self::SweepCsv,
        Self::SweepJson,
        Self::SweepSvg,
        Self::SweepPng,
        Self::TableCsv,
        Self::TableJson,
        Self::TableSvg,
        Self::TablePng,
    ];

    /// Name in the dialog.
    pub fn title(self) -> String {
        match self {
            Self::Factors => "Factors (safetensors)".into(),
            Self::Sheet => "All pictures (PNG)".into(),
            Self::View(pane) => format!("Picture of {} as shown (PNG)", pane.title()),
            Self::Svg => "Curves (SVG)".into(),
            Self::Csv => "Curves (CSV)".into(),
            Self::Json => "Run (JSON)".into(),
            Self::Report => "Report (HTML)".into(),
            Self::SweepCsv => "Sweep (CSV)".into(),
            Self::SweepJson => "Sweep (JSON)".into(),
            Self::SweepSvg => "Sweep (SVG)".into(),
            Self::SweepPng => "Sweep (PNG)".into(),
            Self::TableCsv => "Table of the model (CSV)".into(),
            Self::TableJson => "Table of the model (JSON)".into(),
            Self::TableSvg => "Chart of the model (SVG)".into(),
            Self::TablePng => "Chart of the model (PNG)".into(),
        }
    }

    /// Ending of the file's name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Factors => "safetensors",
            Self::Sheet | Self::View(_) | Self::SweepPng | Self::TablePng => "png",
            Self::Svg | Self::SweepSvg | Self::TableSvg => "svg",
            Self::Csv | Self::SweepCsv | Self::TableCsv => "csv",
            Self::Json | Self::SweepJson | Self::TableJson => "json",
            Self::Report => "html",
        }
    }

    /// Suggested file name.
    ///
    /// With the number of the outer iteration whose factors are written, where it is not the result.
    pub fn file_name(self, stem: &str, method: Method, iteration: Option<usize>) -> String {
        /// Characters of the stem.
        const LONGEST: usize = 100;
        let part = match self {
            Self::Factors => method.name().to_owned(),
            Self::Sheet => "pictures".into(),
            Self::View(pane) => pane.title().replace(['·', ' '], "").replace('−', "-"),
            Self::Svg | Self::Csv => "curves".into(),
            Self::Json => "run".into(),
            Self::Report => "report".into(),
            Self::SweepCsv | Self::SweepJson | Self::SweepSvg | Self::SweepPng => "sweep".into(),
            Self::TableCsv | Self::TableJson | Self::TableSvg | Self::TablePng => "table".into(),
        };
        let iteration = iteration.filter(|_| self.needs_run()).map(|number| format!(".iteration{number}"));
        // A tensor's name may hold what no file's name can, and be longer.
        let forbidden = |c: char| acts(c) || r#"/\:*?"<>|"#.contains(c);
        let stem: String = stem.chars().take(LONGEST).map(|c| if forbidden(c) { '_' } else { c }).collect();
        format!("{stem}.{part}{}.{}", iteration.unwrap_or_default(), self.extension())
    }

    /// Whether it needs factors that a run of ours has made.
    pub fn needs_run(self) -> bool {
        matches!(self, Self::Factors | Self::Sheet | Self::Json | Self::Report)
    }
}

/// A request to write a file.
#[derive(Serialize, Deserialize)]
pub struct ExportRequest {
    /// Kind of file to write.
    pub kind: ExportKind,
    /// Half-step whose factors are written; the run's result without.
    pub step: Option<usize>,
    /// The method's usual one without.
    pub layout: Option<Layout>,
    /// Type of the values; the layout's usual one without.
    pub dtype: Option<Dtype>,
    /// Target of the file.
    pub target: SaveTarget,
}
