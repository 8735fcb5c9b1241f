//! What a run on a GPU knows of its inputs.

use crate::compute::gpu::{Columns, Commands, Gpu, GpuMatrix, Operand, Product, Shape, padded};
use crate::factorize::inputs::RunInputs;
use crate::factorize::weighed::Axis;
use std::ops::Range;

/// What a run knows of its inputs, on the device.
pub(super) struct GpuInputs {
    pub inputs: RunInputs,
    pub metric: Option<GpuMetric>,
    /// C of the calibration statistics, and of others.
    pub statistics: Vec<GpuMatrix>,
    /// E = W − AB, n×m, and E·C or C·E.
    pub residual: GpuMatrix,
    pub seen: GpuMatrix,
    /// Sums of E⊙(E·C) by statistics, slab and row.
    pub energies: wgpu::Buffer,
}

/// The metric, and the memory of half-steps in it.
pub(super) struct GpuMetric {
    /// Eigenvectors in columns; on the diagonal of the padding ones.
    pub vectors: GpuMatrix,
    /// The same times roots of their weights or of the reciprocals.
    pub scaled: GpuMatrix,
    pub roots: wgpu::Buffer,
    pub reciprocals: wgpu::Buffer,
    /// Power that the roots are of.
    pub power: Option<f64>,
    /// Where a half-step solves p×p systems for A: M⁻¹, and the power it is of.
    pub inverse: Option<(wgpu::Buffer, Option<f64>)>,
    /// Norms of F's rows in the metric.
    pub norms: wgpu::Buffer,
    /// F·R; in the other half-step, right-hand sides that are weighed.
    pub turned: GpuMatrix,
    /// F·M, where a half-step solves k×k systems for A.
    pub product: Option<GpuMatrix>,
    /// The Gram matrix with each penalty on its diagonal, then its negative inverse.
    pub systems: Vec<wgpu::Buffer>,
    /// Columns that need each penalty's solution, in the first and in later iterations.
    pub ranges: [Vec<Range<usize>>; 2],
    /// Share of each penalty's solution in each column, in the order of `ranges`.
    pub shares: wgpu::Buffer,
}

impl GpuInputs {
    /// For W n×m and factors of inner dimension k; `columns` are those of W's two sides.
    pub fn new(gpu: &Gpu, inputs: RunInputs, k: usize, columns: &[Columns; 2]) -> Self {
        let [n, m] = columns.each_ref().map(|columns| columns.count);
        // Of the second factor, unless W is worked on transposed.
        let side = if inputs.axis(0) == Axis::Columns { 0 } else { 1 };
        let (cols, p, other) = (&columns[side], [n, m][side], [n, m][1 - side]);
        let statistics =
            inputs.meter.statistics().iter().map(|matrix| GpuMatrix::upload(gpu, matrix, cols)).collect::<Vec<_>>();
        let metric = inputs.power_metric().map(|metric| {
            let vectors = GpuMatrix::upload(gpu, metric.vectors(), cols);
            for i in p..padded(p) {
                if let Some(slab) = vectors.slabs.iter().find(|slab| (slab.first..slab.first + slab.cols).contains(&i))
                {
                    gpu.write(&slab.buffer, i * slab.cols + i - slab.first, &[1.0f32]);
                }
            }
            let small = p < k;
            GpuMetric {
                scaled: GpuMatrix::zeros(gpu, p, cols),
                vectors,
                roots: gpu.zeros(padded(p)),
                reciprocals: gpu.zeros(padded(p)),
                power: None,
                inverse: small.then(|| (gpu.zeros(padded(p).pow(2)), None)),
                norms: gpu.zeros(padded(k)),
                turned: GpuMatrix::zeros(gpu, k.max(other), cols),
                product: (!small).then(|| GpuMatrix::zeros(gpu, k, cols)),
                systems: Vec::new(),
                ranges: Default::default(),
                shares: gpu.zeros(4),
            }
        });
        let (residual, seen) = (GpuMatrix::zeros(gpu, n, &columns[1]), GpuMatrix::zeros(gpu, n, &columns[1]));
        let energies = gpu.zeros(statistics.len() * columns[1].slabs.len() * padded(n));
        Self { inputs, metric, statistics, residual, seen, energies }
    }

    /// Whether half-steps are in a metric.
    pub fn in_half_steps(&self) -> bool {
        self.metric.is_some()
    }

    /// Whether the first factor's half-steps need Wᵀ even where they solve the larger system.
    pub fn turns_w(&self) -> bool {
        self.in_half_steps() && self.inputs.axis(0) == Axis::Columns
    }

    /// Goes to a half-step's power; where it meets the inputs, or `None` while the metric is the identity.
    pub fn begin(&mut self, gpu: &Gpu, side: usize, power: f64) -> Option<Axis> {
        let (metric, axis) = self.inputs.metric(side, power)?;
        let device = self.metric.as_mut()?;
        if device.power != Some(metric.power()) {
            device.power = Some(metric.power());
            let mut roots: Vec<f32> = metric.weights().iter().map(|weight| weight.sqrt()).collect();
            roots.resize(device.vectors.rows, 1.0);
            let reciprocals: Vec<f32> = roots.iter().map(|root| root.recip()).collect();
            gpu.write(&device.roots, 0, &roots);
            gpu.write(&device.reciprocals, 0, &reciprocals);
        }
        Some(axis)
    }

    /// Number of sums of the layer-wise errors.
    pub fn energy_count(&self) -> usize {
        self.statistics.len() * self.residual.slabs.len() * self.residual.rows
    }

    /// The layer-wise errors from the sums.
    pub fn layer_errors(&self, sums: &[f32]) -> Vec<f64> {
        let each = self.energy_count() / self.statistics.len().max(1);
        let energies: Vec<f64> =
            sums.chunks(each.max(1)).map(|sums| sums.iter().map(|&sum| f64::from(sum)).sum()).collect();
        self.inputs.meter.relative(&energies)
    }
}

/// `out` = a·b, or a·bᵀ, of `rows` rows.
pub(super) fn multiply(
    commands: &mut Commands<'_>,
    a: &GpuMatrix,
    rows: usize,
    b: &GpuMatrix,
    transposed: bool,
    out: &GpuMatrix,
) {
    for (s, c) in out.slabs.iter().enumerate() {
        for (t, part) in a.slabs.iter().enumerate() {
            let slab = &b.slabs[if transposed { t } else { s }];
            let first = if transposed { c.first } else { part.first };
            let b = Operand { transposed, ..Operand::new(&slab.buffer, slab.cols).from(first * slab.cols) };
            let shape = Shape { rows, cols: c.cols, depth: part.cols };
            let product = Product { a: Operand::new(&part.buffer, part.cols), b, shape, lower: false };
            product.store(commands, (&c.buffer, 0, c.cols), 1.0, t > 0);
        }
    }
}

/// The lower triangle of a·aᵀ, n×n.
pub(super) fn gram_of_rows(commands: &mut Commands<'_>, a: &GpuMatrix, out: &wgpu::Buffer, n: usize) {
    for (t, slab) in a.slabs.iter().enumerate() {
        let whole = Operand::new(&slab.buffer, slab.cols);
        let shape = Shape { rows: n, cols: n, depth: slab.cols };
        Product { a: whole, b: whole.transposed(), shape, lower: true }.store(commands, (out, 0, n), 1.0, t > 0);
    }
}
