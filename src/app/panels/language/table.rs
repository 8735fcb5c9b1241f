//! The paper's Table 1 and Fig. 8 for the open model: what every method does to its perplexity, cell by cell.

use super::info::info_ui;
use crate::app::panels::state::State;
use crate::app::state::command::Command;
use crate::app::state::export::ExportKind;
use crate::app::state::language_command::LanguageCommand;
use crate::app::tasks::language::eval_set::ModelInfo;
use crate::app::tasks::language::table::{Cell, DENSITIES, ModelTable};
use crate::app::widgets::chart_view::chart_ui;
use crate::app::widgets::regions::scroll_ui;
use crate::app::widgets::text::duration;
use crate::compare::ModelRow;
use crate::measure::percent;
use eframe::egui::{Button, Grid, ProgressBar, Role, ScrollArea, Ui, WidgetInfo};

/// Draws the table of each method's perplexity, and its progress.
pub fn table_ui(ui: &mut Ui, state: &State) -> Option<Command> {
    let info = info_ui(ui, state)?;
    let table = state.language.table();
    let mut command = None;
    ui.horizontal_wrapped(|ui| {
        command = button_ui(ui, state).map(Command::Language);
        let any = table.count() > 0;
        let button = ui.add_enabled(any, Button::new("Save…"));
        let hint = "The table as CSV or JSON, the chart as a picture";
        let button = button.on_hover_text(hint).on_disabled_hover_text("Nothing is measured yet");
        let save = button.clicked().then_some(Command::Export(Some(ExportKind::TableCsv)));
        command = save.or(command.take());
    });
    if let Some(why) = table.problem() {
        ui.colored_label(ui.visuals().error_fg_color, why);
    }
    progress_ui(ui, state, info);
    let Some(results) = state.language.table_results() else {
        ui.weak("The paper's Table 1 and Fig. 8: all layers replaced by each method at four densities, and what that does to the perplexity");
        return command;
    };
    scroll_ui(ui, ScrollArea::horizontal().id_salt("table"), |ui| cells_ui(ui, table));
    chart_ui(ui, "perplexity", &results.chart());
    command
}

fn button_ui(ui: &mut Ui, state: &State) -> Option<LanguageCommand> {
    let table = state.language.table();
    if table.is_wanted() {
        let pause = ui.button("Pause table").on_hover_text("What is measured stays; it can go on later");
        return pause.clicked().then_some(LanguageCommand::PauseTable);
    }
    let text = if table.count() == 0 { "Measure the table" } else { "Go on" };
    let hint =
        "All layers by every method at 50, 40, 30 and 25 %: minutes for the built-in model, longer for larger ones";
    let why_not = state.language.no_table();
    let button = ui.add_enabled(why_not.is_none(), Button::new(text));
    let button = button.on_hover_text(hint).on_disabled_hover_text(why_not.unwrap_or_default());
    button.clicked().then_some(LanguageCommand::MeasureTable)
}

/// The cell in work, or what its nonzeros are distributed by.
fn progress_ui(ui: &mut Ui, state: &State, info: &ModelInfo) {
    let table = state.language.table();
    let (share, text) = match table.cell() {
        Some(Cell { row, density, share, task }) => {
            let left = task.seconds(*share).1;
            let left = left.map_or(String::new(), |left| format!(", about {} left", duration(left)));
            (*share, format!("{} at {}{left}", ModelRow::ALL[*row].name, percent(*density)))
        }
        None if table.is_wanted() && table.distributes() => {
            let (done, all) = (state.language.measures.sensitivity.count(), info.config.layers().count());
            let text = format!("Sensitivity of layers, for the last row: {done} of {all}");
            (done as f64 / all.max(1) as f64, text)
        }
        None => return,
    };
    let bar = ui.add(ProgressBar::new(share as f32).text(&text));
    bar.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, &text));
}

fn cells_ui(ui: &mut Ui, table: &ModelTable) {
    Grid::new("table 1").num_columns(1 + DENSITIES.len()).striped(true).show(ui, |ui| {
        ui.weak("Perplexity");
        DENSITIES.iter().for_each(|density| _ = ui.weak(percent(*density)));
        ui.end_row();
        for row in ModelRow::ALL.iter().filter(|row| DENSITIES.iter().any(|&d| table.find(row, d).is_some())) {
            ui.label(row.name);
            for density in DENSITIES {
                match table.find(row, density) {
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
