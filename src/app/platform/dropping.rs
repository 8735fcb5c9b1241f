//! Files dragged over the window: what dropping them will do, said before it is done.

use crate::app::platform::dropped;
use crate::model::Source;
use eframe::egui::{Align2, Area, Context, Frame, Id, Order};
use std::path::Path;

/// Shows the label while something is dragged over the window, and gives what was dropped; `open` is the file whose
/// place it takes.
pub fn dropping_ui(ctx: &Context, open: Option<&str>) -> Option<Source> {
    let (hovered, source) = ctx.input(|input| {
        let hovered = input.raw.hovered_files.first().map(|file| file.path.clone());
        (hovered, dropped(&input.raw.dropped_files))
    });
    if let Some(path) = hovered {
        let label = Area::new(Id::unique("drop")).order(Order::Foreground).anchor(Align2::CENTER_CENTER, [0.0, 0.0]);
        label.show(ctx, |ui| {
            Frame::popup(ui.style()).show(ui, |ui| ui.heading(says(path.as_deref(), open)));
        });
    }
    source
}

/// Returns a sentence on what dropping will do.
fn says(path: Option<&Path>, open: Option<&str>) -> String {
    let instead = open.map_or(String::new(), |open| format!(" instead of {open}; runs stay in the list"));
    let Some(path) = path else { return format!("Drop to open its layers{instead}") };
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    match extension.as_str() {
        "safetensors" => format!("Drop to open the layers or factors of {name}{instead}"),
        "json" => format!("Drop to open the shards that {name} lists{instead}"),
        "gguf" | "bin" | "pt" | "pth" | "ckpt" => format!("Drop to open the layers of {name}{instead}"),
        "npy" => format!("Drop to open the matrix in {name}{instead}"),
        _ if path.is_dir() => format!("Drop to open the checkpoint in {name}{instead}"),
        _ => {
            format!("{name} is no checkpoint: .safetensors, .gguf, .bin, .pt, .npy, an index or a folder can be opened")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_named() {
        let says = |path: &str| says(Some(Path::new(path)), Some("stories"));
        assert!(says("/x/a.SAFETENSORS").starts_with("Drop to open the layers or factors of a.SAFETENSORS instead of"));
        assert!(says("model.safetensors.index.json").contains("shards that model.safetensors.index.json lists"));
        assert!(says("pytorch_model.bin").starts_with("Drop to open the layers of pytorch_model.bin instead"));
        assert!(says("w.npy").contains("the matrix in w.npy"));
        assert!(says("notes.pdf").starts_with("notes.pdf is no checkpoint"));
        assert!(says(env!("CARGO_MANIFEST_DIR")).contains("the checkpoint in"));
    }
}
