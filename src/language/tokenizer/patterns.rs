//! Regular expressions of `tokenizer.json`.

use super::super::Error;
use super::super::oniguruma;
use serde_json::Value;
use tokenizers::SplitDelimiterBehavior;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};

/// Translates every pattern in a part of `tokenizer.json`, which stands as `{"Regex": "…"}` wherever one may stand.
pub fn translate_all(part: &mut Value) -> Result<(), Error> {
    match part {
        Value::Array(parts) => parts.iter_mut().try_for_each(translate_all),
        Value::Object(fields) => fields.iter_mut().try_for_each(|(key, value)| match value {
            Value::String(pattern) if key == "Regex" => {
                *pattern = translate(pattern)?;
                Ok(())
            }
            other => translate_all(other),
        }),
        _ => Ok(()),
    }
}

/// An expression that means here what `pattern` means to Oniguruma.
fn translate(pattern: &str) -> Result<String, Error> {
    let refused = |problem: String| Error::Pattern { pattern: pattern.to_owned(), problem };
    let translated = oniguruma::translate(pattern).map_err(|refusal| refused(refusal.to_string()))?;
    // Some ways to look behind, and absurd sizes, are refused only when it is compiled.
    let regex = SplitPattern::Regex(translated.clone());
    Split::new(regex, SplitDelimiterBehavior::Removed, false).map_err(|error| {
        let words = error.to_string();
        refused(words.lines().last().unwrap_or_default().to_owned())
    })?;
    Ok(translated)
}
