//! Regular expressions of `tokenizer.json`.

use crate::language::Error;
use crate::language::oniguruma::{self, Translation};
use serde_json::Value;
use tokenizers::SplitDelimiterBehavior;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};

/// Translates every pattern in a part of `tokenizer.json`, which stands as `{"Regex": "…"}` wherever one may stand. In a
/// `normalizer` a match of nothing is refused, with which Hugging Face's reader gets out of step, and may panic.
pub fn translate_all(part: &mut Value, normalizer: bool) -> Result<(), Error> {
    match part {
        Value::Array(parts) => parts.iter_mut().try_for_each(|part| translate_all(part, normalizer)),
        Value::Object(fields) => fields.iter_mut().try_for_each(|(key, value)| match value {
            Value::String(pattern) if key == "Regex" => {
                *pattern = translate(pattern, normalizer)?;
                Ok(())
            }
            Value::String(text) if key == "String" && text.is_empty() && normalizer => {
                Err(replaces_nothing(text.clone()))
            }
            other => translate_all(other, normalizer),
        }),
        _ => Ok(()),
    }
}

/// An expression that means here what `pattern` means to Oniguruma.
fn translate(pattern: &str, normalizer: bool) -> Result<String, Error> {
    let refused = |problem: String| Error::Pattern { pattern: pattern.to_owned(), problem };
    let Translation { text, nullable } =
        oniguruma::translate(pattern).map_err(|refusal| refused(refusal.to_string()))?;
    if nullable && normalizer {
        return Err(replaces_nothing(pattern.to_owned()));
    }
    // Some ways to look behind, and absurd sizes, are refused only when it is compiled.
    let regex = SplitPattern::Regex(text.clone());
    Split::new(regex, SplitDelimiterBehavior::Removed, false).map_err(|error| {
        let words = error.to_string();
        refused(words.lines().last().unwrap_or_default().to_owned())
    })?;
    Ok(text)
}

fn replaces_nothing(pattern: String) -> Error {
    Error::Pattern { pattern, problem: "replacing what may be nothing is not supported".into() }
}
