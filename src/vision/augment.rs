//! Pictures shifted and mirrored at random.

use super::Pictures;
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// How pictures are changed at random, as they were in training ("crop and flip").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Augment {
    /// Most pixels that a picture is moved by, up or down and left or right; the edge is filled with black.
    pub shift: usize,
    /// Whether every second picture is mirrored.
    pub mirror: bool,
}

impl Pictures {
    /// Each picture changed as `seed` has it.
    pub fn augmented(&self, Augment { shift, mirror }: Augment, seed: u64) -> Self {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let mut pixels = vec![0; self.pixels.len()];
        let (height, width) = (self.height, self.width);
        let planes = 3 * height * width;
        // Farther than out of the picture nothing is moved.
        let shift = shift.min(height.max(width));
        if planes == 0 {
            return self.clone();
        }
        for (to, from) in pixels.chunks_exact_mut(planes).zip(self.pixels.chunks_exact(planes)) {
            let [down, right] = [0; 2].map(|_| (rng.next_u32() as usize % (2 * shift + 1)) as isize - shift as isize);
            let mirrors = mirror && rng.next_u32() % 2 == 1;
            for (to, from) in to.chunks_exact_mut(height * width).zip(from.chunks_exact(height * width)) {
                for y in 0..height {
                    let Some(row) = y.checked_add_signed(down).filter(|&row| row < height) else { continue };
                    for x in 0..width {
                        let Some(column) = x.checked_add_signed(right).filter(|&column| column < width) else {
                            continue;
                        };
                        let column = if mirrors { width - 1 - column } else { column };
                        to[y * width + x] = from[row * width + column];
                    }
                }
            }
        }
        Self { pixels, labels: self.labels.clone(), ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_picture_is_one_that_can_come_of_it() {
        let pixels: Vec<u8> = (1..=12).collect();
        let pictures = Pictures { height: 2, width: 2, pixels: pixels.repeat(200), labels: vec![7; 200] };
        let augment = Augment { shift: 1, mirror: true };
        let mut mirrored = 0;
        let augmented = pictures.augmented(augment, 3);
        assert_eq!((augmented.len(), &augmented.labels), (200, &pictures.labels));
        assert_eq!(augmented, pictures.augmented(augment, 3));
        for picture in augmented.pixels.chunks_exact(12) {
            // All colours move alike: where the red is, the green is 4 more.
            assert!((0..4).all(|at| picture[at] == 0 && picture[at + 4] == 0 || picture[at + 4] == picture[at] + 4));
            mirrored += usize::from(picture[..4] == [2, 1, 4, 3]);
        }
        let whole = |pictures: &Pictures| pictures.pixels.chunks_exact(12).filter(|p| p[..] == pixels[..]).count();
        // One in 18 each: neither moved nor mirrored, or mirrored only.
        assert!((2..30).contains(&mirrored) && (2..30).contains(&whole(&augmented)), "{mirrored}");
        assert_eq!(pictures.augmented(Augment { shift: 0, mirror: false }, 1), pictures);
    }
}
