//! What a tuning tells at its end, and what it would take.

use super::super::output;
use crate::finetune::{Moment, Stop, Tuned};
use crate::measure::cost::TuningSize;
use crate::model;
use indicatif::HumanBytes;
use serde_json::{Value, json};
use std::path::Path;

/// What memory is for, with its key in JSON and its bytes.
fn estimated(size: &TuningSize) -> [(&'static str, &'static str, u64); 9] {
    let bytes = size.bytes();
    [
        ("parameters", "tuned values, the best so far, masks", bytes.parameters),
        ("gradients", "their gradients", bytes.gradients),
        ("optimizer", "what the optimizer remembers", bytes.optimizer),
        ("block", "a block's weights, unpacked, and their gradients", bytes.block),
        ("outer", "embedding, output layer", bytes.outer),
        ("streams", "streams before each block", bytes.streams),
        ("activations", "what a block computes on the way back", bytes.activations),
        ("logits", "logits", bytes.logits),
        ("total", "together", bytes.total()),
    ]
    .map(|(key, what, bytes)| (key, what, bytes as u64))
}

/// The memory as JSON.
pub fn estimate_json(size: &TuningSize) -> Value {
    let mut value = json!({
        "values": size.values,
        "batch": size.batch,
        "context": size.context,
        "blocks": size.blocks,
        "hidden": size.hidden,
    });
    for (key, _, bytes) in estimated(size) {
        value[format!("{key}_bytes")] = json!(bytes);
    }
    value
}

/// The memory as a table.
pub fn estimate(size: &TuningSize) -> String {
    let rows = estimated(size).map(|(_, what, bytes)| vec![what.to_owned(), HumanBytes(bytes).to_string()]);
    let TuningSize { batch, context, values, .. } = size;
    format!("{}\n{values} numbers are tuned, {batch} windows of {context} tokens a step", output::table(&rows))
}

/// Why it ended early, in words.
pub fn stopped(stop: Stop) -> String {
    match stop {
        Stop::NotFinite { step } => {
            format!(
                "after {step} steps the loss was no finite number: the best values before are kept; try a lower rate"
            )
        }
        Stop::NoBetter { step } => format!("ended after {step} steps: the held-out loss had not become better"),
    }
}

/// The result as JSON. The keys are a contract.
pub fn result<K>(tuned: &Tuned<K>, seconds: f64) -> Value {
    let of_images = tuned.accuracy_before.is_some();
    let moment = |moment: &Moment| {
        let Moment { step, loss, rate, held_out, accuracy } = moment;
        let mut value = json!({ "step": step, "loss": loss, "rate": rate, "held_out": held_out });
        if of_images {
            value["accuracy"] = json!(accuracy);
        }
        value
    };
    let mut value = json!({
        "steps": tuned.steps,
        "best_step": tuned.best_step,
        "stopped": tuned.stopped.map(|stop| match stop {
            Stop::NotFinite { .. } => "not finite",
            Stop::NoBetter { .. } => "no better",
        }),
        "loss_before": tuned.loss_before,
        "loss_after": tuned.loss_after,
        "held_out_before": tuned.held_out_before,
        "held_out_after": tuned.held_out_after,
        "nnz_before": tuned.nnz_before,
        "nnz_after": tuned.nnz_after,
        "peak_resident_bytes": output::peak_resident_bytes(),
        "seconds": seconds,
        "history": tuned.history.iter().map(moment).collect::<Vec<_>>(),
    });
    if of_images {
        value["accuracy_before"] = json!(tuned.accuracy_before);
        value["accuracy_after"] = json!(tuned.accuracy_after);
    }
    value
}

/// The result as a table.
pub fn summary<K>(name: &str, tuned: &Tuned<K>, out: Option<&Path>, seconds: f64) -> String {
    let mut rows = vec![
        ["", "before", "after"].map(str::to_owned).to_vec(),
        vec!["held-out loss".into(), format!("{:.4}", tuned.held_out_before), format!("{:.4}", tuned.held_out_after)],
        vec!["loss on the first batch".into(), format!("{:.4}", tuned.loss_before), format!("{:.4}", tuned.loss_after)],
        vec!["nonzeros".into(), tuned.nnz_before.to_string(), tuned.nnz_after.to_string()],
    ];
    if let (Some(before), Some(after)) = (tuned.accuracy_before, tuned.accuracy_after) {
        let percent = |share: f64| format!("{:.2} %", 100.0 * share);
        rows.insert(1, vec!["held-out accuracy".into(), percent(before), percent(after)]);
    }
    let mut text = output::table(&rows);
    let name = model::printable(name);
    text.push_str(&format!("\n{name}: {} steps, best after {}, {seconds:.1} s", tuned.steps, tuned.best_step));
    if let Some(stop) = tuned.stopped {
        text.push_str(&format!("\n{}", stopped(stop)));
    }
    if let Some(out) = out {
        text.push_str(&format!("\nwritten to {}", out.display()));
    }
    text
}
