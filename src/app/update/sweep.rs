//! The sweeps: what is asked for of them, from the panel and from outside.

use crate::Named;
use crate::app::explorer::Explorer;
use crate::app::panels::sweeps::SweepPanel;
use crate::app::state::command::SweepCommand;
use crate::app::state::error::Error;
use crate::app::state::order_error::OrderError;
use crate::compare::Figure;
use crate::hint::Failure;
use serde_json::{Value, json};

impl Explorer {
    /// Does what the panel asks for.
    pub(super) fn perform_sweep(&mut self, command: SweepCommand) {
        match command {
            SweepCommand::Show(figure) => self.state.computed.sweeps.show(figure),
            SweepCommand::Start => {
                let figure = self.state.computed.sweeps.figure();
                if let Err(why) = self.start_sweep(figure) {
                    self.state.computed.sweeps.fail(&why);
                }
            }
            SweepCommand::Pause => self.state.computed.sweeps.pause(),
            SweepCommand::Resume => self.state.computed.sweeps.resume(),
        }
    }

    fn start_sweep(&mut self, figure: Figure) -> Result<(), Failure> {
        let (layer, problem) = self.state.document.layer_and_problem().ok_or(Error::NoLayer)?;
        let base = self.state.sweep_base();
        self.state.computed.sweeps.start(figure, layer, problem, base)
    }

    /// A figure's name begins it, `"pause"` and `"go on"` are for the one on screen.
    pub(super) fn sweep_order(&mut self, order: &Value) -> Result<(), OrderError> {
        let takes = || OrderError::takes("a sweep", "a figure's name, \"pause\" or \"go on\"");
        let word = order.as_str().ok_or_else(takes)?;
        self.state.document.layer.as_ref().ok_or(Error::NoLayer)?;
        match word {
            "pause" => self.state.computed.sweeps.pause(),
            "go on" => self.state.computed.sweeps.resume(),
            name => {
                let figure = Figure::named(name);
                self.start_sweep(figure.ok_or_else(|| OrderError::unknown("figure called", name))?)?;
                self.panels.sweeps = SweepPanel::default();
            }
        }
        Ok(())
    }

    /// The sweep on screen, for those who ask from outside.
    pub(super) fn sweep_state(&self) -> Value {
        let Some(work) = self.state.computed.sweeps.shown() else { return Value::Null };
        let (done, all) = work.count();
        json!({ "figure": work.figure.name(), "done": done, "points": all, "going": work.is_going() })
    }
}
