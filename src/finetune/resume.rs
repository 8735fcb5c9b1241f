//! The state of a tuning as bytes: one that is restored goes on to the same bits.

use super::parameters::Name;
use super::state::{Best, Moment, Restart, State, Stop};
use super::subject::Subject;
use super::tuning::Tuning;
use super::{Error, Moments};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Version of what is saved.
const VERSION: u32 = 3;

#[derive(Serialize, Deserialize)]
#[serde(bound = "K: Serialize + DeserializeOwned")]
struct Saved<K> {
    version: u32,
    step: usize,
    best: Option<Best>,
    history: Vec<Moment>,
    stop: Option<Stop>,
    restart: Restart,
    parameters: Vec<SavedParameter<K>>,
}

#[derive(Serialize, Deserialize)]
#[serde(bound = "K: Serialize + DeserializeOwned")]
struct SavedParameter<K> {
    name: Name<K>,
    #[serde(with = "crate::tasks::raw")]
    values: Vec<f32>,
    moments: Moments,
    #[serde(with = "crate::tasks::raw")]
    best: Vec<f32>,
}

impl<S: Subject> Tuning<S> {
    /// All that changes from step to step, as bytes for [`Tuning::restore`].
    pub fn save(&self) -> Result<Vec<u8>, Error> {
        let State { step, parameters, best, history, stop, restart } = &self.state;
        let parameters = parameters.0.iter().map(|(name, parameter)| SavedParameter {
            name: name.clone(),
            values: parameter.values.as_slice().to_vec(),
            moments: parameter.moments.clone(),
            best: parameter.best.clone(),
        });
        let saved = Saved {
            version: VERSION,
            step: *step,
            best: *best,
            history: history.clone(),
            stop: *stop,
            restart: *restart,
            parameters: parameters.collect(),
        };
        postcard::to_stdvec(&saved).map_err(|error| Error::State { reason: error.to_string() })
    }

    /// Goes on from what [`Tuning::save`] gave for the same task and settings.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let wrong = |reason: &str| Error::State { reason: reason.to_owned() };
        let saved: Saved<S::Key> = postcard::from_bytes(bytes).map_err(|error| wrong(&error.to_string()))?;
        let Saved { version, step, best, history, stop, restart, parameters } = saved;
        if version != VERSION || step > self.steps() {
            return Err(wrong("it is of another version"));
        }
        let is_layer = |name: &&Name<S::Key>| matches!(name, Name::Layer(_));
        let layers = parameters.iter().map(|one| &one.name).filter(is_layer).count();
        if layers != self.state.parameters.0.keys().filter(is_layer).count() {
            return Err(wrong("it has other layers"));
        }
        for SavedParameter { name, values, moments, best: best_values } in parameters {
            let other = || wrong("it is of another model");
            let parameter = match (&name, self.state.parameters.0.contains_key(&name)) {
                (Name::Tensor(tensor), false) => {
                    let parameter = self.subject.tensor(tensor).map_err(|_| other())?;
                    self.state.parameters.0.entry(name).or_insert(parameter)
                }
                (_, true) | (Name::Layer(_), false) => self.state.parameters.0.get_mut(&name).ok_or_else(other)?,
            };
            let length = parameter.values.as_slice().len();
            if values.len() != length || best_values.len() != length || !moments.fits(length) {
                return Err(other());
            }
            parameter.values.as_mut_slice().copy_from_slice(&values);
            (parameter.moments, parameter.best) = (moments, best_values);
        }
        (self.state.step, self.state.best, self.state.history) = (step, best, history);
        (self.state.stop, self.state.restart) = (stop, restart);
        self.subject.apply(&self.state.parameters);
        Ok(())
    }
}
