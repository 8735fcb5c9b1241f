//! Statistics of many layers' inputs, in one file or in several whose sum they are.

use super::{Checkpoint, Error};
use crate::matrix::Calibration;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Which part of the samples statistics are taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Portion {
    /// Its number, from 1.
    pub part: usize,
    /// Number of parts.
    pub parts: usize,
}

impl Portion {
    /// All samples.
    pub const WHOLE: Self = Self { part: 1, parts: 1 };

    /// Its run of `count` samples, as long as the others' but for one sample; `None` where some part would have none.
    pub fn range(self, count: usize) -> Option<Range<usize>> {
        let Self { part, parts } = self;
        let fits = (1..=parts).contains(&part) && parts <= count;
        fits.then(|| (part - 1) * count / parts..part * count / parts)
    }
}

/// What a file of statistics says of them, as [`KEY`](Self::KEY) of its metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatisticsLabel {
    /// The samples among those of all parts.
    #[serde(flatten)]
    pub portion: Portion,
    /// Number of samples: tokens, or images.
    pub samples: usize,
    /// Fingerprint of the model and of all parts' samples.
    pub collection: String,
    /// XᵀX itself is `<m>.XtX` · 4^exponent, by m.
    pub exponents: BTreeMap<String, i32>,
}

impl StatisticsLabel {
    /// Key of the metadata.
    pub const KEY: &str = "dsf.statistics";

    /// That of a file, if it has one.
    fn of(file: &Checkpoint) -> Option<Self> {
        serde_json::from_str(file.metadata().get(Self::KEY)?).ok()
    }
}

/// Ends of the names of saved output weights.
const OUTPUT_WEIGHTS: &str = ".output_weights";

/// Statistics of many layers' inputs, with the mean squares of what the loss feels where those are saved as well.
pub struct SavedStatistics {
    /// The files in the order of their parts. A single one may have no label.
    files: Vec<(Checkpoint, Option<StatisticsLabel>)>,
}

impl SavedStatistics {
    /// Of one file, or of all parts of the same samples, in any order.
    ///
    /// # Panics
    /// Panics without a file.
    pub fn new(files: Vec<Checkpoint>) -> Result<Self, Error> {
        assert!(!files.is_empty(), "statistics stand in a file");
        let labelled = |file: Checkpoint| {
            let label = StatisticsLabel::of(&file);
            (file, label)
        };
        let mut files: Vec<_> = files.into_iter().map(labelled).collect();
        if files.len() > 1 || files[0].1.is_some() {
            check_parts(&files)?;
            files.sort_by_key(|(_, label)| label.as_ref().map(|label| label.portion.part));
        }
        Ok(Self { files })
    }

    /// The files, in the order of their parts.
    pub fn files(&self) -> impl Iterator<Item = &Checkpoint> {
        self.files.iter().map(|(file, _)| file)
    }

    /// Statistics XᵀX `[inputs, inputs]` of the layer `<stem>.weight`: [`Checkpoint::calibration_of`], of all parts together.
    pub fn calibration_of(&self, stem: &str, inputs: usize) -> Result<Calibration, Error> {
        let exponent = |(file, label): &(Checkpoint, Option<StatisticsLabel>)| {
            let tensor = file.statistics_of(stem)?;
            label.as_ref()?.exponents.get(tensor.strip_suffix(".XtX")?).copied()
        };
        if let [only] = &self.files[..] {
            // Alone they serve at any scale.
            return Ok(only.0.calibration_of(stem, inputs)?.times_four_to(exponent(only).unwrap_or(0)));
        }
        let mut parts = Vec::new();
        // No token of a part may have reached an expert.
        for part in self.files.iter().filter(|(file, _)| file.statistics_of(stem).is_some()) {
            let exponent = exponent(part).ok_or_else(|| Error::NoPart { file: part.0.name().to_owned() })?;
            parts.push(part.0.calibration_of(stem, inputs)?.times_four_to(exponent));
        }
        let failed =
            |source| Error::Inputs { file: self.files[0].0.name().to_owned(), tensor: stem.to_owned(), source };
        match Calibration::sum(parts).map_err(failed)? {
            Some(sum) => Ok(sum),
            None => self.files[0].0.calibration_of(stem, inputs),
        }
    }

