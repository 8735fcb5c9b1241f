//! `preprocessor_config.json`, as Hugging Face's image processors write and read it.

use super::Error;
use super::preprocess::{Filter, Preprocess, Resize, Size};
use serde_json::{Map, Value};

/// Longest side that images are brought to, in pixels.
const LONGEST_SIDE: u64 = 4096;

/// Side from which ConvNext's processor leaves the ratio of sides alone no longer: it resizes to squares then.
const SQUASHED_FROM: usize = 384;

/// Mean and standard deviation of colours where a file leaves them out: of processors after CLIP's, and of others.
const CLIP: ([f32; 3], [f32; 3]) =
    ([0.481_454_66, 0.457_827_5, 0.408_210_73], [0.268_629_54, 0.261_302_6, 0.275_777_1]);
const HALF: ([f32; 3], [f32; 3]) = ([0.5; 3], [0.5; 3]);

impl Preprocess {
    /// Reads the bytes of a `preprocessor_config.json`: `ConvNextImageProcessor`, `ViTImageProcessor`,
    /// `BitImageProcessor` and those with the same keys.
    pub fn from_config(bytes: &[u8]) -> Result<Self, Error> {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| problem(error.to_string()))?;
        let Value::Object(keys) = value else { return Err(problem("it is not an object")) };
        Processor::new(&keys).preprocess()
    }
}

/// Which of the processors a file is of.
#[derive(Clone, Copy, PartialEq)]
enum Family {
    /// One size below which a share is cut away, above which images become squares.
    ConvNext,
    /// The shorter side, then a crop.
    Clip,
    /// Both sides.
    Vit,
    /// One of which nothing more is known.
    Other,
}

struct Processor<'a> {
    keys: &'a Map<String, Value>,
    family: Family,
}

impl<'a> Processor<'a> {
    fn new(keys: &'a Map<String, Value>) -> Self {
        let name = |key| keys.get(key).and_then(Value::as_str);
        let name = name("image_processor_type").or_else(|| name("feature_extractor_type")).unwrap_or_default();
        let is = |start: &str| name.starts_with(start);
        let family = match () {
            () if is("ConvNext") || name.is_empty() && keys.contains_key("crop_pct") => Family::ConvNext,
            () if is("Bit") || is("CLIP") => Family::Clip,
            () if is("ViT") => Family::Vit,
            () => Family::Other,
        };
        Self { keys, family }
    }

    fn preprocess(&self) -> Result<Preprocess, Error> {
        if self.flag("rescale_offset", false)? || self.flag("do_pad", false)? {
            return Err(Error::Unsupported {
                what: "rescale_offset and do_pad of preprocessor_config.json".to_owned(),
            });
        }
        let (resize, crop) = match self.family {
            Family::ConvNext if !self.flag("do_resize", true)? => (None, None),
            Family::ConvNext => {
                let (resize, crop) = self.conv_next()?;
                (Some(resize), crop.map(|side| (side, side)))
            }
            _ => (if self.flag("do_resize", true)? { Some(self.resize()?) } else { None }, self.crop()?),
        };
        let scale = match self.flag("do_rescale", true)? {
            true => self.number("rescale_factor")?.unwrap_or(1.0 / 255.0) as f32,
            false => 1.0,
        };
        let (mean, std) = match self.flag("do_normalize", true)? {
            true => {
                let (mean, std) = if self.family == Family::Clip { CLIP } else { HALF };
                (self.colours("image_mean", mean)?, self.colours("image_std", std)?)
            }
            false => ([0.0; 3], [1.0; 3]),
        };
        if std.contains(&0.0) {
            return Err(problem("image_std is 0"));
        }
        Ok(Preprocess { resize, crop, scale, mean, std })
    }

    /// Resizing by one size and a share of it, and the side of a crop.
    fn conv_next(&self) -> Result<(Resize, Option<usize>), Error> {
        let side = match self.present("size") {
            None => SQUASHED_FROM,
            Some(size) => match sizes(size, "size", false)? {
                Size::ShorterSide(side) => side,
                Size::Exactly { .. } => return Err(problem("size has no shortest_edge")),
            },
        };
        let filter = self.filter(Filter::Bilinear)?;
        if side >= SQUASHED_FROM {
            return Ok((Resize { to: Size::Exactly { height: side, width: side }, filter }, None));
        }
        let share = self.number("crop_pct")?.unwrap_or(0.875);
        let longer = side as f64 / share;
        if !(share > 0.0 && longer >= 1.0 && longer <= LONGEST_SIDE as f64) {
            return Err(problem(format!("crop_pct is {share}")));
        }
        Ok((Resize { to: Size::ShorterSide(longer as usize), filter }, Some(side)))
    }

