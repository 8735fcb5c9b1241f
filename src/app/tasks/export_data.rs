//! All that a task needs to export something.

use crate::app::state::chart_files::ChartFiles;
use crate::app::widgets::picture::{Colors, Pyramid, Viewport};
use crate::export::Chart;
use crate::job::Outcome;
use crate::matrix::Problem;
use crate::methods::{Method, ThresholdScope};
use crate::model::Layer;
use crate::tasks::shared;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Data of the run on screen.
#[derive(Serialize, Deserialize)]
pub struct ExportData {
    /// The run and its layer, when it is over.
    pub run: Option<RunToWrite>,
    /// Chart of the curves.
    pub chart: Chart,
    /// The view that was asked for.
    pub view: Option<ViewToWrite>,
    /// The sweep that is looked at.
    pub sweep: Option<ChartFiles>,
    /// The table of methods on the model.
    pub table: Option<ChartFiles>,
}

/// A run that is over.
#[derive(Serialize, Deserialize)]
pub struct RunToWrite {
    /// Number of the run.
    pub number: usize,
    /// The layer with weight W.
    #[serde(with = "shared")]
    pub layer: Arc<Layer>,
    /// Half-step that the outcome is of; the end of the run without.
    pub step: Option<usize>,
    /// Outcome of the run.
    pub outcome: Outcome,
    /// Problem of the run.
    pub problem: Problem,
    /// Number of threads of the run.
    pub threads: usize,
    /// Method that replaced W.
    pub method: Method,
    /// Over what entries compete, where the method leaves that open.
    pub threshold: ThresholdScope,
}

/// A part of a matrix.
#[derive(Serialize, Deserialize)]
pub struct ViewToWrite {
    /// The matrix to draw.
    #[serde(with = "shared")]
    pub pyramid: Arc<Pyramid>,
    /// Colours of the picture.
    pub colors: Colors,
    /// The part in sight, and its width over its height.
    pub part: (Viewport, f32),
    /// Title above the picture.
    pub title: String,
}
