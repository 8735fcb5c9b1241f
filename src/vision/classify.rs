//! A network's answers on a set of images.

use super::{Error, Evaluation, ImageSet, Network};
use crate::matrix::Matrix;

/// Called with the number of images done and of all; returns whether to continue.
pub type ClassifyProgress<'a> = &'a dyn Fn(usize, usize) -> bool;

/// A network's answers.
#[derive(Clone, Debug)]
pub struct Classified {
    /// How well it recognized the images.
    pub evaluation: Evaluation,
    /// What it computed of each, `[images, classes]`.
    pub logits: Matrix,
    /// Names of images that could not be read.
    pub skipped: Vec<String>,
}

/// Images computed at a time. Fixed, because sums depend on how products are cut.
pub(super) const BATCH: usize = 128;

impl Network {
    /// Classifies all `images`, which are read batch by batch.
    pub fn classify(&self, images: &ImageSet, progress: ClassifyProgress<'_>) -> Result<Classified, Error> {
        let (mut evaluation, mut logits, mut skipped) = (Evaluation::default(), Vec::new(), Vec::new());
        let all = images.len();
        for from in (0..all).step_by(BATCH) {
            if !progress(from, all) {
                return Err(Error::Cancelled);
            }
            let portion = images.read(from..(from + BATCH).min(all))?;
            skipped.extend(portion.skipped);
            if portion.pictures.is_empty() {
                continue;
            }
            let of_batch = self.forward(&portion.pictures)?;
            evaluation.add(&of_batch, &portion.pictures.labels)?;
            logits.extend_from_slice(of_batch.as_slice());
        }
        match evaluation.images() {
            0 => Err(Error::NoImages),
            images => {
                let logits = Matrix::from_vec(images, logits.len() / images, logits);
                Ok(Classified { evaluation, logits, skipped })
            }
        }
    }
}