    fn resize(&self) -> Result<Resize, Error> {
        let by_shorter_side = self.family == Family::Clip;
        let usual = if by_shorter_side { Filter::Bicubic } else { Filter::Bilinear };
        let to = match self.present("size") {
            Some(size) => sizes(size, "size", !by_shorter_side)?,
            None if by_shorter_side => Size::ShorterSide(224),
            None => Size::Exactly { height: 224, width: 224 },
        };
        Ok(Resize { to, filter: self.filter(usual)? })
    }

    fn crop(&self) -> Result<Option<(usize, usize)>, Error> {
        let size = self.present("crop_size");
        let usual = match self.family {
            Family::Clip => true,
            Family::Other => size.is_some(),
            Family::Vit | Family::ConvNext => false,
        };
        if !self.flag("do_center_crop", usual)? {
            return Ok(None);
        }
        match size.map(|size| sizes(size, "crop_size", true)).transpose()? {
            None => Ok(Some((224, 224))),
            Some(Size::Exactly { height, width }) => Ok(Some((height, width))),
            Some(Size::ShorterSide(_)) => Err(problem("crop_size has no height and width")),
        }
    }

    /// PIL's number of a filter.
    fn filter(&self, usual: Filter) -> Result<Filter, Error> {
        Ok(match self.present("resample") {
            None => usual,
            Some(code) => match code.as_u64() {
                Some(0) => Filter::Nearest,
                Some(1) => Filter::Lanczos,
                Some(2) => Filter::Bilinear,
                Some(3) => Filter::Bicubic,
                Some(4) => Filter::Box,
                Some(5) => Filter::Hamming,
                _ => return Err(problem("resample is none of PIL's filters, 0 to 5")),
            },
        })
    }

    /// What the file says of a key; `null` says nothing.
    fn present(&self, key: &str) -> Option<&Value> {
        self.keys.get(key).filter(|value| !value.is_null())
    }

    fn flag(&self, key: &str, usual: bool) -> Result<bool, Error> {
        match self.present(key) {
            None => Ok(usual),
            Some(value) => value.as_bool().ok_or_else(|| problem(format!("{key} is neither true nor false"))),
        }
    }

    fn number(&self, key: &str) -> Result<Option<f64>, Error> {
        self.present(key).map(|value| finite(value, key).map(f64::from)).transpose()?;
        Ok(self.present(key).and_then(Value::as_f64))
    }

    /// Three numbers, or one for all three.
    fn colours(&self, key: &str, usual: [f32; 3]) -> Result<[f32; 3], Error> {
        match self.present(key) {
            None => Ok(usual),
            Some(Value::Array(values)) => match &values[..] {
                [red, green, blue] => Ok([finite(red, key)?, finite(green, key)?, finite(blue, key)?]),
                _ => Err(problem(format!("{key} has {} numbers, not 3", values.len()))),
            },
            Some(value) => Ok([finite(value, key)?; 3]),
        }
    }
}

/// A size: a dictionary, `[height, width]`, or one number, which is that of a square or of the shorter side.
fn sizes(value: &Value, key: &str, is_square: bool) -> Result<Size, Error> {
    let side = |value: &Value| match value.as_u64().or_else(|| whole(value.as_f64()?)) {
        Some(side @ 1..=LONGEST_SIDE) => Ok(side as usize),
        _ => Err(problem(format!("{key} is not between 1 and {LONGEST_SIDE} pixels"))),
    };
    let exactly = |height, width| Ok(Size::Exactly { height: side(height)?, width: side(width)? });
    match value {
        Value::Object(sides) => match (sides.get("shortest_edge"), sides.get("height"), sides.get("width")) {
            (Some(_), ..) if sides.get("longest_edge").is_some_and(|edge| !edge.is_null()) => {
                Err(Error::Unsupported { what: "longest_edge in preprocessor_config.json".to_owned() })
            }
            (Some(edge), ..) => Ok(Size::ShorterSide(side(edge)?)),
            (None, Some(height), Some(width)) => exactly(height, width),
            _ => Err(problem(format!("{key} has neither shortest_edge nor height and width"))),
        },
        Value::Array(sides) => match &sides[..] {
            [height, width] => exactly(height, width),
            _ => Err(problem(format!("{key} has {} numbers, not 2", sides.len()))),
        },
        one if is_square => exactly(one, one),
        one => Ok(Size::ShorterSide(side(one)?)),
    }
}

/// A whole number that is written with a point.
fn whole(value: f64) -> Option<u64> {
    (value >= 0.0 && value.fract() == 0.0 && value <= LONGEST_SIDE as f64).then_some(value as u64)
}

fn finite(value: &Value, key: &str) -> Result<f32, Error> {
    let number = value.as_f64().map(|value| value as f32).filter(|value| value.is_finite());
    number.ok_or_else(|| problem(format!("{key} is not a finite number")))
}

