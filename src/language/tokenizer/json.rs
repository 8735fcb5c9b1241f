//! Fields of a tokenizer's files.

use crate::language::Error;
use serde_json::{Map, Value};
use tokenizers::AddedToken;

/// A JSON object.
pub type Object = Map<String, Value>;

/// Parses the contents of a file that holds an object.
pub fn object(file: &'static str, bytes: &[u8]) -> Result<Object, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::Tokenizer { file, problem: error.to_string() })
}

/// A field that is true or false.
pub fn flag(object: &Object, key: &str) -> Option<bool> {
    object.get(key)?.as_bool()
}

/// A field that is a text.
pub fn text<'a>(object: &'a Object, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str()
}

/// A token as these files write it: its text, which makes it a special one, or an object with its properties.
pub fn token(value: &Value) -> Option<AddedToken> {
    match value {
        Value::String(text) => Some(AddedToken::from(text, true)),
        Value::Object(fields) => {
            let on = |key: &str| flag(fields, key).unwrap_or(false);
            let special = on("special");
            let token = AddedToken::from(text(fields, "content")?, special)
                .single_word(on("single_word"))
                .lstrip(on("lstrip"))
                .rstrip(on("rstrip"));
            Some(token.normalized(flag(fields, "normalized").unwrap_or(!special)))
        }
        _ => None,
    }
}

/// What Hugging Face's reader finds wrong with a tokenizer.
pub fn problem(error: tokenizers::Error) -> Error {
    Error::Tokenizer { file: "tokenizer.json", problem: crate::model::one_line(&error.to_string()) }
}
