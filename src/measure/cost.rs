//! What a computation takes: operations, seconds and bytes, predicted from shapes alone.
//!
//! Every prediction of the program is here, each with its formula, its unit and the source of its constants. They take
//! plain sizes, so that every room can ask. Operations are additions and multiplications of floating-point numbers, a
//! multiply-add counts as two; *multiply-adds* say so. W is `rows`×`cols`, n its smaller side and m its larger one.

/// The sizes that the cost of a DSF run depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunSize {
    /// Number of rows of W.
    pub rows: usize,
    /// Number of columns of W.
    pub cols: usize,
    /// Inner dimension k of A·B.
    pub inner_dim: usize,
    /// Outer iterations, two half-steps each.
    pub outer: usize,
    /// Inner iterations of each half-step.
    pub inner: usize,
    /// Whether half-steps see the layer's inputs.
    pub in_metric: bool,
}

/// Time of a half-step that sees the inputs, in those of one that does not: 1.4 on 384×384, 1.7 on 1536×384 (measured).
const METRIC: f64 = 1.6;

impl RunSize {
    fn metric(&self) -> f64 {
        if self.in_metric { METRIC } else { 1.0 }
    }

    /// The smaller side n and the larger side m.
    fn sides(&self) -> (f64, f64) {
        (self.rows.min(self.cols) as f64, self.rows.max(self.cols) as f64)
    }

    /// Inner dimension in units of the smaller side, k/n.
    fn expansion(&self) -> f64 {
        self.inner_dim as f64 / self.sides().0.max(1.0)
    }

    /// The least operations of a run that does not look at zeros, with k = n.
    ///
    /// A half-step whose systems are n×n and whose other side has q columns, W's other side being p: n²p for half of a
    /// Gram matrix, 2npq for FᵀW, 2n³ for two Cholesky factorizations with their inverses, 2n²q for each inner
    /// iteration; once with (p, q) = (n, m), once with (m, n), for each outer iteration.
    pub fn floor_flops(&self) -> f64 {
        let (n, m) = self.sides();
        let half_step = |p: f64, q: f64| {
            n * n * p + product_flops(n, q, p) + 2.0 * n.powi(3) + self.inner as f64 * product_flops(n, q, n)
        };
        self.outer as f64 * (half_step(n, m) + half_step(m, n))
    }

    /// Returns the operations that the time of a run is proportional to: the floor, and a little more for a larger k
    /// (by experiment).
    pub fn flops(&self) -> f64 {
        self.floor_flops() * self.expansion().max(1.0) * self.metric()
    }

    /// A half-step, the mean of both, in multiply-adds at the speed of large dense products.
    ///
    /// With the system's side s = min(k, p): (0.73·inner + 3.2)·s²q, for inner iterations run through sparse products and
    /// pay less than a dense product each, preparation as much as some of them; and 600 for each entry of W: masks,
    /// transposes and the error, which take memory's time. Measured from 256 to 1024.
    pub fn half_step(&self) -> f64 {
        let k = self.inner_dim as f64;
        let side = |p: usize, q: usize| (0.73 * self.inner as f64 + 3.2) * k.min(p as f64).powi(2) * q as f64;
        let entries = (self.rows * self.cols) as f64;
        ((side(self.rows, self.cols) + side(self.cols, self.rows)) / 2.0 + 600.0 * entries) * self.metric()
    }

    /// Bytes of f32 numbers in a run: W and its transpose, four panels of k(rows + cols), two systems of min(k, n)².
    /// Measured at 1024×1024, k = n: 58 MB.
    pub fn solver_bytes(&self) -> f64 {
        let (w, k) = ((self.rows * self.cols) as f64, self.inner_dim as f64);
        let factors = k * (self.rows + self.cols) as f64;
        let system = k.min(self.sides().0);
        4.0 * (2.0 * w + 4.0 * factors + 2.0 * system * system)
    }

    /// Bytes of the window's pictures of a run: W, A·B, the error and the factors, each with a pyramid of half its size.
    pub fn picture_bytes(&self) -> f64 {
        let (w, factors) = ((self.rows * self.cols) as f64, (self.inner_dim * (self.rows + self.cols)) as f64);
        4.0 * 1.5 * (3.0 * w + factors)
    }
}

