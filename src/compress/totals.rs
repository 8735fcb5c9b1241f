//! All layers together.

use crate::export::RunReport;
use serde::Serialize;

/// What a compression came to. The keys are a contract.
#[derive(Clone, Debug, Serialize)]
pub struct Totals {
    /// A report for each layer, in the order in which they were done.
    pub layers: Vec<RunReport>,
    /// The share of the weights that was asked for.
    pub density: f64,
    /// Nonzeros of all layers; those that stay dense count with all their weights, here and in the bytes.
    pub nnz: usize,
    /// The layers with 16-bit values.
    pub bytes_dense: u64,
    /// What replaces them with 16-bit values and one bit a position, where positions are stored.
    pub bytes_bitmask: u64,
    /// What replaces them with 16-bit values and a column index each, where positions are stored.
    pub bytes_csr: u64,
    /// The whole compression, with what was done before an interruption.
    pub seconds: f64,
}

impl Totals {
    /// Of finished layers, and so many weights in layers that stay dense.
    pub fn new(layers: Vec<RunReport>, dense: usize, density: f64, seconds: f64) -> Self {
        let sum = |bytes: fn(&RunReport) -> u64| 2 * dense as u64 + layers.iter().map(bytes).sum::<u64>();
        Self {
            density,
            nnz: dense + layers.iter().map(|layer| layer.nnz).sum::<usize>(),
            bytes_dense: sum(|layer| layer.bytes_dense),
            bytes_bitmask: sum(|layer| layer.bytes_bitmask.unwrap_or(layer.bytes)),
            bytes_csr: sum(|layer| layer.bytes_csr.unwrap_or(layer.bytes)),
            seconds,
            layers,
        }
    }
}
