//! Fields of a JSON object, read by type: a field that is there and of another type is refused by its name.

use crate::language::Error;
use serde_json::{Map, Value};

/// A configuration that is not what it should be.
pub fn bad(problem: String) -> Error {
    Error::Config { problem }
}

/// An object of `config.json`; a field that is null counts as absent.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    /// Name of the object, for messages: `rope_scaling`, or empty.
    path: &'a str,
}

/// Larger than any size of a model, and small enough that a product of two does not overflow.
const SIZE_LIMIT: usize = 1 << 24;

impl<'a> Fields<'a> {
    pub fn new(object: &'a Map<String, Value>, path: &'a str) -> Self {
        Self { object, path }
    }

    /// Whether the field is there, be it null.
    pub fn mentions(&self, key: &str) -> bool {
        self.object.contains_key(key)
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.object.is_empty()
    }

    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.object.get(key).filter(|value| !value.is_null())
    }

    /// Name of a field, for messages: `rope_scaling.factor`.
    fn name(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn typed<T>(&self, key: &str, what: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>, Error> {
        let Some(value) = self.get(key) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| {
            let shown = crate::model::one_line(&value.to_string());
            Error::Config { problem: format!("{} is {shown}, and {what} is expected", self.name(key)) }
        })
    }

    /// A positive number of something.
    pub fn size(&self, key: &str) -> Result<Option<usize>, Error> {
        let size = |value: &Value| value.as_u64().and_then(|size| usize::try_from(size).ok());
        let what = "a number from 1 to 16 million";
        self.typed(key, what, |value| size(value).filter(|size| (1..=SIZE_LIMIT).contains(size)))
    }

    /// The same where it must be there.
    pub fn needed_size(&self, key: &str) -> Result<usize, Error> {
        self.size(key)?.ok_or_else(|| Error::Config { problem: format!("{} is missing", self.name(key)) })
    }

    /// A number from 0.
    pub fn count(&self, key: &str) -> Result<Option<usize>, Error> {
        self.typed(key, "a whole number from 0", |value| {
            value.as_u64().and_then(|size| usize::try_from(size).ok()).filter(|&size| size <= SIZE_LIMIT)
        })
    }

    /// A number that is finite in f32.
    pub fn number(&self, key: &str) -> Result<Option<f64>, Error> {
        self.typed(key, "a number of a usual size", |value| value.as_f64().filter(|x| (*x as f32).is_finite()))
    }

    /// A number that is above 0 and finite in f32.
    pub fn positive(&self, key: &str) -> Result<Option<f64>, Error> {
        let usual = |x: &f64| (*x as f32).is_normal() && *x > 0.0;
        self.typed(key, "a number above 0 of a usual size", |value| value.as_f64().filter(usual))
    }

    /// A number from 0 that is finite in f32.
    pub fn not_negative(&self, key: &str) -> Result<Option<f64>, Error> {
        let usual = |x: &f64| (*x as f32).is_finite() && *x >= 0.0;
        self.typed(key, "a number from 0 of a usual size", |value| value.as_f64().filter(usual))
    }

    /// A number of blocks or heads, of which much is made before any tensor is looked at.
    pub fn count_of_parts(&self, key: &str) -> Result<Option<usize>, Error> {
        const MOST: u64 = 1 << 14;
        let size = |value: &Value| value.as_u64().filter(|size| (1..=MOST).contains(size));
        self.typed(key, "a number from 1 to 16 thousand", |value| size(value).map(|size| size as usize))
    }

    /// The same where it must be there.
    pub fn needed_parts(&self, key: &str) -> Result<usize, Error> {
        self.count_of_parts(key)?.ok_or_else(|| Error::Config { problem: format!("{} is missing", self.name(key)) })
    }

    /// The same where it must be there.
    pub fn needed_positive(&self, key: &str) -> Result<f64, Error> {
        self.positive(key)?.ok_or_else(|| Error::Config { problem: format!("{} is missing", self.name(key)) })
    }

    pub fn flag(&self, key: &str) -> Result<Option<bool>, Error> {
        self.typed(key, "true or false", Value::as_bool)
    }

    pub fn text(&self, key: &str) -> Result<Option<&'a str>, Error> {
        self.typed(key, "a text", Value::as_str)
    }

    pub fn texts(&self, key: &str) -> Result<Option<Vec<&'a str>>, Error> {
        self.typed(key, "a list of texts", |value| value.as_array()?.iter().map(Value::as_str).collect())
    }

    pub fn numbers(&self, key: &str) -> Result<Option<Vec<f64>>, Error> {
        self.typed(key, "a list of numbers", |value| value.as_array()?.iter().map(Value::as_f64).collect())
    }

    pub fn object(&self, key: &'a str) -> Result<Option<Fields<'a>>, Error> {
        Ok(self.typed(key, "an object", Value::as_object)?.map(|object| Fields { object, path: key }))
    }

    /// A token, or a list of tokens.
    pub fn tokens(&self, key: &str) -> Result<Vec<u32>, Error> {
        let token = |value: &Value| value.as_u64().and_then(|token| u32::try_from(token).ok());
        let tokens = self.typed(key, "a token's number, or a list of them", |value| match value {
            // Some configurations say −1 where there is no such token.
            Value::Number(number) if number.as_i64().is_some_and(|number| number < 0) => Some(Vec::new()),
            Value::Array(list) => list.iter().map(token).collect(),
            value => token(value).map(|token| vec![token]),
        });
        Ok(tokens?.unwrap_or_default())
    }
}
