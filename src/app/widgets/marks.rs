//! Where controls are, so that the tour can point at them, and the 'why?' beside them.

use crate::app::widgets::words::{paragraphs, why};
use eframe::egui::{Align, Color32, Context, Id, Order, Rect, Response, RichText, Stroke, StrokeKind, Ui};

/// Of a control that was drawn: in which pass, and where.
#[derive(Clone, Copy)]
struct Mark {
    pass: u64,
    rect: Rect,
    /// Whether there is enough of it on screen to be recognized.
    seen: bool,
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
    let on_screen = rect.intersect(ui.clip_rect());
    let seen = on_screen.is_positive() && on_screen.height() >= (0.7 * rect.height()).min(60.0);
    ui.ctx().data_mut(|data| data.insert_temp(place(name), Mark { pass, rect: on_screen, seen }));
    let scroll = ui.ctx().data(|data| data.get_temp::<String>(wanted()));
    if scroll.as_deref() == Some(name) {
        // Not to the side where that is not needed.
        let (clip, across) = (ui.clip_rect().x_range(), rect.x_range());
        let across = if clip.contains(across.min) && clip.contains(across.max) { clip } else { across };
        ui.scroll_to_rect(Rect::from_x_y_ranges(across, rect.y_range()), Some(Align::Center));
        ui.ctx().data_mut(|data| data.remove::<String>(wanted()));
    }
}

/// Brings a control into view when it is drawn next.
pub fn scroll_to(ctx: &Context, name: &str) {
    ctx.data_mut(|data| data.insert_temp(wanted(), name.to_owned()));
}

fn for_keyboard() -> Id {
    Id::unique("to have the keyboard")
}

/// Gives the keyboard to the control with this label when it is drawn next.
pub fn focus_on(ctx: &Context, label: &str) {
    ctx.data_mut(|data| data.insert_temp(for_keyboard(), label.to_owned()));
    ctx.request_repaint();
}

/// After the control with this label: takes the keyboard, and comes into view, if it was asked to.
pub fn take_focus(label: &str, control: &Response) {
    if control.ctx.data(|data| data.get_temp::<String>(for_keyboard())).as_deref() == Some(label) {
        control.ctx.data_mut(|data| data.remove::<String>(for_keyboard()));
        control.request_focus();
        control.scroll_to_me(Some(Align::Center));
    }
}

/// Where the control of this name is, as far as it is on screen.
pub fn seen(ctx: &Context, name: &str) -> Option<Rect> {
    let mark = ctx.data(|data| data.get_temp::<Mark>(place(name)))?;
    let now = ctx.cumulative_pass_nr().saturating_sub(mark.pass) <= 1;
    (now && mark.seen).then_some(mark.rect)
}

/// Draws frames around these places.
pub fn frame(ctx: &Context, places: &[Rect], color: Color32) {
    // Over the panels, under the card and other windows.
    let painter = ctx.layer_painter(eframe::egui::LayerId::new(Order::Background, Id::unique("tour frames")));
    for rect in places {
        painter.rect_stroke(rect.expand(2.0), 4.0, Stroke::new(2.0, color), StrokeKind::Outside);
    }
}

/// After a control's name: the small question mark that says why there is one, if there is something to say.
pub fn why_ui(ui: &mut Ui, label: &str) {
    let Some(text) = why(label) else { return };
    let button = ui.menu_button(RichText::new("?").small(), |ui| {
        ui.set_max_width(320.0);
        ui.strong(label);
        paragraphs(ui, text);
    });
    let button = button.response.on_hover_text("Why?");
    button.widget_info(|| eframe::egui::WidgetInfo::labeled(eframe::egui::Role::Button, true, format!("Why {label}?")));
}
