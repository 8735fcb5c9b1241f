//! Arguments that select a method.

use super::Failure;
use crate::compare::Candidate;
use crate::factorize::Settings;
use crate::job::Backend;
use crate::methods::{Method, ThresholdScope};

/// A method.
#[derive(clap::Args)]
pub struct MethodArgs {
    /// How W is replaced; what follows under settings is for dsf, but for the density
    #[arg(long, value_enum, default_value = "dsf")]
    pub method: Method,

    #[command(flatten)]
    threshold: ThresholdArgs,
}

/// Options that only some methods have.
#[derive(clap::Args)]
pub struct ThresholdArgs {
    /// Over what entries compete (admm, sparsegpt)
    #[arg(long, value_enum, default_value = "matrix")]
    pub threshold: ThresholdScope,
}

impl MethodArgs {
    /// The candidate with the settings of a DSF run, of which other methods use the density only.
    pub fn candidate(&self, settings: &Settings) -> Candidate {
        Candidate { method: self.method, settings: settings.clone(), threshold: self.threshold() }
    }

    /// Refuses a backend that has no effect.
    pub fn check_backend(&self, backend: Backend) -> Result<(), Failure> {
        if self.method != Method::Dsf && backend != Backend::Cpu {
            let what = "--backend is for dsf, other methods are computed on the processor";
            return Err(Failure::new(what, "leave it out").usage());
        }
        Ok(())
    }

    /// Scope in which entries compete.
    pub fn threshold(&self) -> ThresholdScope {
        self.threshold.threshold
    }
}
