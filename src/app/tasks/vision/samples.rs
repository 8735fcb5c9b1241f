//! Some of the images that the network is measured on, small enough to be shown side by side.

use super::lazy_network::{LazyNetwork, network_set};
use crate::app::state::error::Error;
use crate::hint::Failure;
use crate::tasks::{Queue, SilentTask, shared};
use crate::vision::Pictures;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Greatest height and width of an image as it is shown, in pixels.
const SIDE: usize = 64;

/// The images that were read, or why they cannot be.
pub type Samples = Result<Pictures, Failure>;

/// Reads some of the images.
#[derive(Serialize, Deserialize)]
pub struct ReadSamples {
    /// The network, loaded where the task runs.
    #[serde(with = "shared")]
    pub network: Arc<LazyNetwork>,
    /// Places of the images among all that it is measured on.
    pub places: Vec<usize>,
}

impl SilentTask for ReadSamples {
    const NAME: &'static str = "read samples";
    const QUEUE: Queue = Queue::Views;
    type Output = Samples;

    fn make(self) -> Self::Output {
        let images = network_set(&self.network)?.measured.as_ref().ok_or(Error::NoImages)?;
        let mut samples = Pictures::default();
        for at in self.places.into_iter().filter(|&at| at < images.len()) {
            samples.extend(&smaller(&images.read(at..at + 1)?.pictures));
        }
        Ok(samples)
    }
}

/// Every so manieth pixel, so that the pictures are not too large.
fn smaller(pictures: &Pictures) -> Pictures {
    let step = pictures.height.max(pictures.width).div_ceil(SIDE).max(1);
    let (height, width) = (pictures.height / step, pictures.width / step);
    let plane = pictures.height * pictures.width;
    let mut pixels = Vec::with_capacity(3 * height * width * pictures.len());
    for plane in pictures.pixels.chunks_exact(plane.max(1)) {
        let row = |y: usize| (0..width).map(move |x| plane[y * step * pictures.width + x * step]);
        (0..height).for_each(|y| pixels.extend(row(y)));
    }
    Pictures { height, width, pixels, labels: pictures.labels.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_pictures_become_small_ones() {
        let plane = |add: usize| (0..4 * 130).map(move |at| (at / 130 * 10 + at % 130 + add) as u8);
        let pixels = (0..3).flat_map(plane).collect();
        let small = smaller(&Pictures { height: 4, width: 130, pixels, labels: vec![5] });
        // 130 pixels are more than 64 twice over: every third.
        assert_eq!((small.height, small.width, small.len(), small.labels[0]), (1, 43, 1, 5));
        assert_eq!(small.pixels[..3], [0, 3, 6]);
        assert_eq!(small.pixels[43], 1);
        let same = Pictures { height: 2, width: 2, pixels: (0..12).collect(), labels: Vec::new() };
        assert_eq!(smaller(&same), same);
    }
}
