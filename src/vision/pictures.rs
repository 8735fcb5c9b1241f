//! Pictures as a network is given them.

use crate::model::Fingerprint;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Pictures of one size, with three colours of 8 bits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pictures {
    /// Rows of a picture.
    pub height: usize,
    /// Columns of a picture.
    pub width: usize,
    /// Values of all pictures, `[n, 3, height, width]`: red, green, blue.
    pub pixels: Vec<u8>,
    /// Class of each picture; empty where they are not known.
    pub labels: Vec<usize>,
}

impl Pictures {
    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.pixels.len().checked_div(self.values()).unwrap_or(0)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    /// Numbers of one picture.
    pub fn values(&self) -> usize {
        3 * self.height * self.width
    }

    /// Some of the pictures.
    ///
    /// # Panics
    /// Panics if there are fewer.
    pub fn range(&self, range: Range<usize>) -> Self {
        let values = self.values();
        let labels = if self.labels.is_empty() { &[][..] } else { &self.labels[range.clone()] };
        Self {
            height: self.height,
            width: self.width,
            pixels: self.pixels[range.start * values..range.end * values].to_vec(),
            labels: labels.to_vec(),
        }
    }

    /// What tells these pictures and classes from others.
    pub fn fingerprint(&self) -> String {
        let mut hash = Fingerprint::default();
        [self.height, self.width].iter().chain(&self.labels).for_each(|&x| hash.add(&(x as u64).to_le_bytes()));
        hash.add(&self.pixels);
        hash.hex()
    }

    /// The pictures of these numbers, in this order.
    ///
    /// # Panics
    /// Panics if there are fewer.
    pub fn some(&self, numbers: &[usize]) -> Self {
        let mut some = Self { pixels: Vec::with_capacity(numbers.len() * self.values()), ..self.range(0..0) };
        for &number in numbers {
            some.pixels.extend_from_slice(&self.pixels[number * self.values()..][..self.values()]);
            some.labels.extend(self.labels.get(number));
        }
        some
    }

    /// Adds pictures of the same size at the end.
    ///
    /// # Panics
    /// Panics if the sizes differ, or labels are known of some only.
    pub fn extend(&mut self, more: &Self) {
        if self.is_empty() {
            *self = more.clone();
            return;
        }
        assert_eq!((self.height, self.width), (more.height, more.width), "pictures of one size");
        assert_eq!(self.labels.is_empty(), more.labels.is_empty(), "labels of all pictures or of none");
        self.pixels.extend_from_slice(&more.pixels);
        self.labels.extend_from_slice(&more.labels);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_the_whole() {
        let pixels = (0..24).collect();
        let all = Pictures { height: 2, width: 1, pixels, labels: vec![3, 1, 4, 1] };
        assert_eq!((all.len(), all.values()), (4, 6));
        let part = all.range(1..3);
        assert_eq!((part.len(), part.pixels[0], &part.labels[..]), (2, 6, &[1, 4][..]));
        let some = all.some(&[2, 0]);
        assert_eq!((&some.pixels[5..7], &some.labels[..]), (&[17, 0][..], &[4, 3][..]));
        let mut joined = all.range(0..1);
        joined.extend(&all.range(1..4));
        assert_eq!(joined, all);
        assert!(Pictures::default().is_empty() && Pictures::default().range(0..0).labels.is_empty());
    }
}
