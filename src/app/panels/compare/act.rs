//! What the panel asks for.

use crate::methods::{Form, Method};

/// What was asked for in the panel.
pub enum CompareAct {
    /// Compare what is ticked.
    Start,
    /// End what goes on.
    CancelAll,
    /// End this one.
    Cancel(Method),
    /// Do it once more.
    Again(Method),
    /// Its pictures.
    Show(Method),
    /// Its mask beside another one's.
    Masks(Method),
}

/// Why a form has no masks to be laid over another one's.
pub fn no_masks(form: Form) -> Option<&'static str> {
    match form {
        Form::Factors | Form::Pruned => None,
        Form::Dense => Some("Its factors are dense in themselves: there is no mask to compare"),
        Form::Chain => Some("Masks are compared of one matrix, or of two factors; these are three"),
    }
}
