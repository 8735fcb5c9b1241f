//! Which statistics of a layer's inputs.

/// Which statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// The run works with them.
    Calibration,
    /// They only measure it.
    HeldOut,
}
