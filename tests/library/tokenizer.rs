//! Tokenizers against transformers, folder by folder: see `tokenizer/make.py`.

use dsf_explorer::hint::Explain;
use dsf_explorer::language::{Error, Tokenizer, TokenizerFiles, companions};
use dsf_explorer::model::Source;
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

/// A folder with these files, given by name as text or as JSON.
fn folder(files: &Value) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files.as_object().unwrap() {
        let text = content.as_str().map_or_else(|| content.to_string(), str::to_owned);
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn open(files: &Value) -> Result<Tokenizer, Error> {
    let folder = folder(files);
    let read = TokenizerFiles::beside(&Source::from(folder.path().to_owned()), "small")?;
    Tokenizer::read(&read, files["config.json"].to_string().as_bytes())
}

fn expected() -> Value {
    serde_json::from_str(include_str!("../tokenizer/expected.json")).unwrap()
}

#[test]
fn tokens_are_those_of_transformers() {
    let expected = expected();
    for case in expected["cases"].as_array().unwrap() {
        let tokenizer = open(&case["files"]).unwrap();
        for (text, tokens) in expected["texts"].as_array().unwrap().iter().zip(case["tokens"].as_array().unwrap()) {
            let tokens: Vec<u32> = serde_json::from_value(tokens.clone()).unwrap();
            let text = text.as_str().unwrap();
            assert_eq!(tokenizer.encode(text).unwrap(), tokens, "{}: {text}", case["what"]);
        }
    }
}

/// The files of a case.
fn files(what: &str) -> Value {
    let mut expected = expected();
    let cases = expected["cases"].as_array_mut().unwrap();
    cases.iter_mut().find(|case| case["what"] == what).unwrap()["files"].take()
}

#[test]
fn texts_come_back() {
    for what in ["LlamaTokenizer", "GPT2Tokenizer", "vocab.json and merges.txt"] {
        let tokenizer = open(&files(what)).unwrap();
        let tokens = tokenizer.encode("the fox over 123 dogs, the").unwrap();
        assert_eq!(tokenizer.decode(&tokens).unwrap().trim_start(), "the fox over 123 dogs, the", "{what}");
    }
}

#[test]
fn a_pattern_that_cannot_be_followed_is_named() {
    let mut files = files("a line's end in a pattern");
    for (pattern, why) in [(r"a\Kb", r"\K is not supported"), (r"(?<=(?:a\b)+)c", ""), ("a{99999}{99999}", "")] {
        files["tokenizer.json"]["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = pattern.into();
        let error = open(&files).err().unwrap();
        assert!(matches!(&error, Error::Pattern { pattern: named, .. } if named == pattern), "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }
    // In a normalizer and in a decoder as well.
    for part in ["normalizer", "decoder"] {
        let mut files = files_with(part, json!({ "type": "Replace", "pattern": { "Regex": r"\Ga" }, "content": "b" }));
        assert!(matches!(open(&files), Err(Error::Pattern { .. })), "{part}");
        files["tokenizer.json"][part]["pattern"]["Regex"] = "^the".into();
        assert!(open(&files).is_ok(), "{part}");
    }
}

/// The file alone, with this part.
fn files_with(part: &str, value: Value) -> Value {
    let mut files = files("the file alone");
    files["tokenizer.json"][part] = value;
    files
}

#[test]
fn a_normalizer_replaces_what_its_pattern_means() {
    // Not so in other places, and not the last line's end.
    let end = json!({ "type": "Replace", "pattern": { "Regex": r"[[:alpha:]]\Z" }, "content": "fox" });
    let replaced = open(&files_with("normalizer", end)).unwrap().encode("the\nthe\n").unwrap();
    let alone = open(&files("the file alone")).unwrap();
    assert_eq!(replaced, alone.encode("the\nthfox\n").unwrap());
    // Hugging Face's reader panics where nothing is replaced.
    for pattern in [json!({ "Regex": "^" }), json!({ "Regex": "x*" }), json!({ "String": "" })] {
        let nothing = json!({ "type": "Replace", "pattern": pattern, "content": "fox" });
        assert!(matches!(open(&files_with("normalizer", nothing)), Err(Error::Pattern { .. })), "{pattern}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let error = |files: Value| open(&files).err().unwrap();
    let config = json!({ "model_type": "llama" });
    let none = error(json!({ "config.json": config }));
    assert_eq!(none, Error::Missing { folder: "small".into(), file: "tokenizer.json" });
    let half = error(json!({ "config.json": config, "vocab.json": {} }));
    assert_eq!(half, Error::Missing { folder: "small".into(), file: "merges.txt" });
    let pieces = error(json!({ "config.json": config, "tokenizer.model": "\u{a}" }));
    assert!(matches!(pieces, Error::SentencePiece { .. }), "{pieces}");
    assert!(format!("{:?}", pieces.hint()).contains("save_pretrained"), "{:?}", pieces.hint());
    for (file, content) in [
        ("tokenizer_config.json", "{"),
        ("tokenizer_config.json", r#"{"added_tokens_decoder": {"x": {"content": "a"}}}"#),
        ("tokenizer_config.json", r#"{"added_tokens_decoder": {"1": 2}}"#),
        ("special_tokens_map.json", "[]"),
        ("added_tokens.json", r#"{"a": -1}"#),
    ] {
        let mut files = files("the file alone");
        files[file] = content.into();
        let error = error(files);
        assert!(matches!(&error, Error::Tokenizer { file: named, .. } if *named == file), "{error}");
    }
    // A host's page about a file that it does not have is none.
    let mut files = files("the file alone");
    files["added_tokens.json"] = "\n<!doctype html>".into();
    assert!(open(&files).is_ok());
}

#[test]
fn a_copy_has_every_file_that_counts() {
    let mut all = files("added_tokens.json");
    for (name, content) in [("special_tokens_map.json", "{}"), ("vocab.json", "{}"), ("merges.txt", ""), ("other", "")]
    {
        all[name] = content.into();
    }
    let folder = folder(&all);
    let mut names: Vec<String> = companions(folder.path()).unwrap().into_iter().map(|(name, _)| name).collect();
    names.sort();
    let mut counts: Vec<&str> = TokenizerFiles::NAMES.into_iter().chain(["config.json"]).collect();
    counts.sort_unstable();
    assert_eq!(names, counts);
}
