//! What several tests share; each takes what it needs.
#![allow(dead_code)]

use dsf_explorer::factorize::Settings;
use dsf_explorer::hint::Failure;
use dsf_explorer::job::{self, ComputeConfig, Event, Job, Outcome};
use dsf_explorer::matrix::{Matrix, Problem};
use rand_pcg::{
    Pcg64Mcg,
    rand_core::{Rng, SeedableRng},
};
use std::path::{Path, PathBuf};

/// The folder of real weights, from `DSF_TEST_DATA`. Without the variable the caller is skipped, with it the data have
/// to be there.
pub fn test_data() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("DSF_TEST_DATA") else {
        println!("skipped: DSF_TEST_DATA is not set");
        return None;
    };
    let folder = PathBuf::from(folder);
    assert!(folder.is_dir(), "DSF_TEST_DATA is {}, which is not a folder", folder.display());
    Some(folder)
}

/// Relative errors of the published code on real and made weights: matrix, density, error. Measured with the authors'
/// PyTorch code at its own settings (A's density 0.16 for square matrices, 0.25 for others, 40×5).
pub const PUBLISHED: [(&str, f64, f64); 21] = [
    ("minilm_l0_q", 0.5, 0.1132),
    ("minilm_l0_q", 0.4, 0.1660),
    ("minilm_l0_q", 0.3, 0.2491),
    ("minilm_l0_q", 0.25, 0.3088),
    ("minilm_l0_q_t256", 0.25, 0.3152),
    ("minilm_l0_q_t64", 0.25, 0.4137),
    ("minilm_l2_up", 0.25, 0.3289),
    ("minilm_l2_down", 0.25, 0.3148),
    ("gauss_256", 0.5, 0.1331),
    ("gauss_256", 0.4, 0.1950),
    ("gauss_256", 0.3, 0.2935),
    ("gauss_256", 0.25, 0.3651),
    ("planted_256", 0.5, 0.1020),
    ("planted_256", 0.4, 0.1505),
    ("planted_256", 0.3, 0.2235),
    ("planted_256", 0.25, 0.2740),
    ("lrs_512", 0.5, 0.0733),
    ("lrs_512", 0.4, 0.0899),
    ("lrs_512", 0.3, 0.0761),
    ("lrs_512", 0.25, 0.0983),
    ("ocr_fc_1024_t256", 0.25, 0.2195),
];

/// Uniform in [−1, 1), always the same.
pub fn random(rows: usize, cols: usize, seed: u64) -> Matrix {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    Matrix::from_fn(rows, cols, |_, _| (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0)
}

/// A whole run, or why there is none.
pub fn run(problem: Problem, settings: &Settings, threads: Option<usize>) -> Result<Outcome, Failure> {
    let mut end = None;
    let compute = ComputeConfig { threads, ..ComputeConfig::default() };
    job::run(Job { compute, ..Job::new(problem, settings.clone()) }, |event| match event {
        Event::Ended(outcome) => end = Some(Ok(*outcome)),
        Event::Failed(why) => end = Some(Err(why)),
        Event::Stepped(_) | Event::Snapshot(_) | Event::Note(_) => {}
    });
    end.expect("a run ends")
}

/// A .npy of f32 values.
pub fn npy(path: &Path, rows: usize, cols: usize, value: impl Fn(usize) -> f32) {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {cols}), }}");
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(format!("{header:<117}\n").into_bytes());
    bytes.extend((0..rows * cols).flat_map(|at| value(at).to_le_bytes()));
    std::fs::write(path, bytes).unwrap();
}
