//! Where controls are, so that the tour can point at them, and the 'why?' beside them.

use crate::app::widgets::words::{paragraphs, why};
use eframe::egui::{Align, Color32, Context, Id, Order, Rect, RichText, Stroke, StrokeKind, Ui};

/// Of a control that was drawn: in which pass, and where.
#[derive(Clone, Copy)]
struct Mark {
    pass: u64,
    rect: Rect,
}

fn place(name: &str) -> Id {
    Id::unique(("where it is", name))
}

fn wanted() -> Id {
    Id::unique("to be scrolled to")
}

/// Says where the control or panel of this name is in this frame.
pub fn mark(ui: &Ui, name: &str, rect: Rect) {
    let pass = ui.ctx().cumulative_pass_nr();
    ui.ctx().data_mut(|data| data.insert_temp(place(name), Mark { pass, rect: rect.intersect(ui.clip_rect()) }));
    let scroll = ui.ctx().data(|data| data.get_temp::<String>(wanted()));
    if scroll.as_deref() == Some(name) {
        ui.scroll_to_rect(rect, Some(Align::Center));
        ui.ctx().data_mut(|data| data.remove::<String>(wanted()));
    }
}

/// Brings a control into view when it is drawn next.
pub fn scroll_to(ctx: &Context, name: &str) {
    ctx.data_mut(|data| data.insert_temp(wanted(), name.to_owned()));
}

/// Draws frames around controls of these names that are on screen.
pub fn frame(ctx: &Context, names: &[&str], color: Color32) {
    let pass = ctx.cumulative_pass_nr();
    // Over the panels, under the card and other windows.
    let painter = ctx.layer_painter(eframe::egui::LayerId::new(Order::Background, Id::unique("tour frames")));
    for name in names {
        let Some(mark) = ctx.data(|data| data.get_temp::<Mark>(place(name))) else { continue };
        if pass.saturating_sub(mark.pass) <= 1 && mark.rect.is_positive() {
            painter.rect_stroke(mark.rect.expand(2.0), 4.0, Stroke::new(2.0, color), StrokeKind::Outside);
        }
    }
}

/// After a control's name: the small question mark that says why there is one, if there is something to say.
pub fn why_ui(ui: &mut Ui, label: &str) {
    let Some(text) = why(label) else { return };
    let button = ui.menu_button(RichText::new("?").small().weak(), |ui| {
        ui.set_max_width(320.0);
        ui.strong(label);
        paragraphs(ui, text);
    });
    let button = button.response.on_hover_text("Why?");
    button.widget_info(|| eframe::egui::WidgetInfo::labeled(eframe::egui::Role::Button, true, format!("Why {label}?")));
}
