//! How well a network classifies.

use super::Error;
use crate::matrix::Matrix;
use serde::{Deserialize, Serialize};

/// How a class was recognized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// Images of the class.
    pub images: usize,
    /// Those of them that were taken for it.
    pub correct: usize,
}

/// How well a network classified some images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Answers, a class for each image.
    pub answers: Vec<usize>,
    /// Classes of the images; empty where they are not known.
    pub labels: Vec<usize>,
    /// Sum of the losses −ln p(label), in nats.
    loss: f64,
    /// Number of the network's classes.
    classes: usize,
}

impl Evaluation {
    /// Adds images by their logits `[n, classes]`, and their classes if they are known.
    pub fn add(&mut self, logits: &Matrix, labels: &[usize]) -> Result<(), Error> {
        self.classes = logits.cols();
        if let Some(&label) = labels.iter().find(|&&label| label >= logits.cols()) {
            return Err(Error::Label { label, classes: logits.cols() });
        }
        for row in 0..logits.rows() {
            let logits = logits.row(row);
            self.answers.push(argmax(logits));
            if let Some(&label) = labels.get(row) {
                self.loss += loss(logits, label);
            }
        }
        self.labels.extend_from_slice(labels);
        Ok(())
    }

    /// Adds images that the same network classified after these.
    pub fn append(&mut self, others: &Self) {
        self.answers.extend_from_slice(&others.answers);
        self.labels.extend_from_slice(&others.labels);
        self.loss += others.loss;
        self.classes = self.classes.max(others.classes);
    }

    /// Number of images.
    pub fn images(&self) -> usize {
        self.answers.len()
    }

    /// Whether the images' classes are known.
    pub fn is_labelled(&self) -> bool {
        !self.labels.is_empty()
    }

    /// Number of right answers.
    pub fn correct(&self) -> usize {
        self.answers.iter().zip(&self.labels).filter(|(answer, label)| answer == label).count()
    }

    /// Share of right answers; `None` where classes are not known.
    pub fn accuracy(&self) -> Option<f64> {
        self.is_labelled().then(|| self.correct() as f64 / self.images() as f64)
    }

    /// Mean of −ln p(label), in nats; `None` where classes are not known.
    pub fn loss(&self) -> Option<f64> {
        self.is_labelled().then(|| self.loss / self.images() as f64)
    }

    /// How each class was recognized.
    pub fn per_class(&self) -> Vec<Class> {
        let mut classes = vec![Class::default(); if self.is_labelled() { self.classes } else { 0 }];
        for (&label, &answer) in self.labels.iter().zip(&self.answers) {
            classes[label].images += 1;
            classes[label].correct += usize::from(label == answer);
        }
        classes
    }
}

/// Index of the largest number, the first of equals.
fn argmax(logits: &[f32]) -> usize {
    (0..logits.len()).rev().max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap_or(0)
}

/// −ln of the label's probability.
fn loss(logits: &[f32], label: usize) -> f64 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&x| f64::from(x - most).exp()).sum();
    sum.ln() - f64::from(logits[label] - most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_hand() {
        let mut evaluation = Evaluation::default();
        let logits = Matrix::from_vec(3, 2, vec![0.0, 0.0, 1.0, 3.0, -1.0, -4.0]);
        evaluation.add(&logits, &[0, 0, 0]).unwrap();
        assert_eq!((evaluation.answers.as_slice(), evaluation.correct()), (&[0, 1, 0][..], 2));
        assert_eq!(evaluation.per_class(), [Class { images: 3, correct: 2 }, Class::default()]);
        // ln 2, ln(1 + e²), ln(1 + e⁻³)
        let expected = (2f64.ln() + (1.0 + 2f64.exp()).ln() + (1.0 + (-3f64).exp()).ln()) / 3.0;
        assert!((evaluation.loss().unwrap() - expected).abs() < 1e-6);
        assert!(matches!(evaluation.add(&logits, &[0, 2, 0]), Err(Error::Label { label: 2, classes: 2 })));
    }
}
