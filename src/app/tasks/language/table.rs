//! The paper's Table 1 and Fig. 8 for the open model, cell by cell.

use super::measure_row::MeasureRow;
use crate::app::state::hints::sentence;
use crate::app::tasks::pending_task::PendingTask;
use crate::compare::{ModelRecord, ModelRow};

/// Densities of the table's columns.
pub const DENSITIES: [f64; 4] = [0.5, 0.4, 0.3, 0.25];

/// The table of one model with its texts.
#[derive(Default)]
pub struct ModelTable {
    /// Number of the model with its text; another one begins anew.
    model: usize,
    records: Vec<ModelRecord>,
    wanted: bool,
    cell: Option<Cell>,
    problem: Option<String>,
}

/// A cell in work.
pub struct Cell {
    /// Its row in [`ModelRow::ALL`].
    pub row: usize,
    /// Density of the cell's column.
    pub density: f64,
    /// The share that is done.
    pub share: f64,
    /// Task that measures the cell.
    pub task: PendingTask<MeasureRow>,
}

impl ModelTable {
    /// Returns the measured cells, by rows and then by columns.
    pub fn records(&self) -> Vec<ModelRecord> {
        let place = |record: &ModelRecord| ModelRow::ALL.iter().position(|row| row.name == record.method);
        let mut records = self.records.clone();
        records.sort_by(|a, b| place(a).cmp(&place(b)).then(b.density.total_cmp(&a.density)));
        records
    }

    /// Returns the number of measured cells.
    pub fn count(&self) -> usize {
        self.records.len()
    }

    /// A cell that is measured.
    pub fn find(&self, row: &ModelRow, density: f64) -> Option<&ModelRecord> {
        self.records.iter().find(|record| record.method == row.name && record.density == density)
    }

    /// The next cell that is missing: a row of [`ModelRow::ALL`], and a density.
    pub fn next(&self) -> Option<(usize, f64)> {
        // What is tuned takes minutes a cell: the command line measures it.
        let rows = ModelRow::ALL.iter().enumerate().filter(|(_, row)| row.tuning.is_none());
        let mut cells = rows.flat_map(|(at, row)| DENSITIES.map(|density| (at, row, density)));
        cells.find(|(_, row, density)| self.find(row, *density).is_none()).map(|(at, _, density)| (at, density))
    }

    /// Whether the next cell's nonzeros are distributed by the sensitivity of layers.
    pub fn distributes(&self) -> bool {
        self.next().is_some_and(|(row, _)| ModelRow::ALL[row].distributed)
    }

    /// Whether cells are being measured.
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// The cell in work.
    pub fn cell(&self) -> Option<&Cell> {
        self.cell.as_ref()
    }

    /// Why the last cell could not be measured.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Measures what is missing.
    pub fn start(&mut self) {
        (self.wanted, self.problem) = (true, None);
    }

    /// Ends what is being measured; what is measured stays.
    pub fn pause(&mut self) {
        (self.wanted, self.cell) = (false, None);
    }

    /// Gives the cell in work up.
    pub fn give_up(&mut self, why: String) {
        (self.problem, self.wanted) = (Some(why), false);
    }

    /// Starts the task of a cell.
    pub fn begin(&mut self, cell: Cell) {
        self.cell = Some(cell);
    }

    /// Takes in what was measured of this model; the next cell, if it is to be begun.
    pub fn poll(&mut self, model: usize) -> Option<(usize, f64)> {
        if self.model != model {
            *self = Self { model, ..Self::default() };
        }
        if let Some(Cell { share, task, .. }) = &mut self.cell
            && let Some(made) = task.poll(|news| *share = news)
        {
            self.cell = None;
            match made {
                Ok(record) => self.records.push(record),
                Err(why) => self.give_up(sentence(&why)),
            }
        }
        if self.cell.is_some() || !self.wanted {
            return None;
        }
        let next = self.next();
        self.wanted &= next.is_some();
        next
    }
}
