//! Text in a file that has a syntax of its own.

/// As the text of an XML or HTML element, or inside of an attribute's quotes. What XML cannot hold becomes U+FFFD.
pub(super) fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' => out.push(c),
            '\0'..' ' | '\u{7f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

/// As a field of a CSV file (RFC 4180), in quotes where it needs them.
pub(crate) fn csv(text: &str) -> String {
    match text.contains(['"', ',', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_loses_it() {
        assert_eq!(markup("a<b> & \"c\" 'd'\0é"), "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;\u{fffd}é");
        assert_eq!([csv("plain é"), csv("a,b"), csv("\"x\"\n")], ["plain é", "\"a,b\"", "\"\"\"x\"\"\n\""]);
    }
}
