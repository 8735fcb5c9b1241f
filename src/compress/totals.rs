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
    /// Of a vision model.
    #[serde(flatten)]
    pub vision: Option<VisionTotals>,
}

/// What the compression did to a vision model. The keys are a contract.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct VisionTotals {
    /// Share of right answers of the network as it is written; null where no labelled images are given.
    pub accuracy: Option<f64>,
    /// The same before batch normalization was estimated anew.
    pub accuracy_before_batch_norm: Option<f64>,
    /// Share of right answers of the dense network.
    pub accuracy_dense: Option<f64>,
    /// Number of images that these are measured on.
    pub images: usize,
    /// Operations of the convolutions and the classifier for one image: a product and a sum for each nonzero at each position.
    pub flops: u64,
    /// The same of the dense network.
    pub flops_dense: u64,
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
            vision: None,
        }
    }

    /// With what is known of a vision model.
    pub fn of_vision(self, vision: VisionTotals) -> Self {
        Self { vision: Some(vision), ..self }
    }
}
