//! All methods by name.

use super::monarch::MonarchBlocks;
use super::{
    Admm, Baseline, Error, Hierarchical, LowRank, Magnitude, Obc, Palm4msa, ProgressFn, SparseGpt, ThresholdScope,
    Wanda,
};
use crate::factorize;
use crate::matrix::{Calibration, Problem, Replacement, ReplacementKind};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use strum::{IntoStaticStr, VariantArray};

/// Method that replaces a layer.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ValueEnum,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Method {
    /// Double Sparse Factorization: two sparse matrices
    #[default]
    Dsf,
    /// The largest weights
    Magnitude,
    /// The largest weights times their inputs' norms, in each row (Sun et al. 2023)
    Wanda,
    /// ADMM pruning: mask and values found together (Boža 2024)
    Admm,
    /// Optimal Brain Surgeon column by column (Frantar and Alistarh 2023)
    Sparsegpt,
    /// Optimal Brain Surgeon one weight at a time, exactly (Frantar and Alistarh 2022)
    Obc,
    /// The best matrix of low rank
    Svd,
    /// Block-diagonal times permutation times block-diagonal (Dao et al. 2022)
    Monarch,
    /// Two sparse matrices by proximal gradients (Le Magoarou and Gribonval 2016)
    Palm4msa,
    /// Three sparse matrices by the same, one split off at a time
    Hierarchical,
}

