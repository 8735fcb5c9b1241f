//! Where on screen what a person reads is: for tests and for pages that embed the window.

use eframe::egui::accesskit::{Node, NodeId, Role};
use eframe::egui::{Context, FullOutput, Plugin, Rect, pos2};
use serde_json::{Value, json};

/// Labels of the last frame and their places, as a screen reader is told.
#[derive(Default)]
pub struct Labels(Vec<(NodeId, Node)>);

impl Plugin for Labels {
    fn debug_name(&self) -> &'static str {
        "labels"
    }

    fn setup(&mut self, ctx: &Context) {
        ctx.enable_accesskit();
    }

    fn output_hook(&mut self, _: &Context, output: &mut FullOutput) {
        if let Some(update) = &output.platform_output.accesskit_update {
            self.0.clone_from(&update.nodes);
        }
    }
}

impl Labels {
    /// Everything with a label or a value: its role, what it says, and its place in points.
    pub fn all(&self) -> impl Iterator<Item = (Role, &str, Rect)> {
        self.0.iter().filter_map(|(_, node)| {
            let says = node.label().or(node.value())?;
            let bounds = node.bounds()?;
            let corner = |x: f64, y: f64| pos2(x as f32, y as f32);
            let rect = Rect::from_min_max(corner(bounds.x0, bounds.y0), corner(bounds.x1, bounds.y1));
            Some((node.role(), says, rect))
        })
    }

    /// As JSON: `[{role, label, x, y, width, height}]`, those whose label holds `part`.
    pub fn json(&self, part: &str) -> Value {
        let found = self.all().filter(|(_, says, _)| says.contains(part));
        found
            .map(|(role, says, rect)| {
                let (at, size) = (rect.min, rect.size());
                json!({ "role": format!("{role:?}"), "label": says, "x": at.x, "y": at.y, "width": size.x, "height": size.y })
            })
            .collect()
    }
}
