//! The grammar of Oniguruma's own syntax.

use super::class;
use super::cursor::Cursor;
use super::piece::{Greed, Piece, Quantifier};
use super::refusal::{Refusal, unsupported};

/// Groups in groups that are read.
const DEPTH: usize = 40;

/// Any line's end: a pair is never taken apart.
const LINE_END: &str = r"(?>\r\n|[\n-\r\x{85}\x{2028}\x{2029}])";

/// Start of a line: of the text, or behind a line's end that is not the text's.
const LINE_START: &str = r"(?:\A|(?<=\n)(?!\z))";

/// An expression for `fancy-regex`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// The expression.
    pub text: String,
    /// Whether it may match nothing.
    pub nullable: bool,
}

/// An expression that matches what `pattern` matches in Oniguruma.
pub fn translate(pattern: &str) -> Result<Translation, Refusal> {
    let (cursor, keeps_groups) = (Cursor::new(pattern), refers_back(pattern));
    let mut reader = Reader { cursor, groups: 0, matched: Vec::new(), keeps_groups };
    let piece = reader.alternatives(Options::default(), DEPTH)?;
    match reader.cursor.peek() {
        None => Ok(Translation { text: piece.text, nullable: piece.nullable }),
        Some(_) => Err(Refusal::Invalid("a parenthesis is closed that is not open")),
    }
}

/// Whether groups have to be kept because a later part may ask for what they matched.
fn refers_back(pattern: &str) -> bool {
    pattern.split('\\').skip(1).any(|after| after.starts_with(|c: char| matches!(c, '1'..='9')))
}

/// What `(?imx)` turns on.
#[derive(Clone, Copy, Default)]
struct Options {
    /// Letters match whatever their case.
    caseless: bool,
    /// The dot matches the end of a line.
    dot_all: bool,
    /// Spaces and comments are no part of the pattern.
    extended: bool,
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    /// Groups that were opened.
    groups: u32,
    /// Those of them that have matched something wherever the next part is tried.
    matched: Vec<u32>,
    /// Whether groups are groups in the translation.
    keeps_groups: bool,
}