/// Kind of finalisation, in which the values are solved for again on the final masks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FinalizeSize {
    /// Whether the outputs' error counts, on the statistics of the layer's inputs.
    pub layerwise: bool,
    /// Whether B's turn comes after A's.
    pub both: bool,
    /// Whether each regression is solved exactly, and not by ADMM.
    pub exact: bool,
}

/// The layer-wise error in f64, for each multiply-add of W·XᵀX: two such products, each four to six times as slow.
const LAYER_ERRORS: f64 = 9.0;

impl FinalizeSize {
    /// Preparation of a layer-wise finalisation, in half-steps of the run: W·XᵀX and the first error, (1 + 9)·out·in²
    /// multiply-adds, and for B by ADMM the eigenvectors of XᵀX, 10·in³.
    pub fn setup(&self, run: &RunSize) -> f64 {
        let (out, inputs) = (run.rows as f64, run.cols as f64);
        let eigenvectors = if self.both && !self.exact { 10.0 * inputs.powi(3) } else { 0.0 };
        ((1.0 + LAYER_ERRORS) * out * inputs * inputs + eigenvectors) / run.half_step()
    }

    /// One solve for the values of a factor, in half-steps of the run; `step` counts from 0, with both factors A comes
    /// first. In multiply-adds at the speed of large dense products, what runs slower counting for more, as measured from
    /// 256 to 1024.
    pub fn step(&self, run: &RunSize, step: usize) -> f64 {
        /// A regression for each row, in f64.
        const ROWS: f64 = 2.7;
        let (out, inputs, k) = (run.rows as f64, run.cols as f64, run.inner_dim as f64);
        let errors = LAYER_ERRORS * out * inputs * inputs;
        let work = match (self.layerwise, self.both && step % 2 == 1, self.exact) {
            (false, ..) => ROWS * (k * k * (out + inputs) / 2.0 + out * inputs * k),
            (true, false, true) => k * inputs * inputs + k * k * inputs + out * k * inputs + errors,
            (true, false, false) => k * inputs * inputs + k.powi(3) + 20.0 * out * k * k + errors,
            (true, true, true) => 21.0 * (k * k * inputs + k * inputs * inputs) + k * k * out + errors,
            (true, true, false) => 10.0 * k.powi(3) + 40.0 * (k * k * inputs + k * inputs * inputs) + errors,
        };
        work / run.half_step()
    }
}

/// Operations of a product `rows`×`depth` by `depth`×`cols`: 2·rows·cols·depth.
pub fn product_flops(rows: f64, cols: f64, depth: f64) -> f64 {
    2.0 * rows * cols * depth
}

/// Returns the cost of a layer relative to other layers: n²m, as every method's products grow.
pub fn layer_cost(rows: usize, cols: usize) -> f64 {
    (rows.min(cols) as f64).powi(2) * rows.max(cols) as f64
}

/// Returns the cost of compressing a convolution relative to other ones, in multiply-adds: its run; with inputs the statistics
/// XᵀX of so many patches, patches·in², what computing its block from a batch takes, about as much as three convolutions
/// like it, and the eigenvectors of XᵀX, 10·in³.
pub fn convolution_cost(run: &RunSize, patches: f64) -> f64 {
    let (outputs, inputs) = (run.rows as f64, run.cols as f64);
    let eigenvectors = if patches > 0.0 { 10.0 * inputs.powi(3) } else { 0.0 };
    2.0 * run.outer as f64 * run.half_step() + patches * inputs * (inputs + 3.0 * outputs) + eigenvectors
}

/// Seconds that are left: `left` of the work at the pace at which `done` of it took `seconds`.
pub fn remaining_secs(seconds: f64, done: f64, left: f64) -> f64 {
    seconds / done.max(f64::MIN_POSITIVE) * left
}

/// The share of a run that is done before a time is told from the pace.
pub const TELLING_SHARE: f64 = 0.01;

/// Operations a second that are expected of a processor core before there was a run.
pub const CORE_FLOPS: f64 = 2e10;

/// Operations of [`RunSize::flops`] a second, from a run that took `seconds` for `steps` steps: each takes 0.8 ms
/// however small it is (measured), which counts for at most two thirds of the time.
pub fn speed_of_run(flops: f64, seconds: f64, steps: usize) -> f64 {
    const STEP: f64 = 8e-4;
    flops / (seconds - STEP * steps as f64).max(seconds / 3.0)
}

