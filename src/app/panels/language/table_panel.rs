//! The paper's Table 1 and Fig. 8 for the open model: what every method does to its perplexity, cell by cell.

use crate::app::panels::language::LanguageModelState;
use crate::app::state::chart_files::ChartFiles;
use crate::app::state::command::Command;
use crate::app::state::export::ExportKind;
use crate::app::tasks::language::eval_set::ModelInfo;
use crate::app::tasks::language::work::MeasureRow;
use crate::app::tasks::pending_task::{PACE, PendingTask};
use crate::app::widgets::chart_view::chart_ui;
use crate::app::widgets::text::duration;
use crate::compare::{ModelRecord, ModelResults, ModelRow};
use crate::compress::distribute;
use crate::measure::percent;
use eframe::egui::{Button, Context, Grid, ProgressBar, Role, ScrollArea, Ui, WidgetInfo};

/// The table's columns.
const DENSITIES: [f64; 4] = [0.5, 0.4, 0.3, 0.25];

/// The table of one model with its texts.
#[derive(Default)]
pub struct TablePanel {
    /// Of which study; another one begins anew.
    study: usize,
    records: Vec<ModelRecord>,
    wanted: bool,
    going: Option<Going>,
    problem: Option<String>,
}

/// A cell in work.
struct Going {
    row: usize,
    density: f64,
    share: f64,
    errand: PendingTask<MeasureRow>,
}

impl TablePanel {
    fn find(&self, row: &ModelRow, density: f64) -> Option<&ModelRecord> {
        self.records.iter().find(|record| record.method == row.name && record.density == density)
    }

    /// The next cell that is missing: a row of [`ModelRow::ALL`], and a density.
    fn next(&self) -> Option<(usize, f64)> {
        let rows = ModelRow::ALL.iter().enumerate();
        let mut cells = rows.flat_map(|(at, row)| DENSITIES.map(|density| (at, row, density)));
        cells.find(|(_, row, density)| self.find(row, *density).is_none()).map(|(at, _, density)| (at, density))
    }

    /// Whether the next cell's nonzeros are distributed by the sensitivity of layers.
    fn distributes(&self) -> bool {
        self.next().is_some_and(|(row, _)| ModelRow::ALL[row].distributed)
    }

    fn take_in(&mut self) {
        let Some(Going { share, errand, .. }) = &mut self.going else { return };
        let Some(made) = errand.poll(|news| *share = news) else { return };
        self.going = None;
        match made {
            Ok(record) => self.records.push(record),
            Err(why) => self.give_up(why),
        }
    }

    fn give_up(&mut self, why: String) {
        (self.problem, self.wanted) = (Some(why), false);
    }
}

impl LanguageModelState {
    /// Takes in what was measured for the table, and begins the next cell.
    pub(super) fn take_in_table(&mut self, ctx: &Context, threads: Option<usize>) {
        if self.table.study != self.number {
            self.table = TablePanel { study: self.number, ..TablePanel::default() };
        }
        self.table.take_in();
        let Some(model) = self.opened.clone() else { return };
        if self.table.going.is_some() || !self.table.wanted {
            return;
        }
        let Some((row, density)) = self.table.next() else {
            self.table.wanted = false;
            return;
        };
        let mut shares = None;
        if ModelRow::ALL[row].distributed {
            let proxy = self.proxy.of(&self.number).cloned();
            match proxy.as_deref() {
                Some(Ok(proxy)) => shares = self.facts().map(|facts| distribute(&facts.config, proxy, density)),
                Some(Err(why)) => return self.table.give_up(why.clone()),
                None if self.proxy.has_given_up() => {
                    return self.table.give_up("the sensitivity of layers could not be measured".into());
                }
                // It comes.
                None => return self.proxy_wanted = true,
            }
        }
        let task = MeasureRow { model, row, density, shares, threads };
        self.table.going = Some(Going { row, density, share: 0.0, errand: PendingTask::new(ctx, task, PACE) });
    }

    /// The table so far, as charts and files have it.
    fn results(&self) -> Option<ModelResults> {
        let dense = self.dense()?;
        let model = self.source.as_ref()?.checkpoint.name().to_owned();
        let place = |record: &ModelRecord| ModelRow::ALL.iter().position(|row| row.name == record.method);
        let mut rows = self.table.records.clone();
        rows.sort_by(|a, b| place(a).cmp(&place(b)).then(b.density.total_cmp(&a.density)));
        (!rows.is_empty()).then_some(ModelResults { model, dense, floor: self.floor(), rows })
    }

    /// What can be saved.
    pub fn table_to_write(&self) -> Option<ChartFiles> {
        let results = self.results()?;
        let json = serde_json::to_string_pretty(&results).unwrap_or_default() + "\n";
        Some(ChartFiles { csv: results.to_csv(), json, svg: results.chart().to_svg(960, 600) })
    }

    /// How many cells are measured.
    pub fn table_count(&self) -> usize {
        self.table.records.len()
    }

    /// Whether cells are being measured.
    pub fn table_is_going(&self) -> bool {
        self.table.wanted
    }

