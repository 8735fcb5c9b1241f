//! Totals over all layers of a compression.

use crate::export::RunReport;
use serde::Serialize;

/// Result of a compression. The keys are a contract.
#[derive(Clone, Debug, Serialize)]
pub struct Totals {
    /// Reports of the layers, in the order of computation.
    pub layers: Vec<RunReport>,
    /// Requested share of the weights.
    pub density: f64,
    /// Number of nonzeros of all layers; those that stay dense count with all weights, here and in the bytes.
    pub nnz: usize,
    /// Bytes of the layers with 16-bit values.
    pub bytes_dense: u64,
    /// Bytes of their replacements with 16-bit values and one bit a position, where positions are stored.
    pub bytes_bitmask: u64,
    /// Bytes of their replacements with 16-bit values and a column index each, where positions are stored.
    pub bytes_csr: u64,
    /// Duration of the compression in seconds, with what was done before an interruption.
    pub seconds: f64,
}

impl Totals {
    /// Totals of finished layers and of `dense` weights in layers that stay dense.
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
