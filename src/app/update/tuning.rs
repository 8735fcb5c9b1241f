//! What a program that drives the window asks for of a tuning.

use crate::app::state::order_error::OrderError;
use crate::app::state::tuning_command::TuningCommand;
use crate::finetune::Settings;
use crate::hint::Failure;
use serde_json::Value;

/// The orders about a tuning, for a message about what is taken.
pub const TUNING_ORDERS: &str =
    "{\"tune\": settings}, \"pause tuning\", \"resume tuning\", \"cancel tuning\", \"undo tuning\"";

/// The commands of an order, if it is about a tuning; settings that it does not name are those of `defaults`.
pub fn tuning_commands(order: &Value, defaults: &Settings) -> Result<Vec<TuningCommand>, OrderError> {
    if let Some(changes) = order.get("tune") {
        let mut settings = serde_json::to_value(defaults)?;
        if let (Some(settings), Some(changes)) = (settings.as_object_mut(), changes.as_object()) {
            settings.extend(changes.clone());
        }
        let settings: Settings = serde_json::from_value(settings)?;
        settings.check().map_err(Failure::from)?;
        return Ok(vec![TuningCommand::Set(Box::new(settings)), TuningCommand::Start]);
    }
    let command = match order.as_str() {
        Some("pause tuning") => TuningCommand::Pause,
        Some("resume tuning") => TuningCommand::Resume,
        Some("cancel tuning") => TuningCommand::Cancel,
        Some("undo tuning") => TuningCommand::Undo,
        _ => return Ok(Vec::new()),
    };
    Ok(vec![command])
}
