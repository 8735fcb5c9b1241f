//! The Sweeps view: the paper's figures for the open layer, point by point, each a task in the background.
//!
//! `work.rs` holds what waits, goes on and is measured; `panel.rs` asks for it and draws it.

use crate::app::explorer::Explorer;
use crate::compare::Candidate;
use crate::methods::{Method, Threshold};
use eframe::egui::{Context, Ui};
use serde_json::{Value, json};

impl Explorer {
    pub(in crate::app) fn sweeps_ui(&mut self, ui: &mut Ui) {
        let open = self.subject.clone().zip(self.problem());
        let base = Candidate { method: Method::Dsf, settings: self.settings.clone(), threshold: Threshold::default() };
        if self.sweeps.ui(ui, open.as_ref().map(|(subject, problem)| (subject, problem)), &base) {
            self.export.start(Some(crate::app::panels::dialogs::export::What::SweepCsv));
        }
    }

    /// Takes in what was measured, and begins what waits.
    pub(in crate::app) fn poll_sweeps(&mut self, ctx: &Context) {
        let at_once = self.threads.unwrap_or_else(crate::tasks::parallel_tasks);
        self.sweeps.poll(ctx, at_once.max(1));
    }

    /// A figure's name begins it, `"pause"` and `"go on"` are for the one on screen.
    pub(in crate::app) fn sweep_order(&mut self, order: &Value) -> Result<(), String> {
        let word = order.as_str().ok_or("a sweep takes a figure's name, \"pause\" or \"go on\"")?;
        let (subject, problem) = self.subject.clone().zip(self.problem()).ok_or("No layer is open")?;
        let base = Candidate { method: Method::Dsf, settings: self.settings.clone(), threshold: Threshold::default() };
        self.sweeps.order(word, subject, problem, base)
    }

    /// The sweep on screen, for those who ask from outside.
    pub(in crate::app) fn sweep_state(&self) -> Value {
        let Some(work) = self.sweeps.shown() else { return Value::Null };
        let (done, all) = work.count();
        json!({ "figure": work.figure.name(), "done": done, "points": all, "going": work.is_going() })
    }
}
