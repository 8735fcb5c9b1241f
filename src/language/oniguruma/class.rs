//! Sets of characters: what stands in brackets, kinds such as `\w`, and properties.

use super::cursor::Cursor;
use super::refusal::{Refusal, unsupported};

/// Inside of brackets: Oniguruma's word characters.
const WORD: &str = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}";
/// What it counts among them outside of brackets only: characters below U+0100 it looks up in a table of Latin-1.
const WORD_OF_LATIN_1: &str = r"\x{b2}\x{b3}\x{b9}\x{bc}-\x{be}";

/// Word characters outside of brackets, as a set in brackets.
pub fn word() -> String {
    format!("[{WORD}{WORD_OF_LATIN_1}]")
}

/// A set outside of brackets that an escape's `letter` names; `None` if it names something else.
pub fn kind(letter: char) -> Option<String> {
    Some(match letter {
        'w' => word(),
        'W' => format!("[^{WORD}{WORD_OF_LATIN_1}]"),
        's' | 'S' | 'd' | 'D' => format!("\\{letter}"),
        'h' => "[0-9A-Fa-f]".into(),
        'H' => "[^0-9A-Fa-f]".into(),
        _ => return None,
    })
}

/// A set of characters by its property, after `\p` or `\P`, outside of brackets.
pub fn property(cursor: &mut Cursor, negated: bool) -> Result<String, Refusal> {
    let (name, negated) = property_name(cursor, negated)?;
    Ok(match (name.as_str(), negated) {
        ("word", false) => word(),
        ("word", true) => format!("[^{WORD}{WORD_OF_LATIN_1}]"),
        _ => format!("[{}]", property_member(&name, negated)),
    })
}

/// Name of a property, in lower case and without what Oniguruma overlooks, and whether its complement is meant.
fn property_name(cursor: &mut Cursor, negated: bool) -> Result<(String, bool), Refusal> {
    // Without braces it is a letter for Oniguruma, and for who wrote it surely a property.
    let inside = if cursor.take_if("{") { cursor.take_until("}") } else { None };
    let inside = inside.ok_or_else(|| unsupported("\\p without braces"))?;
    let (name, negated) = match inside.strip_prefix('^') {
        Some(name) => (name, !negated),
        None => (inside, negated),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' ');
    if !name.chars().all(plain) {
        return Err(Refusal::Invalid("there is no such property"));
    }
    let name = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    Ok((name, negated))
}

/// A property as a member of a set. Names of POSIX come first, for Unicode has some of them in another sense; all others
/// are Unicode's, of which both know the same version.
fn property_member(name: &str, negated: bool) -> String {
    match (name, posix(name)) {
        // The property is Unicode's, the bracket has symbols as well.
        ("punct", _) | (_, None) => format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' }),
        (_, Some(members)) => format!("[{}{members}]", if negated { "^" } else { "" }),
    }
}

/// Members of a set by its name in POSIX.
fn posix(name: &str) -> Option<&'static str> {
    Some(match name {
        "alnum" => r"\p{Alphabetic}\p{Nd}",
        "alpha" => r"\p{Alphabetic}",
        "ascii" => r"\x00-\x7f",
        "blank" => r"\p{Zs}\t",
        "cntrl" => r"\p{Cc}",
        "digit" => r"\p{Nd}",
        "graph" => r"[^\p{White_Space}\p{Cc}\p{Cn}]",
        "lower" => r"\p{Lowercase}",
        "print" => r"[^\p{White_Space}\p{Cc}\p{Cn}]\p{Zs}",
        "punct" => r"\p{P}\p{S}",
        "space" => r"\p{White_Space}",
        "upper" => r"\p{Uppercase}",
        "xdigit" => "0-9A-Fa-f",
        "word" => WORD,
        _ => return None,
    })
}

/// What may stand on the left of a range, and what was read as something that may not.
enum Member {
    Char(char),
    Set(String),
}

