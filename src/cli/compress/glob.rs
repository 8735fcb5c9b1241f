//! Patterns of layers' names.

use std::fmt;
use std::str::FromStr;

/// A pattern in which * stands for any number of characters and ? for one.
#[derive(Clone)]
pub struct Glob(String);

impl FromStr for Glob {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Glob {
    /// Whether the whole name fits.
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name): (Vec<char>, Vec<char>) = (self.0.chars().collect(), name.chars().collect());
        let (mut at, mut read) = (0, 0);
        // The last star, and where in the name what follows it was tried last.
        let mut star: Option<(usize, usize)> = None;
        while read < name.len() {
            match (pattern.get(at), star) {
                (Some('*'), _) => {
                    star = Some((at, read));
                    at += 1;
                }
                (Some(&c), _) if c == '?' || c == name[read] => (at, read) = (at + 1, read + 1),
                (_, Some((before, from))) => {
                    star = Some((before, from + 1));
                    (at, read) = (before + 1, from + 1);
                }
                (_, None) => return false,
            }
        }
        pattern[at..].iter().all(|&c| c == '*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_names_fit() {
        let matches = |pattern: &str, name: &str| Glob(pattern.to_owned()).matches(name);
        for (pattern, name) in [
            ("a.b", "a.b"),
            ("*", ""),
            ("*", "a.b"),
            ("a.?.q", "a.1.q"),
            ("a.*.q*", "a.1.mlp.q"),
            ("*ab", "aaab"),
            ("*a*b*", "xaxxbx"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("a", "ab"), ("b", "ab"), ("a?", "a"), ("", "a"), ("*a*b", "ba"), ("a.b", "axb")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
