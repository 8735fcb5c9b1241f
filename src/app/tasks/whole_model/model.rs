//! Whole models, of whatever kind, as layers of theirs are compressed.

use super::tuning::tune::{KeyOf, TunedSource};
use crate::compress::{Densities, LayerByLayer, Plan, Store};
use crate::factorize::Settings;
use crate::hint::Failure;
use crate::tasks::Lazy;

/// Why the values of a model that is compressed already cannot be tuned here.
pub const TUNES_NO_FACTORS: &str =
    "This model keeps its factors: dsf-explorer finetune tunes them, or open the one that they were made from";

/// A compression that runs.
pub type Running<K> = Box<dyn LayerByLayer<K>>;

/// A kind of model that the window opens as a whole.
pub trait WholeModel: TunedSource {
    /// Name of its compressions among tasks.
    const COMPRESSION: &'static str;
    /// Why nothing can be done before such a model is open.
    const NONE_OPEN: &'static str;
    /// Why its layers are no longer compressed or tuned when it is measured on other data, as in "as another text is read".
    const OTHER_DATA: &'static str;
    /// Whether its blocks can be tuned while their layers are compressed.
    const TUNES_BLOCKS: bool;
    /// What is measured of the open model.
    type Measures: Measures;

    /// All layers, in order of computation.
    fn keys(info: &Self::Info) -> Vec<KeyOf<Self>>;

    /// Densities at which all layers are compressed alike, but for those that are best left as they are.
    fn uniform(info: &Self::Info, density: f64) -> Densities<KeyOf<Self>>;

    /// What compressing a layer costs, relative to the others.
    fn cost(info: &Self::Info, key: KeyOf<Self>, settings: &Settings) -> f64;

    /// Whether it is small enough to be measured whenever something changes.
    fn is_live(info: &Self::Info) -> bool;

    /// Why its values cannot be tuned, whatever is compressed: in a sentence.
    fn no_tuning(info: &Self::Info) -> Option<&'static str>;

    /// A compression of `model` on the data that the opened one has for it.
    fn compression(
        opened: &Lazy<Self>,
        model: &Self::Model,
        plan: Plan<KeyOf<Self>>,
        store: Box<dyn Store<KeyOf<Self>>>,
        clock: Box<dyn Fn() -> f64 + Send>,
    ) -> Result<Running<KeyOf<Self>>, Failure>;
}

/// What is measured of an open model.
pub trait Measures: Default {
    /// Stops what is being measured, and forgets what is of no use any more: the model is measured on other data, or another one
    /// is open.
    fn stop(&mut self);
}