/// Seconds of a run's floor on a processor whose products of this size run at `gflops`·10⁹ operations a second.
pub fn processor_secs(run: &RunSize, gflops: f64) -> f64 {
    run.floor_flops() / gflops * 1e-9
}

/// Seconds of a run on a graphics adapter: the floor at its speed, and what it takes to begin 60 + 6·⌈k/64⌉ kernels in
/// each half-step (counted).
pub fn adapter_secs(run: &RunSize, gflops: f64, dispatch_secs: f64) -> f64 {
    let kernels = 60.0 + 6.0 * (run.inner_dim as f64 / 64.0).ceil();
    run.floor_flops() / gflops * 1e-9 + 2.0 * run.outer as f64 * kernels * dispatch_secs
}

/// Seconds that a kernel takes at least: for its products or for its bytes, whichever is more.
pub fn kernel_floor_secs(flops: f64, bytes: f64, gflops: f64, gbytes: f64) -> f64 {
    (flops / gflops).max(bytes / gbytes) * 1e-9
}

/// Work of a method, in products of W's size, of n²m multiply-adds; by experiment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MethodWork {
    /// A DSF run: two half-steps for each outer iteration, of as many products as inner iterations and three more; more of
    /// them for a larger k.
    Dsf(RunSize),
    /// This number of products of W's size.
    Products(f64),
    /// in³·out/3 multiply-adds of f64 and no matrix products: Optimal Brain Compression, for out rows.
    RowByRow,
}

impl MethodWork {
    /// One pass over W, and a selection.
    pub const SELECTION: Self = Self::Products(0.1);
    /// ADMM on one sparse matrix.
    pub const ADMM: Self = Self::Products(25.0);
    /// Column by column with the inverse Hessian.
    pub const COLUMN_BY_COLUMN: Self = Self::Products(10.0);
    /// Singular values and vectors.
    pub const SVD: Self = Self::Products(40.0);
    /// An SVD for each pair of blocks.
    pub const BLOCKS: Self = Self::Products(100.0);
    /// Thousands of proximal gradient steps.
    pub const GRADIENTS: Self = Self::Products(8000.0);

    /// Seconds on one thread for W `rows`×`cols`, at 10¹¹ operations a second.
    pub fn secs(self, rows: usize, cols: usize) -> f64 {
        let products = match self {
            Self::Dsf(run) => 2.0 * run.outer as f64 * (run.inner as f64 + 3.0) * run.expansion().max(0.5),
            Self::Products(products) => products,
            Self::RowByRow => return 3e-10 * (cols as f64).powi(3) * rows as f64,
        };
        2e-11 * layer_cost(rows, cols) * products
    }
}

/// A method that takes longer, in seconds, is done only when it is asked for by name: ten minutes.
pub const LONG_SECS: f64 = 600.0;

/// The most inputs of Optimal Brain Compression, which takes the cube of them for each row: at this side 1.5 hours.
pub const OBC_MOST_INPUTS: usize = 2048;

/// Whether all singular values of W `rows`×`cols` are a matter of seconds: n ≤ 1536; beyond it takes minutes.
pub fn is_quick_svd(rows: usize, cols: usize) -> bool {
    rows.min(cols) <= 1536
}

/// Whether a run on so many entries of W is a matter of a moment, to be done at every move of a slider: 512×512.
pub fn is_live_layer(entries: usize) -> bool {
    entries <= 1 << 18
}

/// Whether a language model with so many weights in its layers is measured within seconds.
pub fn is_live_model(weights: usize) -> bool {
    weights <= 60_000_000
}

/// Whether a network is measured within seconds on images that take so many multiplications together.
pub fn is_live_network(multiplications: f64) -> bool {
    multiplications <= 1e11
}

/// Whether the factors of all layers of a model with so many weights fit into the memory of a usual machine.
pub fn fits_in_memory(weights: usize) -> bool {
    weights <= 600_000_000
}

/// The sizes that the memory of a tuning depends on; numbers are f32.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TuningSize {
    /// Numbers that are tuned: packed values, and what else is trained.
    pub values: usize,
    /// Bytes of the masks, one bit a position.
    pub mask_bytes: usize,
    /// Bytes that the optimizer remembers of each number.
    pub optimizer_bytes: usize,
    /// Weights of the largest block, dense.
    pub block: usize,
    /// Weights outside of the blocks.
    pub outer: usize,
    /// Whether those are trained as well.
    pub trains_outer: bool,
    /// Weights of a block and outside of the blocks of a model to learn from; 0 without one.
    pub teacher: usize,
    /// Number of blocks.
    pub blocks: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Numbers of queries, keys and values of a token.
    pub heads: usize,
    /// Inner numbers of the feed-forward part for a token, of all experts that it uses.
    pub feed_forward: usize,
    /// Words.
    pub vocabulary: usize,
    /// Windows of a step.
    pub batch: usize,
    /// Tokens of a window.
    pub context: usize,
    /// Worker threads.
    pub threads: usize,
}

