//! What is worked out for the open language model, in the background.
//!
//! Everything slow is a task, with a file each. An [`EvalSet`](eval_set::EvalSet) is the model with the texts that it is
//! measured and calibrated on; its [`ModelInfo`](eval_set::ModelInfo) is what the panels need of it.
//! [`LanguageModelState`](model_state::LanguageModelState) holds what came of the tasks.

pub mod collect;
pub mod eval_set;
pub mod generate;
pub mod lazy_model;
pub mod measure_row;
pub mod model_poll;
pub mod model_state;
pub mod perplexities;
pub mod perplexity;
pub mod save;
pub mod sensitivity;
pub mod table;
pub mod texts;
pub mod tuning;
