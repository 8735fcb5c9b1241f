//! Names of tensors: natural order, similar names, and safe printing.

use std::borrow::Cow;
use std::cmp::Ordering;

/// Longest name printed or compared in full, in bytes.
const LONG: usize = 200;

/// Natural order, numbers by value and everything else by character: `layers.2` before `layers.10`.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    while let (Some(&x), Some(&y)) = (left.first(), right.first()) {
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (p, q) = (take_number(&mut left), take_number(&mut right));
            p.len().cmp(&q.len()).then_with(|| p.cmp(q))
        } else {
            (left, right) = (&left[1..], &right[1..]);
            x.cmp(&y)
        };
        if order.is_ne() {
            return order;
        }
    }
    // `01` and `1` are one number but two names.
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

/// Splits the leading digits off `text` and returns them without leading zeros.
fn take_number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    &digits[zeros..]
}

/// The three of `names` most similar to `wanted`, best first.
pub(super) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let wanted = wanted.as_bytes().get(..LONG).unwrap_or(wanted.as_bytes());
    let mut scored: Vec<_> = names
        .filter(|name| name.len() <= LONG)
        .map(|name| {
            // A part of a name means that name, however much is missing.
            let part = !wanted.is_empty() && name.as_bytes().windows(wanted.len()).any(|window| window == wanted);
            (!part, edits(wanted, name.as_bytes()), name)
        })
        .collect();
    scored.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| natural(a.2, b.2)));
    scored.into_iter().take(3).map(|(_, _, name)| name.to_owned()).collect()
}

/// Levenshtein distance of two byte strings.
fn edits(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let best = (diagonal + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], best);
        }
    }
    row[b.len()]
}

/// The name on one line, shortened, in double quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", one_line(name))
}

/// The text on one line, shortened, as [`printable`].
pub fn one_line(text: &str) -> String {
    match text.char_indices().nth(LONG) {
        Some((end, _)) => format!("{}…", printable(&text[..end])),
        None => printable(text).into_owned(),
    }
}

/// The text with every character escaped that acts instead of being seen: line breaks, a terminal's commands, and what
/// hides letters or turns their order. Names come out of files, and whoever wrote the file chose them.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len() + 8);
    text.chars().for_each(|c| if acts(c) { line.extend(c.escape_default()) } else { line.push(c) });
    Cow::Owned(line)
}

/// Whether a character is no letter to be seen: Unicode's control and format characters (Cc, Cf), and its breaks of lines and
/// paragraphs (Zl, Zp).
pub fn acts(c: char) -> bool {
    // Nearly all letters are these, and there may be very many names.
    if matches!(c, ' '..='~') {
        return false;
    }
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
            | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_by_value() {
        let mut names = ["layers.10.w", "layers.2.w", "layers.1", "a", "layers.02.w", "layers", "layers.2.b"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a", "layers", "layers.1", "layers.2.b", "layers.02.w", "layers.2.w", "layers.10.w"]);
    }

    #[test]
    fn nearest_knows_typing_errors_and_parts() {
        let names = ["fc1.weight", "fc2.weight", "layers.10.attention.wq.weight", "norm"];
        assert_eq!(edits(b"kitten", b"sitting"), 3);
        assert_eq!(nearest("fc2.wieght", names.into_iter())[0], "fc2.weight");
        assert_eq!(nearest("wq", names.into_iter())[0], "layers.10.attention.wq.weight");
        assert!(nearest("", std::iter::empty()).is_empty());
    }

    #[test]
    fn strangers_stay_on_one_line() {
        assert_eq!(quoted("a\nb\u{1b}[31m"), "\"a\\nb\\u{1b}[31m\"");
        assert_eq!(one_line(&"x".repeat(1000)).chars().count(), LONG + 1);
        assert_eq!(printable(&"é".repeat(1000)).chars().count(), 1000);
        // A right-to-left override, a zero-width space, C1's beginning of a command, a line separator.
        assert_eq!(printable("a\u{202e}b\u{200b}c\u{9b}d\u{2028}e"), "a\\u{202e}b\\u{200b}c\\u{9b}d\\u{2028}e");
        assert!(matches!(printable("größe.层.weight"), Cow::Borrowed("größe.层.weight")));
    }
}
