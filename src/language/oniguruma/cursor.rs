//! A place in a pattern, and the escapes that stand for one character.

use super::refusal::{Refusal, unsupported};

/// Characters of a pattern, read from left to right.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    /// The start of a pattern.
    pub fn new(pattern: &'a str) -> Self {
        Self { rest: pattern }
    }

    /// What is left to read.
    pub fn rest(&self) -> &'a str {
        self.rest
    }

    /// The next character.
    pub fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Takes the next character.
    pub fn take(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    /// Takes `text` if it comes next.
    pub fn take_if(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes what comes before `end`, and `end`; nothing if it does not come.
    pub fn take_until(&mut self, end: &str) -> Option<&'a str> {
        let (text, rest) = self.rest.split_once(end)?;
        self.rest = rest;
        Some(text)
    }

    /// Takes as many characters as hold, at most `limit`.
    pub fn take_while(&mut self, limit: usize, holds: impl Fn(char) -> bool) -> &'a str {
        let taken: usize = self.rest.chars().take(limit).take_while(|&c| holds(c)).map(char::len_utf8).sum();
        let (text, rest) = self.rest.split_at(taken);
        self.rest = rest;
        text
    }

    /// Character of an escape whose backslash and `letter` are taken; `None` for one that stands for something else.
    /// In and out of brackets the same.
    pub fn escaped_char(&mut self, letter: char) -> Result<Option<char>, Refusal> {
        Ok(Some(match letter {
            't' => '\t',
            'v' => '\u{b}',
            'n' => '\n',
            'r' => '\r',
            'f' => '\u{c}',
            'a' => '\u{7}',
            'e' => '\u{1b}',
            'x' if self.take_if("{") => {
                let digits = self.take_while(8, |c| c.is_ascii_hexdigit());
                if !self.take_if("}") {
                    return Err(unsupported(format!("\\x{{{digits}")));
                }
                code_point(digits, 16)?
            }
            'x' => match self.take_while(2, |c| c.is_ascii_hexdigit()) {
                "" => return Err(unsupported("\\x without digits")),
                digits => byte(digits, 16)?,
            },
            'u' => match self.take_while(4, |c| c.is_ascii_hexdigit()) {
                digits if digits.len() == 4 => code_point(digits, 16)?,
                _ => return Err(Refusal::Invalid("\\u takes four digits")),
            },
            '0' => match self.take_while(2, |c| c.is_digit(8)) {
                "" => '\0',
                digits => byte(digits, 8)?,
            },
            letter if letter.is_ascii_alphanumeric() => return Ok(None),
            other => other,
        }))
    }
}

fn code_point(digits: &str, radix: u32) -> Result<char, Refusal> {
    let code = u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    code.ok_or(Refusal::Invalid("there is no such character"))
}

/// A byte that is a character of its own.
fn byte(digits: &str, radix: u32) -> Result<char, Refusal> {
    match code_point(digits, radix)? {
        ascii if ascii.is_ascii() => Ok(ascii),
        _ => Err(unsupported("a byte of a character")),
    }
}