/// Memory of a tuning in bytes, by what it is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TuningBytes {
    /// The numbers that are tuned, the best ones so far, and the masks.
    pub parameters: f64,
    /// Gradients of all of them.
    pub gradients: f64,
    /// What the optimizer remembers.
    pub optimizer: f64,
    /// A block's weights, dense, and their gradients.
    pub block: f64,
    /// The layers outside of the blocks, in f32, and where there is one a teacher's.
    pub outer: f64,
    /// The residual streams before each block and after the last, and their gradients.
    pub streams: f64,
    /// What one block computes on the way back, of the windows that are computed at a time.
    pub activations: f64,
    /// Logits of the tokens that are computed at a time.
    pub logits: f64,
}

impl TuningSize {
    /// Windows that a block computes at a time on the way back.
    const WINDOWS: usize = 8;
    /// Tokens whose logits a thread holds, and parts of so many that are computed at a time.
    const ROWS: [usize; 2] = [64, 16];

    /// The memory: with s = batch·context tokens, 4·(blocks + 2)·s·hidden bytes of streams, and of at most eight windows
    /// 4·(14·hidden + 5·heads + 8·feed-forward) bytes a token of one block's values and gradients (counted), beside two
    /// matrices of scores, context², for each thread.
    pub fn bytes(&self) -> TuningBytes {
        let f32s = |count: usize| 4.0 * count as f64;
        let windows = self.batch.min(Self::WINDOWS);
        let token = 14 * self.hidden + 5 * self.heads + 8 * self.feed_forward;
        let [rows, parts] = Self::ROWS;
        let kept = if self.trains_outer { parts } else { 0 };
        TuningBytes {
            parameters: 2.0 * f32s(self.values) + self.mask_bytes as f64,
            gradients: f32s(self.values),
            optimizer: (self.optimizer_bytes * self.values) as f64,
            block: 2.0 * f32s(self.block),
            outer: f32s(self.outer + self.teacher),
            streams: f32s((self.blocks + 2) * self.batch * self.context) * self.hidden as f64,
            activations: f32s(windows * self.context * token)
                + f32s(2 * self.threads.min(windows) * self.context * self.context),
            logits: f32s(rows * (3 * self.threads.min(parts) + kept) * self.vocabulary),
        }
    }
}

