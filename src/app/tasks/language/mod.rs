//! What is worked out for a language model.

pub mod eval_set;
pub mod save;
pub mod work;
