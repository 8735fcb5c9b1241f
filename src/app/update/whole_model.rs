//! What a program that drives the window asks for of a whole model, of whatever kind.

use crate::app::state::order_error::OrderError;
use crate::app::state::preferences::Preferences;
use crate::app::state::tuning_command::TuningCommand;
use crate::app::tasks::whole_model::model::WholeModel;
use crate::app::tasks::whole_model::model_state::ModelState;
use crate::finetune::Settings;
use crate::hint::Failure;
use eframe::egui::Context;
use serde_json::Value;

/// Its orders, for a message about what is taken.
pub const MODEL_ORDERS: &str = "{\"compress\": density, \"blockwise\": false}, \"cancel\", {\"tune\": settings}, \"pause tuning\", \"resume tuning\", \"cancel tuning\", \"undo tuning\"";

/// Does what is asked for of a model; false when the order is about something else. Settings of a tuning that it does not name
/// are those of the first tuning.
pub fn model_order<S: WholeModel>(
    model: &mut ModelState<S>,
    ctx: &Context,
    order: &Value,
    preferences: &Preferences,
) -> Result<bool, OrderError> {
    let threads = preferences.threads;
    if let Some(density) = order.get("compress").and_then(Value::as_f64) {
        let blockwise = order.get("blockwise").and_then(Value::as_bool).unwrap_or(false);
        let compute = preferences.compute_config();
        model.compress_all(ctx, &preferences.settings, (density, blockwise), compute)?;
        return Ok(true);
    }
    if order.as_str() == Some("cancel") {
        model.cancel();
        return Ok(true);
    }
    let command = match (order.get("tune"), order.as_str()) {
        (Some(changes), _) => {
            let settings = with_changes(&S::tuning_settings(), changes)?;
            // One that cannot begin changes nothing.
            if let Some(why) = model.no_tuning() {
                return Err(OrderError::not_now(why));
            }
            model.tune(ctx, TuningCommand::Set(Box::new(settings)), threads).map_err(OrderError::not_now)?;
            TuningCommand::Start
        }
        (_, Some("pause tuning")) => TuningCommand::Pause,
        (_, Some("resume tuning")) => TuningCommand::Resume,
        (_, Some("cancel tuning")) => TuningCommand::Cancel,
        (_, Some("undo tuning")) => TuningCommand::Undo,
        _ => return Ok(false),
    };
    model.tune(ctx, command, threads).map_err(OrderError::not_now)?;
    Ok(true)
}

fn with_changes(defaults: &Settings, changes: &Value) -> Result<Settings, OrderError> {
    let mut settings = serde_json::to_value(defaults)?;
    if let (Some(settings), Some(changes)) = (settings.as_object_mut(), changes.as_object()) {
        for (key, value) in changes {
            *settings.get_mut(key).ok_or_else(|| OrderError::unknown("setting", key))? = value.clone();
        }
    }
    let settings: Settings = serde_json::from_value(settings)?;
    settings.check().map_err(Failure::from)?;
    Ok(settings)
}
