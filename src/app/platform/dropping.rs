//! Files dragged over the window: what dropping them will do, said before it is done.

use crate::app::platform::{dropped, is_folder_of_images};
use crate::model::Source;
use eframe::egui::{Align2, Area, Context, Frame, Id, Order};
use std::path::Path;

/// What was dropped on the window.
pub enum Dropped {
    /// Something to open.
    Model(Source),
    /// Images for the vision model that is on screen.
    Images(Source),
}

/// What is on screen while something is dragged over it.
#[derive(Clone, Copy, Default)]
pub struct Below<'a> {
    /// The file whose place is taken by another one.
    pub open: Option<&'a str>,
    /// The vision model whose page is in front: images are for it.
    pub network: Option<&'a str>,
}

/// Shows the label while something is dragged over the window, and gives what was dropped.
pub fn dropping_ui(ctx: &Context, below: Below<'_>) -> Option<Dropped> {
    let (hovered, source) = ctx.input(|input| {
        let hovered = input.raw.hovered_files.first().map(|file| file.path.clone());
        (hovered, dropped(&input.raw.dropped_files))
    });
    if let Some(path) = hovered {
        let label = Area::new(Id::unique("drop")).order(Order::Foreground).anchor(Align2::CENTER_CENTER, [0.0, 0.0]);
        label.show(ctx, |ui| {
            Frame::popup(ui.style()).show(ui, |ui| ui.heading(says(path.as_deref(), below)));
        });
    }
    let source = source?;
    match below.network.is_some() && are_images(&source.name(), &source) {
        true => Some(Dropped::Images(source)),
        false => Some(Dropped::Model(source)),
    }
}

/// Whether a file of this name, or a folder, holds images rather than a model.
fn are_images(name: &str, source: &Source) -> bool {
    let name = name.to_lowercase();
    name.ends_with(".npy") || name.ends_with(".bin") && !name.contains("model") || is_folder_of_images(source)
}

/// Returns a sentence on what dropping will do.
fn says(path: Option<&Path>, below: Below<'_>) -> String {
    let instead = below.open.map_or(String::new(), |open| format!(" instead of {open}; runs stay in the list"));
    let Some(path) = path else { return format!("Drop to open its layers{instead}") };
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    #[cfg(not(target_arch = "wasm32"))]
    if let Some(network) = below.network.filter(|_| are_images(&name, &Source::Path(path.to_owned()))) {
        return format!("Drop to measure {network} on the images in {name}");
    }
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
        let below = Below { open: Some("stories"), network: None };
        let says = |path: &str| says(Some(Path::new(path)), below);
        assert!(says("/x/a.SAFETENSORS").starts_with("Drop to open the layers or factors of a.SAFETENSORS instead of"));
        assert!(says("model.safetensors.index.json").contains("shards that model.safetensors.index.json lists"));
        assert!(says("pytorch_model.bin").starts_with("Drop to open the layers of pytorch_model.bin instead"));
        assert!(says("w.npy").contains("the matrix in w.npy"));
        assert!(says("notes.pdf").starts_with("notes.pdf is no checkpoint"));
        assert!(says(env!("CARGO_MANIFEST_DIR")).contains("the checkpoint in"));
        let on_page = Below { network: Some("glyphs"), ..below };
        let says = |path: &str| super::says(Some(Path::new(path)), on_page);
        assert_eq!(says("x/test_batch.bin"), "Drop to measure glyphs on the images in test_batch.bin");
        assert_eq!(says("images.npy"), "Drop to measure glyphs on the images in images.npy");
        assert!(says("pytorch_model.bin").starts_with("Drop to open the layers of pytorch_model.bin"));
        assert!(says(env!("CARGO_MANIFEST_DIR")).contains("the checkpoint in"));
    }
}
