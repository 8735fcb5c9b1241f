//! Enums whose variants have names: one spelling for the command line, JSON, file metadata and lists on screen.

use strum::VariantArray;

/// An enum of unit variants with one name each. Comes with the derives `strum::IntoStaticStr` and `strum::VariantArray`.
///
/// ```
/// use dsf_explorer::{Named, factorize::Schedule};
/// assert_eq!(Schedule::Cubic.name(), "cubic");
/// assert_eq!(Schedule::named("none"), Some(Schedule::None));
/// assert_eq!(Schedule::ALL.len(), 5);
/// ```
pub trait Named: VariantArray + Copy + Into<&'static str> {
    /// All variants, in the order in which they are declared and offered.
    const ALL: &'static [Self] = Self::VARIANTS;

    /// The variant's name, as on the command line and in JSON.
    fn name(self) -> &'static str {
        self.into()
    }

    /// The variant of this name.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|variant| variant.name() == name)
    }
}

impl<T: VariantArray + Copy + Into<&'static str>> Named for T {}
