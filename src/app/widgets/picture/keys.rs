//! A matrix by keyboard: a view that has the focus moves the pointer from entry to entry, and zooms about it.

use super::Viewport;
use super::frame::Marks;
use eframe::egui::{Context, EventFilter, Id, Key, KeyboardShortcut, Modifiers, Rect, Response, Vec2};

/// Keys beside the arrows that a view with the focus answers itself.
const OWN: [Key; 5] = [Key::Home, Key::End, Key::Plus, Key::Minus, Key::Num0];
/// Entries that an arrow goes with Shift.
const FAR: isize = 10;
/// What + makes larger.
const FACTOR: f32 = 1.5;

/// Whether a view has the focus and answers these keys, which then mean nothing to the window.
pub fn answers(ctx: &Context, shortcut: &KeyboardShortcut) -> bool {
    let own = OWN.contains(&shortcut.logical_key) && shortcut.modifiers.is_none();
    own && ctx.data(|data| data.get_temp(place())).is_some_and(|view: Id| ctx.memory(|memory| memory.has_focus(view)))
}

/// Where the last view that had the focus is noted.
fn place() -> Id {
    Id::unique("matrix view with the focus")
}

/// What the keys of this frame do to a view with the focus: gives the entry (row, column) that they move the pointer to.
pub fn keys(
    response: &Response,
    viewport: &mut Viewport,
    marks: &Marks,
    area: Rect,
    shape: Vec2,
) -> Option<(usize, usize)> {
    let ctx = &response.ctx;
    let (rows, cols) = (shape.y as usize, shape.x as usize);
    if !response.has_focus() || rows == 0 || cols == 0 {
        return None;
    }
    let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
    ctx.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    ctx.data_mut(|data| data.insert_temp(place(), response.id));
    // Where the shared pointer is, and without one in the middle of what is seen.
    // A thousandth makes up for what is rounded away.
    let middle = viewport.cells(area, shape).0.center() + Vec2::splat(1e-3);
    let row = marks.row.unwrap_or(middle.y.max(0.0) as usize).min(rows - 1);
    let col = marks.col.unwrap_or(middle.x.max(0.0) as usize).min(cols - 1);
    let (row_by, col_by) = steps(ctx);
    let to = (row.saturating_add_signed(row_by).min(rows - 1), col.saturating_add_signed(col_by).min(cols - 1));
    zoom(ctx, viewport, to, area);
    let moved = to != (row, col);
    if moved {
        viewport.reveal(to, area, shape);
    }
    (moved || response.gained_focus()).then_some(to)
}

/// Rows and columns that the keys of this frame go, to the ends of the row more than there are.
fn steps(ctx: &Context) -> (isize, isize) {
    let presses = |key| {
        ctx.input_mut(|input| {
            let far = input.count_and_consume_key(Modifiers::SHIFT, key) as isize;
            FAR * far + input.count_and_consume_key(Modifiers::NONE, key) as isize
        })
    };
    let end = |key| ctx.input_mut(|input| input.consume_key(Modifiers::NONE, key)).then_some(isize::MAX / 4);
    let cols =
        presses(Key::ArrowRight) - presses(Key::ArrowLeft) + end(Key::End).unwrap_or(0) - end(Key::Home).unwrap_or(0);
    (presses(Key::ArrowDown) - presses(Key::ArrowUp), cols)
}

/// + and − about the pointer; 0 shows all.
fn zoom(ctx: &Context, viewport: &mut Viewport, (row, col): (usize, usize), area: Rect) {
    let pressed = |key| ctx.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    let about = (Some(row), Some(col));
    if pressed(Key::Plus) {
        viewport.zoom(FACTOR, about, area);
    }
    if pressed(Key::Minus) {
        viewport.zoom(1.0 / FACTOR, about, area);
    }
    if pressed(Key::Num0) {
        *viewport = Viewport::default();
    }
}
