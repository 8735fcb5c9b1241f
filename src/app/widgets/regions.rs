//! Regions of the window that a key goes through: the bars, the panels and dialogs that are on screen.
//!
//! A region as a whole takes the keyboard only when it is asked to; from there Tab leads into it. It is a landmark for
//! screen readers, and Page up and Page down scroll it.

use eframe::egui::accesskit::Role;
use eframe::egui::{
    Context, EventFilter, Id, Key, LayerId, Modifiers, Rect, ScrollArea, Sense, StrokeKind, Ui, WidgetInfo,
};

/// The bar below the panels.
pub const STATUS_BAR: &str = "Status bar";
/// The card of the tour, in a window of its own or below the panels.
pub const TOUR_CARD: &str = "Tour card";
/// Regions that come after all others.
const LAST: [&str; 2] = [STATUS_BAR, TOUR_CARD];

/// A region as it was drawn.
#[derive(Clone, Copy)]
struct Region {
    id: Id,
    layer: LayerId,
    rect: Rect,
}

/// Those of the last frame and of this one, in the order of drawing.
#[derive(Clone, Default)]
struct Drawn {
    pass: u64,
    last: Vec<Region>,
    now: Vec<Region>,
    /// The region that is to have the keyboard when it is drawn next.
    wanted: Option<Id>,
}

fn drawn<R>(ctx: &Context, change: impl FnOnce(&mut Drawn) -> R) -> R {
    ctx.data_mut(|data| change(data.get_temp_mut_or_default(Id::unique("regions"))))
}

fn place(name: &str) -> Id {
    Id::unique(("region", name))
}

/// Draws a region of the window, with a frame around it while it has the keyboard.
pub fn region<R>(ui: &mut Ui, name: &str, add: impl FnOnce(&mut Ui) -> R) -> R {
    let (id, ctx) = (place(name), ui.ctx().clone());
    if drawn(&ctx, |regions| regions.wanted.take_if(|wanted| *wanted == id)).is_some() {
        ctx.memory_mut(|memory| memory.request_focus(id));
    }
    // No stop for Tab, but where Tab goes on from.
    let focused = ctx.memory(|memory| memory.has_focus(id));
    let sense = if focused { Sense::focusable_noninteractive() } else { Sense::hover() };
    let whole = ui.interact(ui.max_rect(), id, sense);
    whole.widget_info(|| WidgetInfo::labeled(Role::Region, true, name));
    if focused {
        let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        ctx.memory_mut(|memory| memory.set_focus_lock_filter(id, arrows));
    }
    let inner = add(ui);
    let rect = ui.min_rect().intersect(ui.clip_rect());
    remember(&ctx, Region { id, layer: ui.layer_id(), rect });
    if ctx.memory(|memory| memory.has_focus(id)) {
        let stroke = ui.visuals().selection.stroke;
        ui.painter().rect_stroke(rect.shrink(1.0), 2.0, (2.0, stroke.color), StrokeKind::Inside);
    }
    inner
}

fn remember(ctx: &Context, region: Region) {
    let pass = ctx.cumulative_pass_nr();
    drawn(ctx, |regions| {
        if regions.pass != pass {
            regions.pass = pass;
            regions.last = std::mem::take(&mut regions.now);
        }
        regions.now.push(region);
    });
}

/// Gives the keyboard to the region of this name, when it is drawn next.
pub fn go_to(ctx: &Context, name: &str) {
    drawn(ctx, |regions| regions.wanted = Some(place(name)));
    ctx.request_repaint();
}

/// Gives the keyboard to the next region, or to the one before.
pub fn step(ctx: &Context, forward: bool) {
    let mut all = drawn(ctx, |regions| regions.now.clone());
    // Bars at the window's lower edge are drawn before what is above them.
    all.sort_by_key(|region| LAST.iter().any(|name| place(name) == region.id));
    let Some(last) = all.len().checked_sub(1) else { return };
    let to = match current(ctx, &all) {
        Some(at) if forward => (at + 1) % all.len(),
        Some(at) => at.checked_sub(1).unwrap_or(last),
        None if forward => 0,
        None => last,
    };
    drawn(ctx, |regions| regions.wanted = Some(all[to].id));
    ctx.request_repaint();
}

/// The region with the keyboard, or with the control that has it.
fn current(ctx: &Context, all: &[Region]) -> Option<usize> {
    let focused = ctx.memory(|memory| memory.focused())?;
    let itself = all.iter().position(|region| region.id == focused);
    itself.or_else(|| {
        let control = ctx.read_response(focused)?;
        let holds = |region: &Region| {
            region.layer == control.layer_id && region.rect.expand(2.0).contains(control.rect.center())
        };
        // What is scrolled out of sight lies in no region's rectangle, but beside one.
        let near = |region: &Region| region.rect.distance_to_pos(control.rect.center());
        all.iter().position(holds).or_else(|| {
            let same = all.iter().enumerate().filter(|(_, region)| region.layer == control.layer_id);
            same.min_by(|x, y| near(x.1).total_cmp(&near(y.1))).map(|(at, _)| at)
        })
    })
}

/// Whether a region as a whole has the keyboard, and none of its controls.
pub fn is_focused(ctx: &Context) -> bool {
    let Some(focused) = ctx.memory(|memory| memory.focused()) else { return false };
    drawn(ctx, |regions| regions.now.iter().chain(&regions.last).any(|region| region.id == focused))
}

/// Shows a scroll area that brings the control into view that the keyboard comes to, and that scrolls by Page up and Page
/// down while its region has the keyboard.
pub fn scroll_ui<R>(ui: &mut Ui, area: ScrollArea, add: impl FnOnce(&mut Ui) -> R) -> R {
    let shown = area.show(ui, |ui| {
        let inner = add(ui);
        follow_focus(ui);
        inner
    });
    shown.inner
}

fn follow_focus(ui: &Ui) {
    let Some(focused) = ui.ctx().memory(|memory| memory.focused()) else { return };
    let seen = ui.scope_id().with("focus seen");
    let before = ui.ctx().data_mut(|data| data.get_temp_mut_or(seen, Id::NULL).to_owned());
    ui.ctx().data_mut(|data| data.insert_temp(seen, focused));
    if let Some(control) = ui.ctx().read_response(focused).filter(|_| before != focused) {
        let inside = control.layer_id == ui.layer_id() && ui.min_rect().expand(1.0).contains_rect(control.rect);
        if inside && !ui.clip_rect().contains_rect(control.rect) {
            ui.scroll_to_rect(control.rect.expand(6.0), None);
        }
    }
    scroll_by_keys(ui, focused);
}

fn scroll_by_keys(ui: &Ui, focused: Id) {
    let area = ui.clip_rect();
    let holds = |region: &&Region| region.id == focused && region.rect.expand(2.0).contains(area.center());
    let own = drawn(ui.ctx(), |regions| regions.last.iter().chain(&regions.now).find(holds).is_some());
    if !own || ui.min_rect().height() <= area.height() {
        return;
    }
    let pressed = |key| ui.ctx().input_mut(|input| input.consume_key(Modifiers::NONE, key));
    let pages = f32::from(u8::from(pressed(Key::PageUp))) - f32::from(u8::from(pressed(Key::PageDown)));
    if pages != 0.0 {
        ui.scroll_with_delta(eframe::egui::vec2(0.0, 0.85 * pages * area.height()));
    }
}