    /// Whether some part has statistics of this layer's inputs.
    pub fn knows(&self, stem: &str) -> bool {
        self.files().any(|file| file.statistics_of(stem).is_some())
    }

    /// Checks that [`calibration_of`](Self::calibration_of) would find statistics of this shape, without reading them.
    pub fn check_calibration_of(&self, stem: &str, inputs: usize) -> Result<(), Error> {
        let known: Vec<&Checkpoint> = self.files().filter(|file| file.statistics_of(stem).is_some()).collect();
        match known.is_empty() {
            true => self.files[0].0.check_calibration_of(stem, inputs),
            false => known.into_iter().try_for_each(|file| file.check_calibration_of(stem, inputs)),
        }
    }

    /// Mean squares of what the loss feels at each output of the layer `<stem>.weight`, if they are saved: the mean of the
    /// parts', weighed by their samples.
    pub fn output_squares_of(&self, stem: &str) -> Result<Option<Vec<f32>>, Error> {
        let name = format!("{stem}{OUTPUT_WEIGHTS}");
        if let [(only, _)] = &self.files[..] {
            return only.has(&name).then(|| only.values(&name)).transpose();
        }
        let (mut sum, mut all): (Vec<f64>, f64) = (Vec::new(), 0.0);
        for (file, label) in self.files.iter().filter(|(file, _)| file.has(&name)) {
            let samples = label.as_ref().map_or(0, |label| label.samples) as f64;
            let values = file.values(&name)?;
            sum.resize(values.len().max(sum.len()), 0.0);
            sum.iter_mut().zip(&values).for_each(|(sum, &value)| *sum += samples * f64::from(value));
            all += samples;
        }
        Ok((all > 0.0).then(|| sum.into_iter().map(|sum| (sum / all) as f32).collect()))
    }
}