    /// The panel.
    pub fn table_ui(&mut self, ui: &mut Ui) -> Option<Command> {
        let Some(facts) = self.facts_ui(ui) else { return None };
        let mut save = None;
        ui.horizontal_wrapped(|ui| {
            self.table_button_ui(ui);
            let any = !self.table.records.is_empty();
            let button = ui.add_enabled(any, Button::new("Save…"));
            let hint = "The table as CSV or JSON, the chart as a picture";
            let button = button.on_hover_text(hint).on_disabled_hover_text("Nothing is measured yet");
            save = button.clicked().then_some(Command::Export(Some(ExportKind::TableCsv)));
        });
        if let Some(why) = &self.table.problem {
            ui.colored_label(ui.visuals().error_fg_color, why);
        }
        self.table_progress_ui(ui, &facts);
        let Some(results) = self.results() else {
            ui.weak("The paper's Table 1 and Fig. 8: all layers replaced by each method at four densities, and what that does to the perplexity");
            return save;
        };
        ScrollArea::horizontal().id_salt("table").show(ui, |ui| self.cells_ui(ui));
        chart_ui(ui, "perplexity", &results.chart());
        save
    }

    /// Measures what is missing of the table; in a sentence why not.
    pub fn measure_table(&mut self) -> Result<(), &'static str> {
        if let Some(why) = self.no_table() {
            return Err(why);
        }
        (self.table.wanted, self.table.problem) = (true, None);
        Ok(())
    }

    /// Ends what is being measured; what is measured stays.
    pub fn pause_table(&mut self) {
        // Nothing else in the table waits for the sensitivity of layers.
        if self.table.wanted && self.table.distributes() && self.proxy().is_none() {
            (self.proxy_wanted, self.proxy) = Default::default();
        }
        (self.table.wanted, self.table.going) = (false, None);
    }

    /// Why nothing can be measured for the table now.
    fn no_table(&self) -> Option<&'static str> {
        let Some(facts) = self.facts() else { return Some("no language model is open") };
        match () {
            () if !facts.calibrates => Some("Give a text first, under Text to measure on"),
            () if self.dense().is_none() => Some("The dense model is not measured yet"),
            () if self.is_working() => Some("Layers are being compressed"),
            () if self.table.next().is_none() => Some("All of it is measured"),
            () => None,
        }
    }

    fn table_button_ui(&mut self, ui: &mut Ui) {
        if self.table.wanted {
            if ui.button("Pause table").on_hover_text("What is measured stays; it can go on later").clicked() {
                self.pause_table();
            }
            return;
        }
        let text = if self.table.records.is_empty() { "Measure the table" } else { "Go on" };
        let hint =
            "All layers by every method at 50, 40, 30 and 25 %: minutes for the built-in model, longer for larger ones";
        let why_not = self.no_table();
        let button = ui.add_enabled(why_not.is_none(), Button::new(text));
        if button.on_hover_text(hint).on_disabled_hover_text(why_not.unwrap_or_default()).clicked() {
            _ = self.measure_table();
        }
    }

    /// The cell in work, or what its nonzeros are distributed by.
    fn table_progress_ui(&self, ui: &mut Ui, facts: &ModelInfo) {
        let (share, text) = match &self.table.going {
            Some(Going { row, density, share, errand }) => {
                let left = errand.seconds(*share).1;
                let left = left.map_or(String::new(), |left| format!(", about {} left", duration(left)));
                (*share, format!("{} at {}{left}", ModelRow::ALL[*row].name, percent(*density)))
            }
            None if self.table.wanted && self.table.distributes() => {
                let (done, all) = (self.proxy.news().copied().unwrap_or(0), facts.config.layers().count());
                let text = format!("Sensitivity of layers, for the last row: {done} of {all}");
                (done as f64 / all.max(1) as f64, text)
            }
            None => return,
        };
        let bar = ui.add(ProgressBar::new(share as f32).text(&text));
        bar.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, &text));
    }

    fn cells_ui(&self, ui: &mut Ui) {
        Grid::new("table 1").num_columns(1 + DENSITIES.len()).striped(true).show(ui, |ui| {
            ui.weak("Perplexity");
            DENSITIES.iter().for_each(|density| _ = ui.weak(percent(*density)));
            ui.end_row();
            for row in ModelRow::ALL.iter().filter(|row| DENSITIES.iter().any(|&d| self.table.find(row, d).is_some())) {
                ui.label(row.name);
                for density in DENSITIES {
                    match self.table.find(row, density) {
                        Some(record) => {
                            let bytes = 100.0 * record.bytes as f64 / record.bytes_dense.max(1) as f64;
                            let hint =
                                format!("{} nonzeros, {bytes:.1} % of the bytes, {:.0} s", record.nnz, record.seconds);
                            ui.label(format!("{:.3}", record.perplexity)).on_hover_text(hint);
                        }
                        None => _ = ui.weak("–"),
                    }
                }
                ui.end_row();
            }
        });
    }
}
