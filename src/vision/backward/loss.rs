//! Cross entropy.

use crate::matrix::Matrix;
use crate::vision::Error;

/// The cross entropy of a batch.
pub(super) struct Loss {
    /// Mean of −ln p(label), in nats.
    pub(super) loss: f64,
    /// Images whose label has the largest logit.
    pub(super) correct: usize,
    /// Gradient with respect to the logits, `[n, classes]`.
    pub(super) gradient: Matrix,
}

impl Loss {
    /// Of logits `[n, classes]` and the images' classes.
    pub(super) fn of(logits: &Matrix, labels: &[usize]) -> Result<Self, Error> {
        let classes = logits.cols();
        if labels.is_empty() || labels.len() != logits.rows() {
            return Err(Error::NoLabels);
        }
        if let Some(&label) = labels.iter().find(|&&label| label >= classes) {
            return Err(Error::Label { label, classes });
        }
        let images = labels.len() as f64;
        let (mut loss, mut correct, mut gradient) = (0.0, 0, Matrix::zeros(logits.rows(), classes));
        for (row, &label) in labels.iter().enumerate() {
            let logits = logits.row(row);
            let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let shares: Vec<f64> = logits.iter().map(|&x| f64::from(x - most).exp()).collect();
            let sum: f64 = shares.iter().sum();
            loss += sum.ln() - f64::from(logits[label] - most);
            correct += usize::from(logits.iter().position(|&x| x == most) == Some(label));
            for (class, (g, share)) in gradient.row_mut(row).iter_mut().zip(shares).enumerate() {
                let target = if class == label { 1.0 } else { 0.0 };
                *g = ((share / sum - target) / images) as f32;
            }
        }
        Ok(Self { loss: loss / images, correct, gradient })
    }
}

/// Sum of each column, `[columns]`.
pub(super) fn column_sums(matrix: &Matrix) -> Vec<f32> {
    let sum = |column| (0..matrix.rows()).map(|row| f64::from(matrix.get(row, column))).sum::<f64>() as f32;
    (0..matrix.cols()).map(sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let logits = Matrix::from_vec(2, 2, vec![0.0, 0.0, 1.0, 1.0 + 3f32.ln()]);
        let Loss { loss, correct, gradient } = Loss::of(&logits, &[0, 1]).unwrap();
        // Shares 1/2, 1/2 and 1/4, 3/4.
        assert!((loss - (2f64.ln() + (4.0f64 / 3.0).ln()) / 2.0).abs() < 1e-6);
        assert_eq!(correct, 2);
        let expected = [-0.25, 0.25, 0.125, -0.125];
        gradient.as_slice().iter().zip(expected).for_each(|(g, e): (&f32, f32)| assert!((g - e).abs() < 1e-6));
        column_sums(&gradient)
            .iter()
            .zip([-0.125, 0.125])
            .for_each(|(g, e): (&f32, f32)| assert!((g - e).abs() < 1e-6));
        assert!(matches!(Loss::of(&logits, &[0, 2]), Err(Error::Label { label: 2, classes: 2 })));
        assert!(matches!(Loss::of(&logits, &[]), Err(Error::NoLabels)));
    }
}
