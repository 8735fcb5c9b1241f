//! Pieces of texts, measured with Oniguruma: Python's tokenizers 0.23.3, `Split(Regex(pattern), "isolated")` and
//! `Replace(Regex(pattern), "·")`.

use super::{refusal::Refusal, translate};
use tokenizers::normalizers::replace::{Replace, ReplacePattern};
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{
    NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
    SplitDelimiterBehavior,
};

/// Pieces of a text, those that match and those between.
fn pieces(pattern: &str, text: &str) -> Vec<String> {
    let pattern = SplitPattern::Regex(translate(pattern).unwrap().text);
    let mut split = PreTokenizedString::from(text);
    Split::new(pattern, SplitDelimiterBehavior::Isolated, false).unwrap().pre_tokenize(&mut split).unwrap();
    let pieces = split.get_splits(OffsetReferential::Original, OffsetType::Byte);
    pieces.into_iter().map(|(piece, ..)| piece.to_owned()).collect()
}

/// A text with a dot for every match, those of nothing as well.
fn dotted(pattern: &str, text: &str) -> String {
    let mut text = NormalizedString::from(text);
    let pattern = ReplacePattern::Regex(translate(pattern).unwrap().text);
    Replace::new(pattern, "·").unwrap().normalize(&mut text).unwrap();
    text.get().to_owned()
}

/// Pattern, text, pieces, and the text with dots.
type Case = (&'static str, &'static str, &'static [&'static str], &'static str);

#[rustfmt::skip]
const CASES: &[Case] = &[
    (r"\s+$", "one \ntwo\n\n", &["one", " ", "\ntwo", "\n\n"], "one·\ntwo·"),
    (r"^\w+", "ab cd\nef", &["ab", " cd\n", "ef"], "· cd\n·"),
    (r"^", "a\nb\n", &["a\n", "b\n"], "·a\n·b\n"),
    (r"$", "a\n\nb\n", &["a", "\n", "\nb", "\n"], "a·\n·\nb·\n·"),
    (r"\Z", "a\nb\n", &["a\nb", "\n"], "a\nb·\n·"),
    (r"\A\w", "ab\ncd", &["a", "b\ncd"], "·b\ncd"),
    (r"(?m).+", "a\nb", &["a\nb"], "·"),
    (r".+", "a\nb", &["a", "\n", "b"], "·\n·"),
    (r"a{1,3}+", "aaaa aaaaaaa", &["aaaa", " ", "aaaaaaa"], "· ·"),
    (r"a{2}?", "aaa", &["aa", "a"], "·a·"),
    (r"a{,2}b", "aaab", &["a", "aab"], "a·"),
    (r"\w+", "na\u{200d}ïve² ½x_‿3", &["na", "\u{200d}", "ïve²", " ", "½x_‿3"], "·\u{200d}· ·"),
    (r"[\w]+", "a²b", &["a", "²", "b"], "·²·"),
    (r"\b", "x² y\u{200d}z", &["x²", " ", "y", "\u{200d}", "z"], "·x²· ·y·\u{200d}·z·"),
    (r"\B.", "ab c", &["a", "b", " c"], "a· c"),
    (r"[[:alpha:]]+", "Ωméga1漢字", &["Ωméga", "1", "漢字"], "·1·"),
    (r"[[:^alpha:]]+", "a1 b", &["a", "1 ", "b"], "a·b"),
    (r"[[:punct:]]+", "a$+<b¿»", &["a", "$+<", "b", "¿»"], "a·b·"),
    (r"\p{Punct}+", "a$+<b¿»", &["a$+<b", "¿»"], "a$+<b·"),
    (r"\h+", "cafe BEAD gh", &["cafe", " ", "BEAD", " gh"], "· · gh"),
    (r"\X", "e\u{301}👩\u{200d}👩🇩🇪🇫x\r\n", &["e\u{301}", "👩\u{200d}👩", "🇩🇪", "🇫", "x", "\r\n"], "······"),
    (r"🇩\X", "🇩🇪🇫", &["🇩🇪", "🇫"], "·🇫"),
    (r"\R", "a\r\nb\rc\u{85}d", &["a", "\r\n", "b", "\r", "c", "\u{85}", "d"], "a·b·c·d"),
    (r"[a-z&&[^aeiou]]+", "banana", &["b", "a", "n", "a", "n", "a"], "·a·a·a"),
    (r"(?i)k", "K\u{212a}", &["K", "\u{212a}"], "··"),
    (r"(?i:'s)", "'ſ'S", &["'ſ", "'S"], "··"),
    (r"a(?i)b|c", "aB ac abC", &["aB", " ", "ac", " ", "ab", "C"], "· · ·C"),
    (r"(?x) a b # c", "abab", &["ab", "ab"], "··"),
    (r"(.)\1", "aabbc", &["aa", "bb", "c"], "··c"),
    (r"(?<=^|,)\w", "a,b\nc", &["a", ",", "b", "\n", "c"], "·,·\n·"),
    (r"(?<!\w)a", "ba a", &["ba ", "a"], "ba ·"),
    (r"(?>a+)b", "aab", &["aab"], "·"),
    (r"[^\p{L}\s]+", "a1²b", &["a", "1²", "b"], "a·b"),
    (r"\p{^L}+", "a12b", &["a", "12", "b"], "a·b"),
    (r"\O\N", "\na", &["\na"], "·"),
    (r"a{1", "a{1", &["a{1"], "·"),
];

#[test]
fn patterns_match_what_they_match_in_oniguruma() {
    for (pattern, text, expected, replaced) in CASES {
        assert_eq!(pieces(pattern, text), *expected, "{pattern}");
        assert_eq!(dotted(pattern, text), *replaced, "{pattern}");
    }
}

