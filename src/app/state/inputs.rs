//! What is known of the open layer's inputs.

use crate::matrix::Calibration;
use std::sync::Arc;

/// Role of a layer's input statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputsRole {
    /// The run minimises the error on them.
    Calibration,
    /// They only measure the result.
    HeldOut,
}

/// Statistics, and the name of the file or text that they are from.
type Named = (String, Arc<Calibration>);

/// The statistics that are open.
#[derive(Default)]
pub struct LayerInputs {
    calibration: Option<Named>,
    held_out: Option<Named>,
    /// The tensor that the calibration belongs to, where it was taken from its model.
    tensor: Option<String>,
    /// Name of the layer that was open when statistics were given, where another one is open now.
    given_for: Option<String>,
}

impl LayerInputs {
    /// Takes statistics that were read from the file of this name.
    pub fn take(&mut self, name: String, statistics: Arc<Calibration>, role: InputsRole) {
        if role == InputsRole::Calibration {
            self.tensor = None;
        }
        self.given_for = None;
        *self.slot(role) = Some((name, statistics));
    }

    /// Takes the calibration of the layer of this tensor, and of no other.
    pub fn take_for(&mut self, name: String, statistics: Arc<Calibration>, tensor: String) {
        self.take(name, statistics, InputsRole::Calibration);
        self.tensor = Some(tensor);
    }

    /// Removes the statistics with this role.
    pub fn remove(&mut self, role: InputsRole) {
        *self.slot(role) = None;
        if self.calibration.is_none() && self.held_out.is_none() {
            self.given_for = None;
        }
    }

    /// Name of the layer that they were given for, where another one is open now.
    pub fn given_for(&self) -> Option<&str> {
        self.given_for.as_deref()
    }

    /// Another layer is open than `before`, and takes over what was given.
    pub fn carry_over(&mut self, before: &str, now: &str) {
        if self.calibration.is_some() || self.held_out.is_some() {
            let given = self.given_for.take().unwrap_or_else(|| before.to_owned());
            self.given_for = Some(given).filter(|given| given != now);
        }
    }

    /// Removes what does not fit the layer of this tensor, with so many inputs; true when there was something.
    pub fn fit(&mut self, inputs: usize, tensor: &str) -> bool {
        let mut gone = false;
        if self.tensor.take_if(|own| own != tensor).is_some() {
            gone |= self.calibration.take().is_some();
        }
        for slot in [&mut self.calibration, &mut self.held_out] {
            gone |= slot.take_if(|(_, statistics)| statistics.inputs() != inputs).is_some();
        }
        gone
    }

    /// Calibration: the run minimizes the error on them.
    pub fn calibration(&self) -> Option<Arc<Calibration>> {
        self.calibration.as_ref().map(|(_, statistics)| statistics.clone())
    }

    /// Held out: only the result is measured on them.
    pub fn held_out(&self) -> Option<Arc<Calibration>> {
        self.held_out.as_ref().map(|(_, statistics)| statistics.clone())
    }

    /// Name of the file or text that statistics are from.
    pub fn name(&self, role: InputsRole) -> Option<&str> {
        let named = match role {
            InputsRole::Calibration => &self.calibration,
            InputsRole::HeldOut => &self.held_out,
        };
        named.as_ref().map(|(name, _)| name.as_str())
    }

    fn slot(&mut self, role: InputsRole) -> &mut Option<Named> {
        match role {
            InputsRole::Calibration => &mut self.calibration,
            InputsRole::HeldOut => &mut self.held_out,
        }
    }
}
