//! What the window has to say, in its lower right corner.

use crate::app::panels::log::color;
use crate::app::state::messages::Messages;
use eframe::egui::{Align2, Area, Context, Frame, Id, Label, Order, RichText, Role, WidgetInfo, vec2};
use std::time::Duration;

/// The messages, over everything, until they are dismissed or old.
pub fn toasts_ui(ctx: &Context, messages: &mut Messages) {
    let now = ctx.input(|input| input.time);
    let shown = messages.shown(now);
    let Some(next) = shown.iter().map(|message| message.until).reduce(f64::min) else { return };
    ctx.request_repaint_after(Duration::from_secs_f64(next - now));
    let mut dismissed = None;
    let corner = Area::new(Id::unique("messages")).order(Order::Foreground);
    corner.anchor(Align2::RIGHT_BOTTOM, vec2(-12.0, -12.0)).show(ctx, |ui| {
        for (at, message) in shown.iter().enumerate() {
            Frame::popup(ui.style()).show(ui, |ui| {
                ui.set_max_width(420.0);
                ui.horizontal_top(|ui| {
                    let close = ui.small_button("✖");
                    close.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Dismiss"));
                    if close.on_hover_text("Dismiss").clicked() {
                        dismissed = Some(at);
                    }
                    let color = color(ui, message.level);
                    ui.add(Label::new(RichText::new(&message.text).color(color)).wrap());
                });
            });
        }
    });
    dismissed.into_iter().for_each(|at| messages.dismiss(at));
}
