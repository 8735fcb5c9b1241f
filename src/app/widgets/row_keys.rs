//! Lists that are one stop for Tab: arrow keys go from row to row.

use eframe::egui::accesskit::Role;
use eframe::egui::{EventFilter, Id, Key, Modifiers, Rect, Response, Sense, StrokeKind, Ui, WidgetInfo, pos2, vec2};

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RowKey {
    /// To the row so many below, or above.
    Move(isize),
    /// To the first row.
    First,
    /// To the last one.
    Last,
    /// Close what is open, or go to the row that this one is part of.
    Close,
    /// Open what is closed, or go to its first row.
    Open,
    /// Do what a click on the row does.
    Choose,
}

/// Rows that Page up and Page down go over.
const PAGE: isize = 10;

const KEYS: [(Key, RowKey); 10] = [
    (Key::ArrowUp, RowKey::Move(-1)),
    (Key::ArrowDown, RowKey::Move(1)),
    (Key::PageUp, RowKey::Move(-PAGE)),
    (Key::PageDown, RowKey::Move(PAGE)),
    (Key::Home, RowKey::First),
    (Key::End, RowKey::Last),
    (Key::ArrowLeft, RowKey::Close),
    (Key::ArrowRight, RowKey::Open),
    (Key::Enter, RowKey::Choose),
    (Key::Space, RowKey::Choose),
];

/// The list as a whole, over all the room that is left: it has the keyboard for its rows, which take clicks only.
pub struct RowList {
    response: Response,
    /// What a key of this frame asks for.
    pub key: Option<RowKey>,
}

impl RowList {
    /// Takes the keys of this frame. `role` is that of a tree or a list.
    pub fn new(ui: &Ui, id: Id, role: Role, label: &str) -> Self {
        let response = ui.interact(ui.available_rect_before_wrap(), id, Sense::focusable_noninteractive());
        response.widget_info(|| WidgetInfo::labeled(role, ui.is_enabled(), label));
        let mut key = None;
        if response.has_focus() {
            let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(id, arrows));
            let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
            key = KEYS.iter().find(|(key, _)| pressed(*key)).map(|(_, asked)| *asked);
        }
        Self { response, key }
    }

    /// Whether the row with the cursor is to be brought into view.
    pub fn scrolls(&self) -> bool {
        self.key.is_some() || self.response.gained_focus()
    }

    /// After the row with the cursor: frames it, and tells screen readers that it is the one.
    pub fn mark(&self, ui: &Ui, row: &Response, rect: Rect) {
        if self.response.has_focus() {
            let color = ui.visuals().selection.stroke.color;
            ui.painter().rect_stroke(rect.expand(1.0), 2.0, (1.5, color), StrokeKind::Inside);
            let active = row.id.accesskit_id();
            ui.ctx().accesskit_node_builder(self.response.id, |node| node.set_active_descendant(active));
        }
    }
}

/// The row that a key leads to from this one of `count`.
pub fn moved(at: usize, key: RowKey, count: usize) -> usize {
    let last = count.saturating_sub(1);
    match key {
        RowKey::Move(by) => at.saturating_add_signed(by).min(last),
        RowKey::First => 0,
        RowKey::Last => last,
        RowKey::Close | RowKey::Open | RowKey::Choose => at.min(last),
    }
}

/// Where a row is, counted from the first that `show_rows` draws, to be scrolled to.
pub fn row_rect(ui: &Ui, height: f32, below_first: f32) -> Rect {
    let top = ui.max_rect().top() + below_first * (height + ui.spacing().item_spacing.y);
    let at = pos2(ui.clip_rect().left(), top);
    Rect::from_min_size(at, vec2(1.0, height)).expand2(vec2(0.0, 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_stays_among_the_rows() {
        assert_eq!(moved(0, RowKey::Move(-1), 5), 0);
        assert_eq!(moved(3, RowKey::Move(PAGE), 5), 4);
        assert_eq!((moved(3, RowKey::First, 5), moved(3, RowKey::Last, 5)), (0, 4));
        assert_eq!(moved(7, RowKey::Choose, 5), 4, "the list became shorter");
        assert_eq!(moved(0, RowKey::Move(1), 0), 0);
    }
}