fn problem(problem: impl Into<String>) -> Error {
    Error::Preprocessor { problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Preprocess, Error> {
        Preprocess::from_config(text.as_bytes())
    }

    fn to(to: Size, filter: Filter) -> Option<Resize> {
        Some(Resize { to, filter })
    }

    /// What the processors of transformers 5 do with these.
    #[test]
    fn sizes_as_the_processors_read_them() {
        let of = |text: &str| read(text).map(|all| (all.resize, all.crop)).unwrap();
        let exactly = |height, width| Size::Exactly { height, width };
        let conv_next = r#""image_processor_type": "ConvNextImageProcessor""#;
        // int(224 / 0.875) = 256, int(160 / 0.9) = 177
        let below =
            of(&format!(r#"{{{conv_next}, "size": {{"shortest_edge": 224}}, "crop_pct": 0.875, "resample": 3}}"#));
        assert_eq!(below, (to(Size::ShorterSide(256), Filter::Bicubic), Some((224, 224))));
        let other = of(&format!(r#"{{{conv_next}, "size": 160, "crop_pct": 0.9}}"#));
        assert_eq!(other, (to(Size::ShorterSide(177), Filter::Bilinear), Some((160, 160))));
        assert_eq!(of(&format!("{{{conv_next}}}")), (to(exactly(384, 384), Filter::Bilinear), None));
        assert_eq!(of(&format!(r#"{{{conv_next}, "do_resize": false}}"#)), (None, None));
        let old = r#"{"feature_extractor_type": "ConvNextFeatureExtractor", "size": 224, "crop_pct": 0.875}"#;
        assert_eq!(of(old), (to(Size::ShorterSide(256), Filter::Bilinear), Some((224, 224))));
        let vit =
            of(r#"{"image_processor_type": "ViTImageProcessor", "size": {"height": 96, "width": 128}, "resample": 0}"#);
        assert_eq!(vit, (to(exactly(96, 128), Filter::Nearest), None));
        assert_eq!(
            of(r#"{"image_processor_type": "ViTFeatureExtractor", "size": 224}"#).0.unwrap().to,
            exactly(224, 224)
        );
        let bit = of(r#"{"image_processor_type": "BitImageProcessor", "size": 256, "crop_size": 224}"#);
        assert_eq!(bit, (to(Size::ShorterSide(256), Filter::Bicubic), Some((224, 224))));
        let uncropped =
            of(r#"{"image_processor_type": "BitImageProcessor", "size": [20, 30], "do_center_crop": false}"#);
        assert_eq!(uncropped, (to(exactly(20, 30), Filter::Bicubic), None));
        let deit = of(
            r#"{"image_processor_type": "DeiTImageProcessor", "size": 256, "crop_size": {"height": 224, "width": 200}}"#,
        );
        assert_eq!(deit, (to(exactly(256, 256), Filter::Bilinear), Some((224, 200))));
    }

    #[test]
    fn colours_scaled_and_normalized_or_not() {
        let all = read(r#"{"image_mean": [0.1, 0.2, 0.3], "image_std": 0.5, "rescale_factor": 0.5}"#).unwrap();
        assert_eq!((all.scale, all.mean, all.std), (0.5, [0.1, 0.2, 0.3], [0.5; 3]));
        let none = read(r#"{"do_normalize": false, "do_rescale": false, "image_std": [0, 0, 0]}"#).unwrap();
        assert_eq!((none.scale, none.mean, none.std), (1.0, [0.0; 3], [1.0; 3]));
        let usual = read(r#"{"image_processor_type": "CLIPImageProcessor", "image_mean": null}"#).unwrap();
        assert_eq!((usual.scale, usual.mean), (1.0 / 255.0, CLIP.0));
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        let refused = [
            ("nothing", "expected"),
            ("[]", "not an object"),
            (r#"{"size": 0}"#, "size is not between 1 and 4096"),
            (r#"{"size": -3}"#, "size is not between"),
            (r#"{"size": {"height": 1e9, "width": 3}}"#, "size is not between"),
            (r#"{"size": {"longest_edge": 30}}"#, "neither shortest_edge nor height"),
            (r#"{"size": {"longest_edge": 30, "shortest_edge": 10}}"#, "longest_edge"),
            (r#"{"size": [1, 2, 3]}"#, "3 numbers, not 2"),
            (r#"{"resample": 9}"#, "resample"),
            (r#"{"crop_pct": 0, "size": 224}"#, "crop_pct is 0"),
            (r#"{"crop_pct": 1e-9, "size": 224}"#, "crop_pct is"),
            (r#"{"image_std": [1, 0, 1]}"#, "image_std is 0"),
            (r#"{"image_mean": [1]}"#, "image_mean has 1 numbers, not 3"),
            (r#"{"image_mean": "red"}"#, "image_mean is not a finite number"),
            (r#"{"rescale_factor": 1e300}"#, "rescale_factor is not a finite"),
            (r#"{"do_resize": 1}"#, "do_resize is neither"),
            (r#"{"rescale_offset": true}"#, "rescale_offset"),
        ];
        for (text, says) in refused {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
