//! Images of a person's own: some to measure a network on, others to calibrate with.

use crate::compute::{chunks_of_mut, prelude::*};
use crate::hint::Failure;
use crate::model::Source;
use crate::vision::{Error, ImageSet, Pictures, VisionModel};

/// Images that a network is measured on.
pub const MEASURED: usize = 1000;

/// Images that it is calibrated with.
pub const CALIBRATING: usize = 512;

/// Numbers of all images in memory, of either kind: of large images there are fewer.
const MOST_VALUES: usize = 64 << 20;

/// Images in memory.
pub struct OwnImages {
    /// To measure on.
    pub measured: Pictures,
    /// To calibrate with: others than those.
    pub calibrating: Pictures,
    /// Names of their classes, by label; empty where none are known.
    pub classes: Vec<String>,
    /// Number of images that could not be read.
    pub skipped: usize,
}

/// Reads images for `model`: from all over the file or folder, because a folder has one class after the other.
pub fn read(source: &Source, model: &VisionModel) -> Result<OwnImages, Failure> {
    let images = open(source, model)?.with_class_names(model.class_names());
    let (height, width) = images.size();
    let most = MOST_VALUES / (3 * height * width).max(1);
    let [measured, calibrating] = places(images.len(), [MEASURED.min(most), CALIBRATING.min(most)]);
    let mut skipped = 0;
    let mut pictures = |places: Vec<usize>| -> Result<Pictures, Failure> {
        let (pictures, broken) = read_all(&images, &places)?;
        skipped += broken;
        Ok(pictures)
    };
    let (measured, calibrating) = (pictures(measured)?, pictures(calibrating)?);
    if measured.is_empty() {
        return Err(Error::NoImages.into());
    }
    Ok(OwnImages { measured, calibrating, classes: images.classes().to_vec(), skipped })
}

/// Reads images to tune `model` on: all but those that it is measured on, as far as they fit into memory.
pub fn training(source: &Source, model: &VisionModel) -> Result<Pictures, Failure> {
    let images = open(source, model)?.with_class_names(model.class_names());
    let (height, width) = images.size();
    let most = MOST_VALUES / (3 * height * width).max(1);
    let [_, others] = places(images.len(), [MEASURED.min(most), most]);
    Ok(read_all(&images, &others)?.0)
}

#[cfg(not(target_arch = "wasm32"))]
fn open(source: &Source, model: &VisionModel) -> Result<ImageSet, Failure> {
    let Source::Path(path) = source;
    Ok(ImageSet::open(path, model.preprocess())?)
}

#[cfg(target_arch = "wasm32")]
fn open(source: &Source, _: &VisionModel) -> Result<ImageSet, Failure> {
    Ok(ImageSet::from_bytes(&source.name(), &source.read()?)?)
}

/// Places of the images to measure on, and of those to calibrate with, among `all`: evenly spaced, at most so many of each,
/// and at least every second one to measure on where there are few.
fn places(all: usize, [measured, calibrating]: [usize; 2]) -> [Vec<usize>; 2] {
    let spaced =
        |from: &[usize], count: usize| -> Vec<usize> { (0..count).map(|at| from[at * from.len() / count]).collect() };
    let every: Vec<usize> = (0..all).collect();
    let measured = spaced(&every, measured.min(all.div_ceil(2)));
    let rest: Vec<usize> = every.into_iter().filter(|at| measured.binary_search(at).is_err()).collect();
    let calibrating = spaced(&rest, calibrating.min(rest.len()));
    [measured, calibrating]
}

/// The images at these places, read on all threads, and how many of them are broken.
fn read_all(images: &ImageSet, places: &[usize]) -> Result<(Pictures, usize), Error> {
    let mut portions: Vec<_> = places.iter().map(|&at| (at, None)).collect();
    chunks_of_mut(&mut portions, 1).for_each(|part| part[0].1 = Some(images.read(part[0].0..part[0].0 + 1)));
    let (mut pictures, mut skipped) = (Pictures::default(), 0);
    for portion in portions.into_iter().filter_map(|(_, portion)| portion) {
        let portion = portion?;
        skipped += portion.skipped.len();
        if !portion.pictures.is_empty() {
            pictures.extend(&portion.pictures);
        }
    }
    Ok((pictures, skipped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measuring_and_calibrating_share_no_image() {
        assert_eq!(places(7, [3, 2]), [vec![0, 2, 4], vec![1, 5]]);
        assert_eq!(places(4, [1000, 512]), [vec![0, 2], vec![1, 3]]);
        assert_eq!(places(1, [1000, 512]), [vec![0], vec![]]);
        let [measured, calibrating] = places(6000, [1000, 512]);
        assert_eq!((measured.len(), calibrating.len(), measured[999]), (1000, 512, 5994));
        assert!(calibrating.iter().all(|at| !measured.contains(at)));
    }
}