impl Method {
    /// Name shown to people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Dsf => "DSF",
            Self::Magnitude => "Magnitude",
            Self::Wanda => "Wanda",
            Self::Admm => "ADMM",
            Self::Sparsegpt => "SparseGPT",
            Self::Obc => "OBC",
            Self::Svd => "SVD",
            Self::Monarch => "Monarch",
            Self::Palm4msa => "palm4msa",
            Self::Hierarchical => "palm4msa ×3",
        }
    }

    /// Colour in every chart, as sRGB.
    pub const fn color(self) -> [u8; 3] {
        match self {
            Self::Dsf => [64, 130, 220],
            Self::Magnitude => [160, 110, 190],
            Self::Wanda => [122, 158, 46],
            Self::Admm => [222, 92, 58],
            Self::Sparsegpt => [150, 104, 66],
            Self::Obc => [104, 104, 112],
            Self::Svd => [0, 150, 160],
            Self::Monarch => [58, 96, 132],
            Self::Palm4msa => [214, 92, 158],
            Self::Hierarchical => [236, 156, 192],
        }
    }

    /// Description in one sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::Dsf => "Two sparse matrices, found by alternating ADMM",
            Self::Magnitude => "Keeps the largest weights",
            Self::Wanda => "Keeps in each row the weights that are largest times their input's norm",
            Self::Admm => "Finds the mask and the values of one sparse matrix together",
            Self::Sparsegpt => "Prunes column by column; the weights to the right make up for it",
            Self::Obc => "Takes the cheapest weight of all again and again; the others make up for it",
            Self::Svd => "Two dense matrices: the best ones of low rank",
            Self::Monarch => "Two block-diagonal matrices with a permutation between them",
            Self::Palm4msa => "Two sparse matrices by proximal gradients, the classic way",
            Self::Hierarchical => "Three sparse matrices by proximal gradients, one split off at a time",
        }
    }

    /// Whether it needs the layer's input statistics.
    pub fn needs_inputs(self) -> bool {
        matches!(self, Self::Wanda | Self::Admm | Self::Sparsegpt | Self::Obc)
    }

    /// Returns the kind of replacement that the method makes.
    pub fn kind(self) -> ReplacementKind {
        match self {
            Self::Dsf | Self::Palm4msa => ReplacementKind::Factors,
            Self::Magnitude | Self::Wanda | Self::Admm | Self::Sparsegpt | Self::Obc => ReplacementKind::Sparse,
            Self::Svd => ReplacementKind::LowRank,
            Self::Monarch => ReplacementKind::Blocks,
            Self::Hierarchical => ReplacementKind::Chain,
        }
    }

    /// Whether [`ThresholdScope`] affects it.
    pub fn has_threshold(self) -> bool {
        matches!(self, Self::Admm | Self::Sparsegpt)
    }

    /// The implementation; `None` for DSF, which has a [run](crate::job) of its own.
    pub fn baseline(self, threshold: ThresholdScope) -> Option<Box<dyn Baseline>> {
        Some(match self {
            Self::Dsf => return None,
            Self::Magnitude => Box::new(Magnitude),
            Self::Wanda => Box::new(Wanda),
            Self::Admm => Box::new(Admm { threshold, ..Admm::default() }),
            Self::Sparsegpt => Box::new(SparseGpt { threshold, ..SparseGpt::default() }),
            Self::Obc => Box::new(Obc),
            Self::Svd => Box::new(LowRank),
            Self::Monarch => Box::new(MonarchBlocks),
            Self::Palm4msa => Box::new(Palm4msa),
            Self::Hierarchical => Box::new(Hierarchical),
        })
    }

    /// Checks that it applies to this problem at this density, before anything is computed.
    pub fn check(self, problem: &Problem, density: f64) -> Result<(), Error> {
        self.check_data(problem)?;
        let (rows, cols) = problem.weight.shape();
        self.check_shape(rows, cols, factorize::share(density, rows * cols))
    }

    /// Checks that it applies to W `rows`×`cols` with `budget` nonzeros.
    pub fn check_shape(self, rows: usize, cols: usize, budget: usize) -> Result<(), Error> {
        let least = match self {
            Self::Obc => return Obc::check(rows, cols),
            Self::Svd => rows + cols,
            Self::Monarch => {
                let divides = |groups: &usize| rows.is_multiple_of(*groups) && cols.is_multiple_of(*groups);
                (2..=rows.min(cols)).find(divides).ok_or(Error::NoBlocks { rows, cols })? * (rows + cols)
            }
            Self::Palm4msa => 2,
            Self::Hierarchical => 3,
            _ => 1,
        };
        if budget < least {
            return Err(Error::NoRoom { method: self.title(), budget, least });
        }
        Ok(())
    }

    /// Checks W and the input statistics.
    pub fn check_data(self, problem: &Problem) -> Result<(), Error> {
        let w = &problem.weight;
        if w.is_empty() {
            return Err(factorize::Error::EmptyMatrix { rows: w.rows(), cols: w.cols() }.into());
        }
        if let Some((row, col)) = w.first_not_finite() {
            return Err(factorize::Error::NotFinite { row, col, value: w.get(row, col) }.into());
        }
        let fits = |inputs: &Calibration| inputs.check_inputs(w.cols()).map_err(factorize::Error::from);
        for inputs in [&problem.calibration, &problem.held_out].into_iter().flatten() {
            fits(inputs)?;
        }
        if let Some(weights) = &problem.output_weights {
            weights.check_outputs(w.rows()).map_err(factorize::Error::from)?;
        }
        if self.needs_inputs() && problem.calibration.is_none() {
            return Err(Error::NeedsInputs { method: self.title() });
        }
        Ok(())
    }

    /// Replaces W by at most ⌊density·rows·cols⌋ nonzeros; DSF is refused.
    pub fn replace(
        self,
        problem: &Problem,
        density: f64,
        threshold: ThresholdScope,
        progress: ProgressFn<'_>,
    ) -> Result<Replacement, Error> {
        self.check(problem, density)?;
        let Some(baseline) = self.baseline(threshold) else { return Err(Error::HasARun) };
        let budget = factorize::share(density, problem.weight.len());
        let (mut problem, restore) = problem.normalized();
        if self.needs_inputs() && problem.calibration.is_none() {
            // Inputs that were always 0: all count the same.
            problem.calibration = Some(Arc::new(Calibration::uniform(problem.weight.cols())));
        }
        let mut replacement = baseline.replace(&problem, budget, progress)?;
        restore.apply(&mut replacement);
        Ok(replacement)
    }
}
