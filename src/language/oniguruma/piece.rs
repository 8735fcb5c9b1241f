//! Parts of a translation, and how they are joined.

use super::refusal::{Refusal, unsupported};

/// A translated part of a pattern.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    /// Translation.
    pub text: String,
    /// Whether a quantifier behind the text is one of the whole text.
    pub single: bool,
    /// Whether it is an anchor or looks around, which Oniguruma does not repeat.
    pub zero_width: bool,
    /// Whether it may match nothing.
    pub nullable: bool,
    /// Whether it may match nothing wherever it is tried, without an anchor's leave.
    pub blank: bool,
    /// Letters without case that it may begin with, folded.
    pub first: Vec<char>,
    /// Letters without case that it may end with, folded.
    pub last: Vec<char>,
}

impl Piece {
    /// What matches one character, or all of its text as a whole.
    pub fn atom(text: impl Into<String>) -> Self {
        Self { text: text.into(), single: true, ..Self::default() }
    }

    /// What matches between two characters.
    pub fn anchor(text: impl Into<String>) -> Self {
        Self { zero_width: true, nullable: true, ..Self::atom(text) }
    }

    /// A character as itself.
    pub fn literal(one: char, caseless: bool) -> Result<Self, Refusal> {
        let text = match one {
            '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' | '#' | '&' | '-'
            | '~' => {
                format!("\\{one}")
            }
            ' ' => " ".to_owned(),
            _ if one.is_whitespace() || one.is_control() => format!("\\x{{{:x}}}", u32::from(one)),
            _ => one.to_string(),
        };
        if !caseless {
            return Ok(Self::atom(text));
        }
        if folds_to_several(one) {
            return Err(unsupported(format!("(?i) on {one}, which is several letters without case,")));
        }
        let folded = vec![fold(one)];
        Ok(Self { first: folded.clone(), last: folded, ..Self::atom(format!("(?i:{text})")) })
    }

    /// Nothing, which all texts have in front of the next piece.
    pub fn empty() -> Self {
        Self { nullable: true, blank: true, ..Self::default() }
    }

    /// This piece and then `next`. Letters without case that together are the same as one letter are refused.
    pub fn then(mut self, next: Self) -> Result<Self, Refusal> {
        for &left in &self.last {
            if let Some(&right) = next.first.iter().find(|&&right| unfolds_to_one(left, right)) {
                return Err(unsupported(format!("(?i) on {left}{right}, which is also one letter,")));
            }
        }
        if self.text.is_empty() {
            return Ok(next);
        }
        if self.nullable {
            self.first.extend(&next.first);
        }
        if next.nullable {
            self.last.extend(&next.last);
        } else {
            self.last = next.last;
        }
        self.text.push_str(&next.text);
        self.single &= next.text.is_empty();
        self.zero_width &= next.zero_width;
        self.nullable &= next.nullable;
        self.blank &= next.blank;
        Ok(self)
    }

    /// This piece, or else `other`.
    pub fn or(mut self, other: Self) -> Self {
        self.text = format!("{}|{}", self.text, other.text);
        self.single = false;
        self.zero_width = false;
        self.nullable |= other.nullable;
        self.blank |= other.blank;
        self.first.extend(other.first);
        self.last.extend(other.last);
        self
    }

    /// The text between `open` and a parenthesis.
    pub fn enclosed(self, open: &str) -> Self {
        Self { text: format!("{open}{})", self.text), single: true, ..self }
    }

    /// Repeated as a quantifier says.
    pub fn repeated(self, quantifier: &Quantifier) -> Result<Self, Refusal> {
        if self.zero_width {
            return Err(Refusal::Invalid("an anchor is repeated"));
        }
        let Quantifier { least, most, greed } = *quantifier;
        // Where a round matches nothing Oniguruma ends the loop, and others may go on with the next alternative.
        if self.nullable && most.is_none_or(|most| most > 1) {
            return Err(unsupported("repeating what may match nothing"));
        }
        let piece = if self.single { self } else { self.enclosed("(?:") };
        let counts = match (least, most) {
            (0, Some(1)) => "?".to_owned(),
            (0, None) => "*".to_owned(),
            (1, None) => "+".to_owned(),
            (least, None) => format!("{{{least},}}"),
            (least, Some(most)) => format!("{{{least},{most}}}"),
        };
        let (nullable, blank) = (piece.nullable || least == 0, piece.blank || least == 0);
        let text = match greed {
            Greed::Greedy => format!("{}{counts}", piece.text),
            Greed::Lazy => format!("{}{counts}?", piece.text),
            Greed::Possessive => format!("(?>{}{counts})", piece.text),
        };
        // Repeated once more, a quantifier would be read as part of the one before.
        let single = greed == Greed::Possessive;
        Ok(Self { text, single, nullable, blank, ..piece })
    }
}

/// How often something is repeated.
#[derive(Clone, Copy, Debug)]
pub struct Quantifier {
    /// Least number of times.
    pub least: u32,
    /// Largest number of times, if there is one.
    pub most: Option<u32>,
    /// Which number is tried first.
    pub greed: Greed,
}

/// Which number of repetitions is tried first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greed {
    /// The largest.
    Greedy,
    /// The least.
    Lazy,
    /// The largest, and no other.
    Possessive,
}

/// A letter without case, for comparing with [`unfolds_to_one`]'s.
fn fold(one: char) -> char {
    match one {
        'ſ' => 's',
        _ => one.to_lowercase().next().unwrap_or(one),
    }
}

/// Whether a letter without case is more than one in Unicode's full folding, as ß is ss; some others, too.
fn folds_to_several(one: char) -> bool {
    matches!(one, 'ß' | 'İ' | 'ŉ' | 'ǰ' | 'ΐ' | 'ΰ' | 'և' | '\u{1e96}'..='\u{1e9e}' | '\u{1f50}'..='\u{1fff}')
        || matches!(one, '\u{fb00}'..='\u{fb17}')
}

/// Whether two folded letters are the first that one letter is without case; some others, too: all that end with a
/// mark.
fn unfolds_to_one(left: char, right: char) -> bool {
    matches!(
        (left, right),
        ('s', 's' | 't') | ('f', 'f' | 'i' | 'l') | ('ʼ', 'n') | (_, 'ʾ' | 'ι' | '\u{300}'..='\u{36f}')
    ) || matches!((left, right), ('ե', 'ւ') | ('մ', 'ն' | 'ե' | 'ի' | 'խ') | ('վ', 'ն'))
}
