//! What is asked for of the tuning of a model.

use crate::finetune::Settings;

/// A command about the values of the compressed layers.
pub enum TuningCommand {
    /// Tune with these settings from the next time on.
    Set(Box<Settings>),
    /// Tune them.
    Start,
    /// Pause.
    Pause,
    /// Go on.
    Resume,
    /// End it; the best values so far stay.
    Cancel,
    /// Put the values back that were there before.
    Undo,
}
