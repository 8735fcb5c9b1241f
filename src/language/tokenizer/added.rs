//! Tokens beside the vocabulary: special ones, and those that a text is searched for before it is split.

use super::class::Class;
use super::files::TokenizerFiles;
use super::json::{Object, object, problem, token};
use crate::language::Error;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tokenizers::AddedToken;

/// Special tokens that have a name, in the order in which new ones get their numbers.
const NAMED: [&str; 7] = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// Tokens that the files beside `tokenizer.json` speak of.
pub struct AddedTokens {
    /// By the numbers that the files give them; new ones are numbered in this order, wherever it begins.
    listed: BTreeMap<u64, AddedToken>,
    /// Special tokens by their names.
    named: Vec<(String, AddedToken)>,
    /// Special tokens without a name.
    further: Vec<AddedToken>,
}

impl AddedTokens {
    /// Reads the tokens of the files; `own` are those of `tokenizer.json`, which count where `tokenizer_config.json` lists
    /// none.
    pub fn read(files: &TokenizerFiles, config: &Object, own: &[Value], class: Class) -> Result<Self, Error> {
        let mut settings = config.clone();
        let mut listed = BTreeMap::new();
        if let Some(tokens) = config.get("added_tokens_decoder") {
            let bad = |problem: &str| {
                let problem = format!("added_tokens_decoder: {problem}");
                Error::Tokenizer { file: "tokenizer_config.json", problem }
            };
            let tokens = tokens.as_object().ok_or_else(|| bad("it is not an object"))?;
            for (number, fields) in tokens {
                let number = number.parse().map_err(|_| bad(&format!("{number:?} is not a number")))?;
                let fields = token(fields).filter(|_| fields.is_object());
                listed.insert(number, fields.ok_or_else(|| bad("a token has no content"))?);
            }
        } else {
            // Fields of which objects, too, make a token of `added_tokens.json` special.
            let mut from_map = BTreeSet::new();
            if let Some(bytes) = &files.special_tokens {
                for (key, mut value) in object("special_tokens_map.json", bytes)? {
                    if let Value::Object(fields) = &mut value
                        && key != "extra_special_tokens"
                    {
                        fields.insert("special".into(), true.into());
                    }
                    from_map.insert(key.clone());
                    settings.insert(key, value);
                }
            }
            if let Some(bytes) = &files.added_tokens {
                let special = special_texts(&settings, &from_map);
                for (content, number) in object("added_tokens.json", bytes)? {
                    let number = number.as_u64().ok_or_else(|| Error::Tokenizer {
                        file: "added_tokens.json",
                        problem: format!("the number of {content:?} is {number}"),
                    })?;
                    let is_special = special.contains(&content);
                    listed.insert(number, AddedToken::from(content, is_special));
                }
            }
            for fields in own {
                let number = fields.get("id").and_then(Value::as_u64);
                if let (Some(number), Some(token)) = (number, token(fields)) {
                    listed.insert(number, token);
                }
            }
        }
        Ok(Self {
            named: named(&settings, &listed, class),
            further: further(&settings).filter_map(|(_, value)| token(value)).collect(),
            listed,
        })
    }

    /// The text of a special token by its name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.named.iter().find(|(own, _)| own == name).map(|(_, token)| token.content.as_str())
    }

    /// Adds to a tokenizer what it does not have yet. One that the vocabulary has keeps its number, others are numbered
    /// behind it.
    pub fn add(&self, tokenizer: &mut tokenizers::Tokenizer, class: Class) -> Result<(), Error> {
        let known: Vec<AddedToken> = tokenizer.get_added_tokens_decoder().into_values().collect();
        let mut new: Vec<AddedToken> = self.listed.values().filter(|token| !known.contains(token)).cloned().collect();
        let texts: BTreeSet<String> = known.iter().chain(&new).map(|token| token.content.clone()).collect();
        // Of several with the same text, the last one's properties stay.
        let special = self.named.iter().map(|(_, token)| token).chain(&self.further);
        new.extend(special.filter(|token| !texts.contains(&token.content)).cloned());
        let names: BTreeSet<&str> = self.named.iter().map(|(_, token)| token.content.as_str()).collect();
        for token in &mut new {
            token.special |= names.contains(token.content.as_str());
        }
        tokenizer.add_tokens(new).map_err(problem)?;
        let all = self.named.iter().map(|(_, token)| token).chain(&self.further);
        match class {
            // Once more, as plain special tokens.
            Class::Qwen2 => tokenizer.add_tokens(all.map(|token| AddedToken::from(token.content.as_str(), true))),
            Class::Cohere => tokenizer.add_tokens(all.map(|token| AddedToken { special: true, ..token.clone() })),
            _ => return Ok(()),
        }
        .map_err(problem)?;
        Ok(())
    }
}

/// Special tokens by their names: what the settings say, or else the class; as the list has them, if it does.
fn named(settings: &Object, listed: &BTreeMap<u64, AddedToken>, class: Class) -> Vec<(String, AddedToken)> {
    let standard = NAMED.iter().filter_map(|&name| {
        let own = class.special_tokens().iter().find(|(own, _)| *own == name);
        let token = match settings.get(name) {
            // Null says that there is none.
            Some(value) => {
                let own = token(value)?;
                listed.values().rfind(|token| token.content == own.content).cloned().unwrap_or(own)
            }
            None => AddedToken::from(own?.1, true),
        };
        Some((name.to_owned(), token))
    });
    // A model's own names, last those that stand in an object of their own.
    let mut others: Vec<(String, AddedToken)> = Vec::new();
    let apart = settings.iter().filter(|(name, _)| name.ends_with("_token"));
    let map = settings.get("extra_special_tokens").or(settings.get("additional_special_tokens"));
    let mapped = map.and_then(Value::as_object).into_iter().flatten();
    for (name, value) in apart.chain(mapped).filter(|(name, _)| !NAMED.contains(&name.as_str())) {
        if let Some(token) = token(value) {
            others.retain(|(earlier, _)| earlier != name);
            others.push((name.clone(), token));
        }
    }
    let own = class.special_tokens().iter().filter(|(name, _)| !NAMED.contains(name));
    let own = own.map(|&(name, text)| (name.to_owned(), AddedToken::from(text, true)));
    standard.chain(own).chain(others).collect()
}

/// Special tokens without names: the field's name and the tokens as the files have them.
fn further(settings: &Object) -> impl Iterator<Item = (&'static str, &Value)> {
    let list = |key: &'static str| {
        let list = settings.get(key).and_then(Value::as_array).filter(|list| !list.is_empty())?;
        Some(list.iter().map(move |token| (key, token)))
    };
    list("extra_special_tokens").or_else(|| list("additional_special_tokens")).into_iter().flatten()
}

/// Texts of special tokens: those written as a text, and in some fields those written as an object.
fn special_texts(settings: &Object, objects: &BTreeSet<String>) -> BTreeSet<String> {
    let named = NAMED.iter().filter_map(|&name| Some((name, settings.get(name)?)));
    let counted = named.chain(further(settings)).filter(|(key, value)| value.is_string() || objects.contains(*key));
    counted.filter_map(|(_, value)| token(value)).map(|token| token.content).collect()
}
