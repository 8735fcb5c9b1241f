//! What is seen at each step.

use super::chance::{Chance, training_seed};
use super::{Error, Settings};
use crate::stories::mix_seed;
use crate::vision::{Augment, Pictures};
use std::sync::Arc;

/// The labelled pictures that a vision model is tuned on. What a step sees follows from the step's number alone, so that a
/// tuning that was interrupted goes on where it was.
#[derive(Clone, Debug, PartialEq)]
pub enum Images {
    /// A set of pictures. In each epoch they are shuffled.
    Pictures {
        /// The pictures.
        pictures: Arc<Pictures>,
        /// How each is changed at random whenever it is seen.
        augment: Option<Augment>,
    },
    /// Pictures of the built-in network without end.
    Glyphs,
}

/// One in so many pictures is held out.
const HELD_OUT: usize = 10;

impl Images {
    /// Divides pictures: a tenth of them, taken at random and always the same, is held out.
    pub fn split(pictures: &Pictures, augment: Option<Augment>) -> Result<(Self, Pictures), Error> {
        if pictures.len() < HELD_OUT {
            return Err(Error::FewImages { images: pictures.len(), needed: HELD_OUT });
        }
        let mut order: Vec<usize> = (0..pictures.len()).collect();
        Chance::of_epoch(0, 0).shuffle(&mut order);
        let (held_out, train) = order.split_at_mut(pictures.len() / HELD_OUT);
        held_out.sort_unstable();
        train.sort_unstable();
        Ok((Self::Pictures { pictures: Arc::new(pictures.some(train)), augment }, pictures.some(held_out)))
    }

    /// Number of pictures in an epoch; `None` if there is no end.
    pub fn count(&self) -> Option<usize> {
        match self {
            Self::Pictures { pictures, .. } => Some(pictures.len()),
            Self::Glyphs => None,
        }
    }

    /// Identity of the pictures.
    pub fn fingerprint(&self) -> String {
        match self {
            Self::Pictures { pictures, augment } => format!("{} {augment:?}", pictures.fingerprint()),
            Self::Glyphs => "glyphs".into(),
        }
    }

    /// The pictures of step `step`, from 0.
    ///
    /// # Panics
    /// Panics if there is none.
    pub(super) fn batch(&self, settings: &Settings, step: usize) -> Pictures {
        let (batch, seed) = (settings.batch, settings.seed);
        let all = step * batch..(step + 1) * batch;
        let (pictures, augment) = match self {
            Self::Pictures { pictures, augment } => (pictures, augment),
            Self::Glyphs => return Pictures::of_glyphs(training_seed(seed), all.start as u64..all.end as u64),
        };
        let (mut of_batch, mut epoch) = (Vec::with_capacity(batch), None);
        for at in all {
            let number = at / pictures.len();
            if epoch.as_ref().is_none_or(|&(of, _)| of != number) {
                let mut order: Vec<usize> = (0..pictures.len()).collect();
                Chance::of_epoch(seed, number).shuffle(&mut order);
                epoch = Some((number, order));
            }
            of_batch.extend(epoch.as_ref().map(|(_, order)| order[at % pictures.len()]));
        }
        let of_batch = pictures.some(&of_batch);
        match augment {
            Some(augment) => of_batch.augmented(*augment, mix_seed(training_seed(seed), step as u64)),
            None => of_batch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(batch: usize) -> Settings {
        Settings { batch, ..Settings::for_vision() }
    }

    #[test]
    fn each_epoch_shows_all_pictures_in_another_order() {
        let pictures = Pictures { height: 1, width: 1, pixels: (0..30).collect(), labels: (0..10).collect() };
        let images = Images::Pictures { pictures: Arc::new(pictures.clone()), augment: None };
        // Batches of 4 go on from one epoch to the next.
        let seen: Vec<usize> = (0..5).flat_map(|step| images.batch(&settings(4), step).labels).collect();
        let [mut first, mut second] = [seen[..10].to_vec(), seen[10..].to_vec()];
        assert_ne!(first, second);
        [&mut first, &mut second].into_iter().for_each(|labels| labels.sort_unstable());
        assert_eq!((&first, &second), (&pictures.labels, &pictures.labels));
        let batch = images.batch(&settings(4), 3);
        assert!(batch.labels.iter().zip(batch.pixels.chunks(3)).all(|(&label, p)| p[0] == 3 * label as u8));
    }

    #[test]
    fn a_tenth_is_held_out_and_the_built_in_pictures_have_no_end() {
        let pictures = Pictures::of_glyphs(5, 0..25);
        let (images, held_out) = Images::split(&pictures, None).unwrap();
        assert_eq!((images.count(), held_out.len()), (Some(23), 2));
        let Images::Pictures { pictures: train, .. } = &images else { panic!("pictures") };
        // Together they are all of them.
        let one = |of: &Pictures, at: usize| of.some(&[at]).pixels;
        let mut seen: Vec<Vec<u8>> =
            (0..23).map(|at| one(train, at)).chain((0..2).map(|at| one(&held_out, at))).collect();
        let mut whole: Vec<Vec<u8>> = (0..25).map(|at| one(&pictures, at)).collect();
        [&mut seen, &mut whole].into_iter().for_each(|pixels| pixels.sort_unstable());
        assert_eq!(seen, whole);
        assert!(matches!(Images::split(&held_out, None), Err(Error::FewImages { images: 2, needed: 10 })));
        let [first, second] = [0, 1].map(|step| Images::Glyphs.batch(&settings(3), step));
        assert!(first != second && first.len() == 3 && Images::Glyphs.count().is_none());
        assert_eq!(Images::Glyphs.batch(&settings(6), 0).range(3..6), second);
    }
}