impl Reader<'_> {
    /// Alternatives up to a parenthesis or the end.
    fn alternatives(&mut self, options: Options, depth: usize) -> Result<Piece, Refusal> {
        if depth == 0 {
            return Err(unsupported("deep nesting"));
        }
        let before = self.matched.len();
        let mut all = self.branch(options, depth)?;
        while self.cursor.take_if("|") {
            self.matched.truncate(before);
            all = all.or(self.branch(options, depth)?);
            self.matched.truncate(before);
        }
        Ok(all)
    }

    /// One alternative.
    fn branch(&mut self, options: Options, depth: usize) -> Result<Piece, Refusal> {
        let mut pieces = Vec::new();
        loop {
            self.skip_comments(options)?;
            match self.cursor.peek() {
                None | Some('|' | ')') => return joined(pieces),
                Some(_) => {}
            }
            if let Some(inner) = self.options(options)? {
                // It holds up to the next parenthesis, alternatives and all: a(?i)b|c is a(?i:b|c).
                pieces.push(self.alternatives(inner, depth - 1)?.enclosed("(?:"));
                return joined(pieces);
            }
            let before = self.matched.len();
            let mut piece = self.atom(options, depth)?;
            self.skip_comments(options)?;
            while let Some(quantifier) = self.quantifier()? {
                piece = piece.repeated(&quantifier)?;
                if piece.nullable {
                    self.matched.truncate(before);
                }
                self.skip_comments(options)?;
            }
            pieces.push(piece);
        }
    }

    /// Passes over what is no part of the pattern.
    fn skip_comments(&mut self, options: Options) -> Result<(), Refusal> {
        loop {
            if self.cursor.take_if("(?#") {
                loop {
                    match self.cursor.take() {
                        Some(')') => break,
                        Some('\\') => drop(self.cursor.take()),
                        Some(_) => {}
                        None => return Err(Refusal::Invalid("a comment is not closed")),
                    }
                }
                continue;
            }
            match self.cursor.peek() {
                Some(' ' | '\t' | '\n' | '\r' | '\u{c}') if options.extended => drop(self.cursor.take()),
                Some('#') if options.extended => {
                    if self.cursor.take_until("\n").is_none() {
                        self.cursor.take_while(usize::MAX, |_| true);
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    /// Options that hold from here on, `(?i)`, if such come next.
    fn options(&mut self, outer: Options) -> Result<Option<Options>, Refusal> {
        let mut ahead = self.cursor.clone();
        if !ahead.take_if("(?") {
            return Ok(None);
        }
        match options_of(&mut ahead, outer)? {
            Some(options) if ahead.take_if(")") => {
                self.cursor = ahead;
                Ok(Some(options))
            }
            _ => Ok(None),
        }
    }

    /// One part of a branch, without its quantifier.
    fn atom(&mut self, options: Options, depth: usize) -> Result<Piece, Refusal> {
        let Some(next) = self.cursor.take() else { return Ok(Piece::empty()) };
        match next {
            '(' => self.group(options, depth),
            '[' => Ok(Piece::atom(class::bracket(&mut self.cursor, options.caseless, depth)?)),
            '\\' => self.escape(options),
            '.' if options.dot_all => Ok(Piece::atom("(?s:.)")),
            '.' => Ok(Piece::atom(".")),
            '^' => Ok(Piece::anchor(LINE_START)),
            '$' => Ok(Piece::anchor(r"(?m:$)")),
            '*' | '+' | '?' => Err(Refusal::Invalid("there is nothing to repeat")),
            '{' => {
                let mut ahead = self.cursor.clone();
                match counts(&mut ahead) {
                    Some(_) => Err(Refusal::Invalid("there is nothing to repeat")),
                    None => Piece::literal('{', options.caseless),
                }
            }
            other => Piece::literal(other, options.caseless),
        }
    }

    /// A group whose parenthesis is taken.
    fn group(&mut self, options: Options, depth: usize) -> Result<Piece, Refusal> {
        if self.cursor.rest().starts_with('*') {
            return Err(unsupported("(*"));
        }
        if !self.cursor.take_if("?") {
            return self.capture(options, depth);
        }
        for (open, zero_width) in [("?=", true), ("?!", true), ("?<=", true), ("?<!", true), ("?>", false)] {
            if self.cursor.take_if(&open[1..]) {
                let before = self.matched.len();
                let inside = self.closed(options, depth)?;
                if open.starts_with("?<") && inside.blank {
                    return Err(unsupported("looking behind for what may be nothing"));
                }
                let group = inside.enclosed(&format!("({open}"));
                if !zero_width {
                    return Ok(group);
                }
                self.matched.truncate(before);
                return Ok(Piece::anchor(group.text));
            }
        }
        for (open, close) in [("<", ">"), ("'", "'")] {
            if self.cursor.take_if(open) {
                if self.keeps_groups {
                    return Err(unsupported("a number for a group among groups with names"));
                }
                self.cursor.take_until(close).ok_or(Refusal::Invalid("a group's name has no end"))?;
                return self.capture(options, depth);
            }
        }
        match options_of(&mut self.cursor, options)? {
            Some(inner) if self.cursor.take_if(":") => Ok(self.closed(inner, depth)?.enclosed("(?:")),
            _ => Err(unsupported(format!("(?{}", self.cursor.peek().unwrap_or_default()))),
        }
    }

    /// A group that is counted.
    fn capture(&mut self, options: Options, depth: usize) -> Result<Piece, Refusal> {
        self.groups += 1;
        let group = self.groups;
        let inside = self.closed(options, depth)?;
        self.matched.push(group);
        Ok(inside.enclosed(if self.keeps_groups { "(" } else { "(?:" }))
    }

    /// What stands in a group, up to its parenthesis.
    fn closed(&mut self, options: Options, depth: usize) -> Result<Piece, Refusal> {
        let inside = self.alternatives(options, depth - 1)?;
        if self.cursor.take_if(")") { Ok(inside) } else { Err(Refusal::Invalid("a parenthesis is not closed")) }
    }

    /// What a backslash, which is taken, begins.
    fn escape(&mut self, options: Options) -> Result<Piece, Refusal> {
        let letter = self.cursor.take().ok_or(Refusal::Invalid("it ends with a backslash"))?;
        if let Some(set) = class::kind(letter) {
            return Ok(Piece::atom(set));
        }
        let word = class::word();
        Ok(match letter {
            'p' | 'P' => Piece::atom(class::property(&mut self.cursor, letter == 'P')?),
            'R' => Piece::atom(LINE_END),
            'X' => Piece::atom(grapheme()),
            'N' => Piece::atom("."),
            'O' => Piece::atom("(?s:.)"),
            'b' => Piece::anchor(format!("(?:(?<={word})(?!{word})|(?<!{word})(?={word}))")),
            'B' => Piece::anchor(format!("(?:(?<={word})(?={word})|(?<!{word})(?!{word}))")),
            'A' | 'z' => Piece::anchor(format!("\\{letter}")),
            'Z' => Piece::anchor(r"(?=\n?\z)"),
            '1'..='9' => {
                let more = self.cursor.take_while(2, |c| c.is_ascii_digit());
                match format!("{letter}{more}").parse() {
                    Ok(group) if self.matched.contains(&group) && !options.caseless => {
                        Piece { nullable: true, blank: true, ..Piece::atom(format!("(?:\\{group})")) }
                    }
                    _ => return Err(unsupported(format!("\\{letter}{more}"))),
                }
            }
            _ => match self.cursor.escaped_char(letter)? {
                Some(one) => Piece::literal(one, options.caseless)?,
                None => return Err(unsupported(format!("\\{letter}"))),
            },
        })
    }

    /// A quantifier, if one comes next.
    fn quantifier(&mut self) -> Result<Option<Quantifier>, Refusal> {
        let mut ahead = self.cursor.clone();
        let (least, most) = match ahead.take() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                let Some(interval) = counts(&mut ahead) else { return Ok(None) };
                self.cursor = ahead;
                return interval.quantifier(&mut self.cursor).map(Some);
            }
            _ => return Ok(None),
        };
        self.cursor = ahead;
        let greed = if self.cursor.take_if("?") {
            Greed::Lazy
        } else if self.cursor.take_if("+") {
            Greed::Possessive
        } else {
            Greed::Greedy
        };
        Ok(Some(Quantifier { least, most, greed }))
    }
}

/// Pieces one after the other.
fn joined(pieces: Vec<Piece>) -> Result<Piece, Refusal> {
    // Where something follows in any case, a line's start is not at the end of the text. That is said without looking
    // around, which is faster.
    let followed = pieces.iter().rposition(|piece| !piece.nullable).unwrap_or(0);
    pieces.into_iter().enumerate().try_fold(Piece::empty(), |all, (at, piece)| {
        let simple = at < followed && piece.text == LINE_START;
        all.then(if simple { Piece::anchor("(?m:^)") } else { piece })
    })
}

/// Counts in braces.
struct Interval {
    least: u32,
    most: Option<u32>,
    /// Whether both are the same.
    exact: bool,
}

impl Interval {
    fn quantifier(self, cursor: &mut Cursor) -> Result<Quantifier, Refusal> {
        /// Most that Oniguruma repeats anything.
        const LIMIT: u32 = 100_000;
        let Self { least, most, exact } = self;
        if least.max(most.unwrap_or(0)) > LIMIT {
            return Err(Refusal::Invalid("a count is too large"));
        }
        Ok(match most {
            // Possessive, it is said, and is not always.
            Some(most) if most < least => return Err(unsupported("a count from the larger to the smaller")),
            // A question mark behind one count makes all of it optional: it is read as a quantifier of its own.
            _ if !exact && cursor.take_if("?") => Quantifier { least, most, greed: Greed::Lazy },
            _ => Quantifier { least, most, greed: Greed::Greedy },
        })
    }
}

/// Counts up to a brace; `None` if these are no counts but characters.
fn counts(cursor: &mut Cursor) -> Option<Interval> {
    let number = |cursor: &mut Cursor| -> Option<u32> {
        let digits = cursor.take_while(usize::MAX, |c| c.is_ascii_digit());
        // What is too large to be a number is too large a count.
        (!digits.is_empty()).then(|| digits.parse().unwrap_or(u32::MAX))
    };
    let least = number(cursor);
    if least.is_some() && cursor.take_if("}") {
        return Some(Interval { least: least?, most: least, exact: true });
    }
    if !cursor.take_if(",") {
        return None;
    }
    let most = number(cursor);
    if !cursor.take_if("}") || (least.is_none() && most.is_none()) {
        return None;
    }
    Some(Interval { least: least.unwrap_or(0), most, exact: least == most })
}

/// Options behind `(?`, up to what ends them; `None` if there are none.
fn options_of(cursor: &mut Cursor, outer: Options) -> Result<Option<Options>, Refusal> {
    let mut options = outer;
    let mut on = true;
    let letters = cursor.take_while(usize::MAX, |c| c.is_ascii_alphabetic() || c == '-');
    for letter in letters.chars() {
        match letter {
            'i' => options.caseless = on,
            'm' => options.dot_all = on,
            'x' => options.extended = on,
            '-' => on = false,
            other => return Err(unsupported(format!("(?{other})"))),
        }
    }
    let any = !letters.is_empty() || cursor.rest().starts_with(':');
    Ok(any.then_some(options))
}

/// A user-perceived character: an extended grapheme cluster of Unicode, without the rule for conjuncts of Indic scripts,
/// which Oniguruma does not have. One that begins inside of a cluster ends where the cluster does.
fn grapheme() -> String {
    let extend = r"\p{gcb=Extend}";
    let flag = r"\p{gcb=Regional_Indicator}";
    let picture = r"\p{Extended_Pictographic}";
    let joined = format!(r"(?:{extend}*\p{{gcb=ZWJ}}{picture})");
    let (l, v, t) = (r"\p{gcb=L}", r"\p{gcb=V}", r"\p{gcb=T}");
    let syllable = format!(r"{l}*(?:\p{{gcb=LV}}{v}*|\p{{gcb=LVT}}|{v}+){t}*|{l}+|{t}+");
    // The second letter of a flag, and what joins a picture to the one before.
    let second = format!(r"(?<=(?:\A|[^{flag}])(?:{flag}{flag})*{flag}){flag}");
    let joining = format!(r"(?<={picture}{extend}*){joined}+");
    let start = format!(r"{second}|{flag}{flag}?|{joining}|{picture}{joined}*|{syllable}|[^\p{{gcb=Control}}\r\n]");
    let end = r"[\p{gcb=Extend}\p{gcb=ZWJ}\p{gcb=SpacingMark}]*";
    format!(r"(?>\r\n|\p{{gcb=Control}}|\r|\n|\p{{gcb=Prepend}}*(?:{start}){end})")
}
