//! Endings of files' names: readers go by them, ours as well.

use super::Error;
use std::path::Path;

/// Refuses a name that does not end in `.ending`, in letters of any case.
pub fn check_ending(path: &Path, ending: &'static str) -> Result<(), Error> {
    match path.extension() {
        Some(found) if found.eq_ignore_ascii_case(ending) => Ok(()),
        _ => Err(Error::Ending { path: path.to_owned(), ending }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::{Explain, Hint};

    #[test]
    fn a_name_says_what_is_in_the_file() {
        let check = |name: &str| check_ending(Path::new(name), "safetensors");
        assert!(check("a/w.safetensors").is_ok() && check("W.SafeTensors").is_ok() && check("w.1.safetensors").is_ok());
        for name in ["w.npy", "w", ".safetensors", "safetensors", "w.safetensors.npy", ""] {
            assert!(check(name).is_err(), "{name}");
        }
        let error = check("a/w.npy").unwrap_err();
        assert_eq!(
            error.to_string(),
            "a/w.npy does not end in .safetensors, and what is written there is of this kind"
        );
        assert_eq!(error.hint(), Some(Hint::Say("give a name such as a/w.safetensors".into())));
    }
}
