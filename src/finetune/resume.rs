//! The state of a tuning as bytes: one that is restored goes on to the same bits.
//!
//! A head, then the parameters one by one, each after its length in bytes: what is written or read at a time is no larger than
//! one of them.

use super::parameters::Name;
use super::state::{Best, Moment, Restart, State, Stop};
use super::subject::Subject;
use super::tuning::Tuning;
use super::{Error, Moments};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::{self, Read, Write};

/// Version of what is saved.
const VERSION: u32 = 4;

/// What is saved before the parameters.
#[derive(Serialize, Deserialize)]
struct Head {
    version: u32,
    step: usize,
    best: Option<Best>,
    history: Vec<Moment>,
    stop: Option<Stop>,
    restart: Restart,
    /// Number of the parameters that follow.
    parameters: usize,
    /// How many of them are layers.
    layers: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(bound = "K: Clone + Serialize + DeserializeOwned")]
struct SavedParameter<'a, K> {
    name: Name<K>,
    #[serde(with = "raw")]
    values: Cow<'a, [f32]>,
    moments: Cow<'a, Moments>,
    #[serde(with = "raw")]
    best: Cow<'a, [f32]>,
}

/// As [`crate::tasks::raw`], of what may be borrowed.
mod raw {
    use crate::tasks::raw;
    use serde::{Deserializer, Serializer};
    use std::borrow::Cow;

    pub fn serialize<S: Serializer>(values: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
        raw::serialize(values, serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'static, [f32]>, D::Error> {
        raw::deserialize(deserializer).map(Cow::Owned)
    }
}

impl<S: Subject> Tuning<S> {
    /// Writes all that changes from step to step to `out`, for [`Tuning::restore`].
    pub fn save(&self, out: &mut dyn Write) -> io::Result<()> {
        let State { step, parameters, best, history, stop, restart } = &self.state;
        let head = Head {
            version: VERSION,
            step: *step,
            best: *best,
            history: history.clone(),
            stop: *stop,
            restart: *restart,
            parameters: parameters.0.len(),
            layers: parameters.0.keys().filter(|name| matches!(name, Name::Layer(_))).count(),
        };
        write_part(out, &head)?;
        for (name, parameter) in &parameters.0 {
            let part = SavedParameter {
                name: name.clone(),
                values: parameter.values.as_slice().into(),
                moments: Cow::Borrowed(&parameter.moments),
                best: parameter.best[..].into(),
            };
            write_part(out, &part)?;
        }
        Ok(())
    }

    /// Goes on from what [`Tuning::save`] wrote for the same task and settings. After an error the tuning is of no use.
    pub fn restore(&mut self, saved: &mut dyn Read) -> Result<(), Error> {
        let head: Head = read_part(saved)?;
        let Head { version, step, best, history, stop, restart, parameters, layers } = head;
        if version != VERSION || step > self.steps() {
            return Err(wrong("it is of another version"));
        }
        if layers != self.state.parameters.0.keys().filter(|name| matches!(name, Name::Layer(_))).count() {
            return Err(wrong("it has other layers"));
        }
        for _ in 0..parameters {
            self.restore_parameter(read_part(saved)?)?;
        }
        (self.state.step, self.state.best, self.state.history) = (step, best, history);
        (self.state.stop, self.state.restart) = (stop, restart);
        self.subject.apply(&self.state.parameters);
        Ok(())
    }

    fn restore_parameter(&mut self, saved: SavedParameter<'_, S::Key>) -> Result<(), Error> {
        let SavedParameter { name, values, moments, best } = saved;
        let other = || wrong("it is of another model");
        let parameter = match (&name, self.state.parameters.0.contains_key(&name)) {
            (Name::Tensor(tensor), false) => {
                let parameter = self.subject.tensor(tensor).map_err(|_| other())?;
                self.state.parameters.0.entry(name).or_insert(parameter)
            }
            (_, true) | (Name::Layer(_), false) => self.state.parameters.0.get_mut(&name).ok_or_else(other)?,
        };
        let length = parameter.values.as_slice().len();
        if values.len() != length || best.len() != length || !moments.fits(length) {
            return Err(other());
        }
        parameter.values.as_mut_slice().copy_from_slice(&values);
        (parameter.moments, parameter.best) = (moments.into_owned(), best.into_owned());
        Ok(())
    }
}

fn wrong(reason: impl ToString) -> Error {
    Error::State { reason: reason.to_string() }
}

fn write_part(out: &mut dyn Write, part: &impl Serialize) -> io::Result<()> {
    let bytes = postcard::to_stdvec(part).map_err(io::Error::other)?;
    out.write_all(&(bytes.len() as u64).to_le_bytes())?;
    out.write_all(&bytes)
}

fn read_part<T: DeserializeOwned>(saved: &mut dyn Read) -> Result<T, Error> {
    let mut length = [0; 8];
    saved.read_exact(&mut length).map_err(wrong)?;
    let (length, mut bytes) = (u64::from_le_bytes(length), Vec::new());
    // What is not there is not made room for.
    saved.take(length).read_to_end(&mut bytes).map_err(wrong)?;
    postcard::from_bytes(&bytes).map_err(wrong)
}
