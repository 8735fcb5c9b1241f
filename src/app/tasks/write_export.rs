//! Writing what the window shows: factors, pictures, curves, reports.

use super::export_data::{ExportData, RunToWrite, ViewToWrite};
use crate::Named;
use crate::app::platform::written::Written;
use crate::app::state::chart_files::ChartFiles;
use crate::app::state::error::Error;
use crate::app::state::export::{ExportKind, ExportRequest};
use crate::app::widgets::picture::{bar, image};
use crate::compare::Candidate;

use crate::export::{self, Export, HtmlReport, Layout, Palette, RunReport, framed, html_report, report_pictures};
use crate::factorize::Settings;
use crate::hint::Failure;
use crate::matrix::Replacement;
use crate::methods::Method;
use crate::model::Dtype;
use crate::tasks::{Queue, SilentTask};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Writes something that the window shows.
#[derive(Serialize, Deserialize)]
pub struct WriteExport {
    /// Data that the file is made from.
    pub data: ExportData,
    /// Kind, format and target of the file.
    pub request: ExportRequest,
}

impl WriteExport {
    /// The run whose factors are saved with it.
    pub fn number_saved(&self) -> Option<usize> {
        let is_result = self.request.kind == ExportKind::Factors && self.request.step.is_none();
        self.data.run.as_ref().map(|run| run.number).filter(|_| is_result)
    }
}

impl SilentTask for WriteExport {
    const NAME: &'static str = "write";
    const QUEUE: Queue = Queue::Files;
    type Output = Result<Written, Failure>;

    fn make(self) -> Self::Output {
        write(self.data, &self.request)
    }
}

fn write(data: ExportData, request: &ExportRequest) -> Result<Written, Failure> {
    let &ExportRequest { kind, step: _, layout, dtype, ref target } = request;
    target.check_ending(kind.extension())?;
    let bytes = match kind {
        ExportKind::Svg => data.chart.to_svg(960, 540).into_bytes(),
        ExportKind::Csv => data.chart.to_csv().into_bytes(),
        ExportKind::SweepCsv | ExportKind::SweepJson | ExportKind::SweepSvg | ExportKind::SweepPng => {
            data.sweep.ok_or(Error::NoSweep)?.bytes(kind)?
        }
        ExportKind::TableCsv | ExportKind::TableJson | ExportKind::TableSvg | ExportKind::TablePng => {
            data.table.ok_or(Error::NoTable)?.bytes(kind)?
        }
        ExportKind::View(_) => view_png(&data.view.ok_or(Error::NoView)?),
        ExportKind::Factors | ExportKind::Sheet | ExportKind::Json | ExportKind::Report => {
            let run = data.run.ok_or(Error::RunGoes)?;
            // What is not asked about is written exactly.
            let chosen = matches!(kind, ExportKind::Factors | ExportKind::Report);
            let (layout, dtype) = if chosen { (layout, dtype) } else { (None, Some(Dtype::F32)) };
            let (layer, method) = (run.layer.clone(), run.method);
            let Exported { export, report, settings, told, replacement } = run.exported(layout, dtype)?;
            match kind {
                ExportKind::Factors => {
                    let (nnz, error) = (report.nnz, report.relative_error);
                    let written = target.write(&export.to_bytes(&told, &serde_json::json!(report)))?;
                    let said = format!("{} ({nnz} nonzeros, error {})", written.said, export::error_text(error, 4));
                    return Ok(Written { said, ..written });
                }
                ExportKind::Sheet if replacement.kind().is_two_factors() => {
                    export::factor_sheet(&layer.weight, &replacement, 384, Palette::Light).to_png()
                }
                ExportKind::Sheet => {
                    let (one, name) = (replacement.to_dense(), method.name());
                    export::replacement_sheet(&layer.weight, &one, name, 384, Palette::Light).to_png()
                }
                ExportKind::Json => {
                    let json = serde_json::json!({ "report": report, "settings": settings });
                    format!("{json:#}\n").into_bytes()
                }
                _ => html_report(&HtmlReport {
                    method,
                    report: &report,
                    settings: settings.as_ref(),
                    pictures: &report_pictures(&layer.weight, &export, 384),
                    charts: &[data.chart],
                    file: None,
                })
                .into_bytes(),
            }
        }
    };
    Ok(target.write(&bytes)?)
}

impl ChartFiles {
    fn bytes(self, kind: ExportKind) -> Result<Vec<u8>, export::Error> {
        Ok(match kind {
            ExportKind::SweepCsv | ExportKind::TableCsv => self.csv.into_bytes(),
            ExportKind::SweepJson | ExportKind::TableJson => self.json.into_bytes(),
            ExportKind::SweepPng | ExportKind::TablePng => export::svg_to_png(&self.svg, 1.5)?,
            _ => self.svg.into_bytes(),
        })
    }
}

/// Replacement of W as it is written, and the facts about it.
struct Exported {
    export: Export,
    report: RunReport,
    /// Of a DSF run.
    settings: Option<Settings>,
    /// Settings of the method, for the file.
    told: serde_json::Value,
    replacement: Arc<Replacement>,
}

impl RunToWrite {
    /// Rounded, and measured as it is then. What is one matrix is written as one, whatever the layout.
    fn exported(self, layout: Option<Layout>, dtype: Option<Dtype>) -> Result<Exported, export::Error> {
        let Self { layer, step, outcome, problem, threads, method, threshold, .. } = self;
        let replacement = outcome.replacement.clone();
        let layout = layout.filter(|_| replacement.kind().is_two_factors()).unwrap_or(Layout::usual(method));
        let export = Export::new(&layer, &replacement, layout, dtype)?;
        if method != Method::Dsf {
            let (density, seconds) = (outcome.settings.density, outcome.seconds);
            let report = RunReport::new(&layer, &problem, (method, density), &export, (seconds, threads));
            let told = Candidate { method, settings: outcome.settings, threshold }.told();
            return Ok(Exported { export, report, settings: None, told, replacement });
        }
        let report = RunReport::of_run(&layer, &problem, outcome.settings.preset(), &export, &outcome, threads);
        let report = RunReport { outer: step.map(|step| step / 2).or(report.outer), ..report };
        let told = serde_json::json!(outcome.settings);
        Ok(Exported { export, report, settings: Some(outcome.settings), told, replacement })
    }
}

fn view_png(view: &ViewToWrite) -> Vec<u8> {
    /// Of the longer side.
    const SIDE: usize = 1024;
    let (viewport, aspect) = view.part;
    let pixels = image(&view.pyramid, &view.colors, &viewport, aspect, SIDE);
    let palette = if view.colors.dark { Palette::Dark } else { Palette::Light };
    framed(&pixels, &view.title, &bar(&view.colors, &view.pyramid), palette).to_png()
}
