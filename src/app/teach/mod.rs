//! Teaching: a guided tour over the real window, a lesson with every number, and the 'why?' of each control.

mod lesson;
mod marks;
mod tour;
mod words;

pub use lesson::Lesson;
pub use marks::{mark, why_ui};
pub use tour::Tour;
