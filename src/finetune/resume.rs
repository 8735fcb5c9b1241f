//! The state of a tuning as bytes: one that is restored goes on to the same bits.

use super::parameters::{Name, Parameter, Values};
use super::state::{Best, Moment, State, Stop};
use super::{Error, Moments, Tuning};
use serde::{Deserialize, Serialize};

/// Version of what is saved.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Saved {
    version: u32,
    step: usize,
    best: Option<Best>,
    history: Vec<Moment>,
    stop: Option<Stop>,
    parameters: Vec<SavedParameter>,
}

#[derive(Serialize, Deserialize)]
struct SavedParameter {
    name: Name,
    #[serde(with = "crate::tasks::raw")]
    values: Vec<f32>,
    moments: Moments,
    #[serde(with = "crate::tasks::raw")]
    best: Vec<f32>,
}

impl Tuning {
    /// All that changes from step to step, as bytes for [`Tuning::restore`].
    pub fn save(&self) -> Result<Vec<u8>, Error> {
        let State { step, parameters, best, history, stop } = &self.state;
        let parameters = parameters.0.iter().map(|(name, parameter)| SavedParameter {
            name: name.clone(),
            values: parameter.values.as_slice().to_vec(),
            moments: parameter.moments.clone(),
            best: parameter.best.clone(),
        });
        let (best, stop) = (*best, *stop);
        let parameters = parameters.collect();
        let saved = Saved { version: VERSION, step: *step, best, history: history.clone(), stop, parameters };
        postcard::to_stdvec(&saved).map_err(|error| Error::State { reason: error.to_string() })
    }

    /// Goes on from what [`Tuning::save`] gave for the same task and settings.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let wrong = |reason: &str| Error::State { reason: reason.to_owned() };
        let saved: Saved = postcard::from_bytes(bytes).map_err(|error| wrong(&error.to_string()))?;
        let Saved { version, step, best, history, stop, parameters } = saved;
        if version != VERSION || step > self.steps() {
            return Err(wrong("it is of another version"));
        }
        let known = self.state.parameters.0.len();
        let layers = parameters.iter().filter(|one| matches!(one.name, Name::Layer(_))).count();
        if layers != known {
            return Err(wrong("it has other layers"));
        }
        for SavedParameter { name, values, moments, best: best_values } in parameters {
            let length = match (&name, self.state.parameters.0.get(&name)) {
                (_, Some(parameter)) => Some(parameter.best.len()),
                (Name::Tensor(tensor), None) => self.values_of(tensor),
                (Name::Layer(_), None) => None,
            };
            if length != Some(values.len()) || values.len() != best_values.len() || !moments.fits(values.len()) {
                return Err(wrong("it is of another model"));
            }
            let decays = if let Name::Tensor(tensor) = &name { self.decays(tensor) } else { true };
            let fresh = || Parameter::new(Values::Tensor(values.clone()), decays);
            let parameter = self.state.parameters.0.entry(name).or_insert_with(fresh);
            parameter.values.as_mut_slice().copy_from_slice(&values);
            (parameter.moments, parameter.best) = (moments, best_values);
        }
        (self.state.step, self.state.best, self.state.history, self.state.stop) = (step, best, history, stop);
        self.apply_tensors();
        Ok(())
    }
}