/// Refuses files that are not all parts of one collection, each of them once.
fn check_parts(files: &[(Checkpoint, Option<StatisticsLabel>)]) -> Result<(), Error> {
    let name = |file: &Checkpoint| file.name().to_owned();
    let weighed = |file: &Checkpoint| -> BTreeSet<String> {
        let names = file.tensors().iter().map(|tensor| &tensor.name);
        names.filter(|name| name.ends_with(OUTPUT_WEIGHTS)).cloned().collect()
    };
    let mut first: Option<(&Checkpoint, &StatisticsLabel)> = None;
    let mut found: BTreeMap<usize, &Checkpoint> = BTreeMap::new();
    for (file, label) in files {
        let label = label.as_ref().ok_or_else(|| Error::NoPart { file: name(file) })?;
        let (before, expected) = *first.get_or_insert((file, label));
        let same = (&label.collection, label.portion.parts) == (&expected.collection, expected.portion.parts);
        if !same || weighed(file) != weighed(before) {
            return Err(Error::OtherParts { file: name(file), other: name(before) });
        }
        let Portion { part, parts } = label.portion;
        if let Some(other) = found.insert(part, file) {
            return Err(Error::SamePart { file: name(file), other: name(other), part, parts });
        }
    }
    let parts = first.map_or(1, |(_, label)| label.portion.parts);
    match (1..=parts).find(|part| !found.contains_key(part)) {
        Some(part) => Err(Error::MissingPart { part, parts }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::{Dtype, tensor::TensorView};

    /// Statistics of one input, with weights of one output.
    fn part(
        portion: Portion,
        samples: usize,
        collection: &str,
        (xtx, exponent): (f32, i32),
        weight: f32,
    ) -> Checkpoint {
        let exponents = BTreeMap::from([("a".to_owned(), exponent)]);
        let label = StatisticsLabel { portion, samples, collection: collection.into(), exponents };
        let metadata = [(StatisticsLabel::KEY.to_owned(), serde_json::to_string(&label).unwrap())];
        let values = [("a.XtX", vec![1, 1], xtx.to_le_bytes()), ("a.output_weights", vec![1], weight.to_le_bytes())];
        let views = values
            .iter()
            .map(|(name, shape, bytes)| (*name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
        let bytes = safetensors::serialize(views, Some(metadata.into())).unwrap();
        Checkpoint::from_bytes(&format!("{}.safetensors", portion.part), bytes).unwrap()
    }

    fn of(part: usize, parts: usize) -> Portion {
        Portion { part, parts }
    }

    #[test]
    fn portions_are_all_samples_once() {
        let ranges: Vec<Range<usize>> = (1..=3).map(|part| of(part, 3).range(8).unwrap()).collect();
        assert_eq!(ranges, [0..2, 2..5, 5..8]);
        assert_eq!(Portion::WHOLE.range(8), Some(0..8));
        assert_eq!(
            [of(1, 9).range(8), of(0, 3).range(8), of(4, 3).range(8), of(1, 0).range(8)],
            [None, None, None, None]
        );
    }

    #[test]
    fn parts_add_up_by_hand() {
        // 0.75·4 + 1.5·16 = 27, scaled by 16 to 27/16; the weights' mean, of 10 and 30 samples, is (10·2 + 30·4)/40.
        let files = || vec![part(of(2, 2), 30, "x", (1.5, 2), 4.0), part(of(1, 2), 10, "x", (0.75, 1), 2.0)];
        let sum = SavedStatistics::new(files()).unwrap();
        let calibration = sum.calibration_of("a", 1).unwrap();
        assert_eq!((calibration.xtx().as_slice(), calibration.exponent()), (&[27.0 / 16.0][..], 2));
        assert_eq!(sum.output_squares_of("a").unwrap().unwrap(), [3.5]);
        assert_eq!(sum.output_squares_of("b").unwrap(), None);
        assert!(sum.check_calibration_of("a", 1).is_ok());
        assert!(sum.check_calibration_of("a", 2).is_err() && sum.check_calibration_of("b", 1).is_err());
        let order =
            |files| SavedStatistics::new(files).unwrap().files().map(|file| file.name().to_owned()).collect::<Vec<_>>();
        assert_eq!(order(files()), ["1.safetensors", "2.safetensors"]);
    }

    #[test]
    fn what_does_not_add_up_is_refused() {
        let made = |number, parts, collection: &str| part(of(number, parts), 1, collection, (1.0, 0), 1.0);
        let refused = |files| SavedStatistics::new(files).err().unwrap();
        assert_eq!(refused(vec![made(2, 2, "x")]), Error::MissingPart { part: 1, parts: 2 });
        assert_eq!(refused(vec![made(1, 3, "x"), made(3, 3, "x")]), Error::MissingPart { part: 2, parts: 3 });
        assert!(matches!(refused(vec![made(1, 2, "x"), made(1, 2, "x")]), Error::SamePart { part: 1, parts: 2, .. }));
        assert!(matches!(refused(vec![made(1, 2, "x"), made(2, 2, "y")]), Error::OtherParts { .. }));
        assert!(matches!(refused(vec![made(1, 2, "x"), made(2, 3, "x")]), Error::OtherParts { .. }));
        let view = TensorView::new(Dtype::F32, vec![1, 1], &[0; 4]).unwrap();
        let bytes = safetensors::serialize([("a.XtX", view)], None).unwrap();
        let unlabelled = Checkpoint::from_bytes("other.safetensors", bytes).unwrap();
        assert!(matches!(refused(vec![made(1, 2, "x"), unlabelled]), Error::NoPart { .. }));
    }
}