const TEXT: &str = "They'LL don't naïve\u{301} x² 12345  ½ ΣΑ漢字か!?\r\n\n\t 'ſ HTTPServer...  ";

/// Pattern of a tokenizer, and the pieces of that text.
#[rustfmt::skip]
const TOKENIZERS: &[(&str, &[&str])] = &[
    // GPT-2.
    (
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        &["They", "'", "LL", " don", "'t", " naïve", "\u{301}", " x", "²", " 12345", " ", " ½", " ΣΑ漢字か", "!?", "\r\n\n\t", " '", "ſ", " HTTPServer", "...", "  "],
    ),
    // GPT-4, Llama 3.
    (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        &["They", "'LL", " don", "'t", " naïve", "\u{301}", " x", "²", " ", "123", "45", " ", " ", "½", " ΣΑ漢字か", "!?\r\n\n", "\t", " '", "ſ", " HTTPServer", "...", "  "],
    ),
    // GPT-4 as published.
    (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
        &["They", "'LL", " don", "'t", " naïve", "\u{301}", " x", "²", " ", "12345", " ", " ", "½", " ΣΑ漢字か", "!?\r\n\n", "\t", " '", "ſ", " HTTPServer", "...", "  "],
    ),
    // Qwen 2 and 3.
    (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        &["They", "'LL", " don", "'t", " naïve", "\u{301}", " x", "²", " ", "1", "2", "3", "4", "5", " ", " ", "½", " ΣΑ漢字か", "!?\r\n\n", "\t", " '", "ſ", " HTTPServer", "...", "  "],
    ),
    // Qwen 3.5.
    (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        &["They", "'LL", " don", "'t", " naïve\u{301}", " x", "²", " ", "1", "2", "3", "4", "5", " ", " ", "½", " ΣΑ漢字か", "!?\r\n\n", "\t", " '", "ſ", " HTTPServer", "...", "  "],
    ),
    // GPT-4o.
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        &["They'LL", " don't", " naïve\u{301}", " x", "²", " ", "123", "45", " ", " ", "½", " ΣΑ漢字か", "!?\r\n\n", "\t", " '", "ſ", " HTTPServer", "...", "  "],
    ),
    // Mistral's Tekken.
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        &["They", "'LL", " don", "'t", " naïve\u{301}", " x", "²", " ", "1", "2", "3", "4", "5", " ", " ", "½", " ΣΑ漢字か", "!?\r\n\n", "\t", " '", "ſ", " HTTPServer", "...", "  "],
    ),
    // DeepSeek V3.
    (
        r##"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##,
        &["They", "'LL", " don", "'t", " naïve\u{301}", " x", "²", " ", "12345", " ", " ", "½", " ΣΑ漢字か", "!?\r\n\n", "\t", " '", "ſ", " HTTPServer", "...", "  "],
    ),
    // Kimi K2.
    (
        r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        &["They'LL", " don't", " naïve\u{301}", " x", "²", " ", "123", "45", " ", " ", "½", " ΣΑ", "漢字", "か", "!?\r\n\n", "\t", " '", "ſ", " HTTPServer", "...", "  "],
    ),
    // DeepSeek LLM.
    (
        r"\s+$",
        &["They'LL don't naïve\u{301} x² 12345  ½ ΣΑ漢字か!?", "\r\n", "\n\t 'ſ HTTPServer...", "  "],
    ),
    // Bloom.
    (
        r" ?[^(\s|[.,!?…。，、।۔،])]+",
        &["They'LL", " don't", " naïve\u{301}", " x²", " 12345", " ", " ½", " ΣΑ漢字か", "!?\r\n\n\t", " 'ſ", " HTTPServer", "...  "],
    ),
    // digits from the right.
    (
        r"\d{1,3}(?=(?:\d{3})*\b)",
        &["They'LL don't naïve\u{301} x² ", "12", "345", "  ½ ΣΑ漢字か!?\r\n\n\t 'ſ HTTPServer...  "],
    ),
];

#[test]
fn patterns_of_well_known_tokenizers_keep_their_pieces() {
    for (pattern, expected) in TOKENIZERS {
        assert_eq!(pieces(pattern, TEXT), *expected, "{pattern}");
    }
}

#[test]
fn what_cannot_be_said_is_refused_by_its_name() {
    let refused = |pattern: &str| translate(pattern).unwrap_err().to_string();
    for (pattern, words) in [
        (r"a\Kb", r"\K"),
        (r"\Ga", r"\G"),
        (r"\y", r"\y"),
        (r"\pL", r"\p without braces"),
        (r"(?<n>a)\k<n>", r"\k"),
        (r"(a)?\1", r"\1"),
        (r"(?~ab)", "(?~"),
        (r"(?W)\w", "(?W)"),
        (r"(*FAIL)", "(*"),
        (r"(?i)ss", "ss"),
        (r"(?i)ß", "ß"),
        (r"(?i)[\p{L}]", r"\p"),
        (r"(?:a|b*)*", "repeating what may match nothing"),
        (r"[a&&]", "&&"),
    ] {
        assert!(refused(pattern).contains(words), "{pattern}: {}", refused(pattern));
    }
    // Oniguruma refuses these as well.
    for pattern in ["(", ")", "[a", "*a", "a|*", "{1}a", "(?s).", "(?P<n>a)", "^*", r"[z-a]", "a\\", r"\p{L&}", "[]"] {
        assert!(translate(pattern).is_err(), "{pattern}");
    }
    assert_eq!(translate("(a"), Err(Refusal::Invalid("a parenthesis is not closed")));
    // No pattern is too deep, or too odd, to be refused.
    assert!(translate(&"(".repeat(100_000)).is_err());
    assert!(translate(&"[".repeat(100_000)).is_err());
    assert!(translate(&"(?i)".repeat(100_000)).is_err());
}