/// A set in brackets, the first of which is taken. `caseless` sets are those of ASCII only.
pub fn bracket(cursor: &mut Cursor, caseless: bool, depth: usize) -> Result<String, Refusal> {
    const UNCLOSED: Refusal = Refusal::Invalid("a bracket is not closed");
    if depth == 0 {
        return Err(unsupported("deep nesting"));
    }
    let negated = cursor.take_if("^");
    // Sets that are met by `&&`: what was read of each.
    let mut sets = vec![String::new()];
    // A bracket that closes where nothing was read is one of the characters.
    let mut first = true;
    loop {
        let set = sets.last_mut().ok_or(UNCLOSED)?;
        let member = match cursor.take().ok_or(UNCLOSED)? {
            ']' if !first => break,
            '[' if cursor.rest().starts_with(':') => Member::Set(posix_bracket(cursor, caseless)?),
            '[' if caseless => return Err(unsupported("(?i) on a set inside of a set")),
            '[' => Member::Set(bracket(cursor, false, depth - 1)?),
            '&' if cursor.peek() == Some('&') => {
                cursor.take();
                if caseless {
                    return Err(unsupported("(?i) on sets that meet"));
                }
                if set.is_empty() || matches!(cursor.peek(), Some(']' | '&')) {
                    return Err(unsupported("&& without a set on both sides"));
                }
                sets.push(String::new());
                first = false;
                continue;
            }
            '\\' => escaped_member(cursor, caseless)?,
            other => Member::Char(other),
        };
        first = false;
        let range = cursor.rest().starts_with('-') && !cursor.rest().starts_with("-]");
        match member {
            Member::Set(_) if range => return Err(Refusal::Invalid("a range begins with a set")),
            Member::Set(text) => set.push_str(&text),
            Member::Char(from) if range => {
                cursor.take();
                let to = match cursor.take().ok_or(UNCLOSED)? {
                    '\\' => match escaped_member(cursor, caseless)? {
                        Member::Char(to) => to,
                        Member::Set(_) => return Err(Refusal::Invalid("a range ends with a set")),
                    },
                    '[' => return Err(unsupported("a range that ends with a bracket")),
                    '&' if cursor.peek() == Some('&') => return Err(unsupported("a range that ends with &&")),
                    to => to,
                };
                if to < from {
                    return Err(Refusal::Invalid("a range is empty"));
                }
                if caseless && !to.is_ascii() {
                    return Err(unsupported("(?i) on characters other than ASCII in a set"));
                }
                push_char(set, from);
                set.push('-');
                push_char(set, to);
                // `a-c-e` has a hyphen in it, `a-c--e` is not worth a thought.
                if cursor.rest().starts_with("--") {
                    return Err(unsupported("a hyphen after a range"));
                }
            }
            Member::Char(one) if caseless && !one.is_ascii() => {
                return Err(unsupported("(?i) on characters other than ASCII in a set"));
            }
            Member::Char(one) => push_char(set, one),
        }
    }
    let not = if negated { "^" } else { "" };
    let text = match sets.as_slice() {
        [one] => format!("[{not}{one}]"),
        several => {
            let sets: Vec<String> = several.iter().map(|set| format!("[{set}]")).collect();
            format!("[{not}{}]", sets.join("&&"))
        }
    };
    Ok(if caseless { format!("(?i:{text})") } else { text })
}

/// `[:name:]` or `[:^name:]`, of which the bracket is taken.
fn posix_bracket(cursor: &mut Cursor, caseless: bool) -> Result<String, Refusal> {
    cursor.take();
    let negated = cursor.take_if("^");
    let name = cursor.take_while(20, |c| c.is_ascii_lowercase());
    let members = posix(name).filter(|_| cursor.take_if(":]"));
    let members = members.ok_or_else(|| unsupported(format!("[:{name}")))?;
    if caseless && !matches!(name, "digit" | "space" | "blank" | "cntrl") {
        return Err(unsupported(format!("(?i) on [:{name}:]")));
    }
    Ok(format!("[{}{members}]", if negated { "^" } else { "" }))
}

/// What a backslash, which is taken, begins inside of brackets.
fn escaped_member(cursor: &mut Cursor, caseless: bool) -> Result<Member, Refusal> {
    let letter = cursor.take().ok_or(Refusal::Invalid("it ends with a backslash"))?;
    let set = match letter {
        'b' => return Ok(Member::Char('\u{8}')),
        's' | 'S' | 'd' | 'D' => return Ok(Member::Set(format!("\\{letter}"))),
        'h' => "0-9A-Fa-f".to_owned(),
        'w' => WORD.to_owned(),
        'W' => format!("[^{WORD}]"),
        'H' => "[^0-9A-Fa-f]".to_owned(),
        'p' | 'P' => {
            let (name, negated) = property_name(cursor, letter == 'P')?;
            property_member(&name, negated)
        }
        _ => match cursor.escaped_char(letter)? {
            Some(one) => return Ok(Member::Char(one)),
            None => return Err(unsupported(format!("\\{letter} in a set"))),
        },
    };
    // A set with a letter that is two in capitals, as ß is, also matches those two.
    if caseless {
        return Err(unsupported(format!("(?i) on \\{letter} in a set")));
    }
    Ok(Member::Set(set))
}

fn push_char(set: &mut String, one: char) {
    if one.is_ascii() && !one.is_ascii_alphanumeric() {
        set.push_str(&format!("\\x{:02x}", u32::from(one)));
    } else {
        set.push(one);
    }
}