impl TuningBytes {
    /// All of it.
    pub fn total(&self) -> f64 {
        let Self { parameters, gradients, optimizer, block, outer, streams, activations, logits } = *self;
        parameters + gradients + optimizer + block + outer + streams + activations + logits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(x: f64, y: f64) {
        assert!((x - y).abs() <= 1e-12 * y.abs(), "{x} is not {y}");
    }

    const RUN: RunSize = RunSize { rows: 4, cols: 2, inner_dim: 3, outer: 10, inner: 5, in_metric: false };

    #[test]
    fn the_floor_by_hand() {
        // n = 2, m = 4. (p, q) = (2, 4): 8 + 32 + 16 + 5·32 = 216; (4, 2): 16 + 32 + 16 + 5·16 = 144.
        close(RUN.floor_flops(), 10.0 * 360.0);
        close(RUN.flops(), 10.0 * 360.0 * 1.5);
        close(RunSize { in_metric: true, ..RUN }.flops(), 10.0 * 360.0 * 1.5 * 1.6);
        // A smaller k is no faster.
        close(RunSize { inner_dim: 1, ..RUN }.flops(), 3600.0);
    }

    #[test]
    fn a_half_step_by_hand() {
        // (0.73·5 + 3.2) = 6.85; rows: s = 3, 9·2 = 18; columns: s = 2, 4·4 = 16; 600 for each of 8 entries.
        close(RUN.half_step(), 6.85 * 17.0 + 4800.0);
    }

    #[test]
    fn finalisations_by_hand() {
        // out = 4, in = 2, k = 3; errors 9·4·4 = 144.
        let size = |layerwise, both, exact| FinalizeSize { layerwise, both, exact };
        let half_steps = |work: f64| work / RUN.half_step();
        close(size(true, false, false).setup(&RUN), half_steps(160.0));
        close(size(true, true, true).setup(&RUN), half_steps(160.0));
        close(size(true, true, false).setup(&RUN), half_steps(160.0 + 80.0));
        close(size(false, true, true).step(&RUN, 0), half_steps(2.7 * (9.0 * 3.0 + 24.0)));
        close(size(true, false, true).step(&RUN, 1), half_steps(12.0 + 18.0 + 24.0 + 144.0));
        close(size(true, true, true).step(&RUN, 0), half_steps(12.0 + 18.0 + 24.0 + 144.0));
        close(size(true, false, false).step(&RUN, 0), half_steps(12.0 + 27.0 + 720.0 + 144.0));
        close(size(true, true, true).step(&RUN, 1), half_steps(21.0 * 30.0 + 36.0 + 144.0));
        close(size(true, true, false).step(&RUN, 3), half_steps(270.0 + 40.0 * 30.0 + 144.0));
    }

    #[test]
    fn bytes_by_hand() {
        // W 8, factors 3·6 = 18, a system of 2².
        close(RUN.solver_bytes(), 4.0 * (16.0 + 72.0 + 8.0));
        close(RUN.picture_bytes(), 6.0 * (24.0 + 18.0));
        let square = RunSize { rows: 1024, cols: 1024, inner_dim: 1024, ..RUN };
        assert!((square.solver_bytes() / 58e6 - 1.0).abs() < 0.2, "{} bytes", square.solver_bytes());
    }

    #[test]
    fn tunings_by_hand() {
        let size = TuningSize {
            values: 100,
            mask_bytes: 50,
            optimizer_bytes: 8,
            block: 40,
            outer: 30,
            trains_outer: false,
            teacher: 70,
            blocks: 3,
            hidden: 4,
            heads: 12,
            feed_forward: 10,
            vocabulary: 5,
            batch: 16,
            context: 6,
            threads: 2,
        };
        let bytes = size.bytes();
        close(bytes.parameters, 850.0);
        close(bytes.gradients + bytes.optimizer, 1200.0);
        close(bytes.block + bytes.outer, 320.0 + 400.0);
        // Five times 96 tokens of 4; 48 tokens of 56 + 60 + 80; two times two matrices of 36.
        close(bytes.streams, 4.0 * 5.0 * 96.0 * 4.0);
        close(bytes.activations, 4.0 * (48.0 * 196.0 + 144.0));
        close(bytes.logits, 4.0 * 64.0 * 6.0 * 5.0);
        close(TuningSize { trains_outer: true, ..size }.bytes().logits, 4.0 * 64.0 * 22.0 * 5.0);
        close(bytes.total(), 850.0 + 1200.0 + 720.0 + bytes.streams + bytes.activations + bytes.logits);
    }

    #[test]
    fn seconds_by_hand() {
        close(remaining_secs(3.0, 0.25, 0.75), 9.0);
        assert_eq!(remaining_secs(0.0, 0.0, 1.0), 0.0);
        // 100 steps of 0.8 ms leave 0.92 s; of 0.1 s no more than two thirds go.
        close(speed_of_run(9.2, 1.0, 100), 10.0);
        close(speed_of_run(1.0, 0.03, 100), 100.0);
        close(processor_secs(&RUN, 2.0), 1.8e-6);
        // 20 half-steps of 66 kernels.
        close(adapter_secs(&RUN, 2.0, 1e-5), 1.8e-6 + 1320.0 * 1e-5);
        close(kernel_floor_secs(8.0, 3.0, 2.0, 1.0), 4e-9);
        close(kernel_floor_secs(8.0, 5.0, 2.0, 1.0), 5e-9);
    }

    #[test]
    fn methods_by_hand() {
        // n²m = 16.
        close(layer_cost(4, 2), 16.0);
        close(MethodWork::ADMM.secs(4, 2), 2e-11 * 16.0 * 25.0);
        close(MethodWork::Dsf(RUN).secs(4, 2), 2e-11 * 16.0 * 20.0 * 8.0 * 1.5);
        close(MethodWork::RowByRow.secs(4, 2), 3e-10 * 8.0 * 4.0);
    }
}
