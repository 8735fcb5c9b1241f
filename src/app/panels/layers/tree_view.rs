//! The tree of layers on screen: one stop for Tab, arrow keys within it.

use super::tree::{Branch, Line, LineKind};
use crate::app::widgets::row_keys::{RowKey, RowList, moved, row_rect};
use crate::model::one_line;
use eframe::egui::accesskit::Role;
use eframe::egui::collapsing_header::paint_default_icon;
use eframe::egui::{Button, Id, Response, ScrollArea, Sense, Ui, WidgetInfo, vec2};
use std::collections::HashMap;
use std::sync::Arc;

/// Points that a branch is further to the right than what it is in.
const INDENT: f32 = 14.0;

/// Which branches are open, and where the cursor is.
#[derive(Default)]
pub struct TreeView {
    open: HashMap<String, bool>,
    /// The lines on screen, until a branch is opened or closed: there may be many thousands.
    lines: Option<Arc<[Line]>>,
    /// Key of the line with the cursor.
    cursor: Option<String>,
}

impl TreeView {
    /// The tree below this node; `kind` says what a layer is. Gives the layer that was chosen.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        root: &Branch,
        current: Option<&str>,
        kind: &dyn Fn(&str) -> String,
    ) -> Option<String> {
        let list = RowList::new(ui, Id::unique("layers tree"), Role::Tree, "Tree of layers");
        let lines = self.lines(root, current);
        let mut at = self.position(&lines, current);
        let mut chosen = list.key.and_then(|key| {
            at = self.obey(key, at, &lines);
            (key == RowKey::Choose).then(|| lines.get(at)).flatten().and_then(|line| self.choose(line))
        });
        self.cursor =
            lines.get(at).map(|line| line.key.clone()).filter(|_| list.key.is_some() || self.cursor.is_some());
        let height = ui.spacing().interact_size.y;
        let scroll = ScrollArea::both().id_salt("layers tree").auto_shrink(false);
        scroll.show_rows(ui, height, lines.len(), |ui, range| {
            if list.scrolls() {
                ui.scroll_to_rect(row_rect(ui, height, at as f32 - range.start as f32), None);
            }
            for (index, line) in lines.iter().enumerate().take(range.end).skip(range.start) {
                let row = line_ui(ui, line, height, current, kind);
                if index == at {
                    list.mark(ui, &row, row.rect);
                }
                if row.clicked() {
                    self.cursor = Some(line.key.clone());
                    chosen = self.choose(line).or(chosen.take());
                }
            }
        });
        chosen
    }

    fn lines(&mut self, root: &Branch, current: Option<&str>) -> Arc<[Line]> {
        let Self { open, lines, .. } = self;
        let made = lines.get_or_insert_with(|| {
            let lines = root.lines(&mut |path, branch| {
                // As it was when it was first seen: opening another layer closes nothing.
                *open.entry(path.to_owned()).or_insert_with(|| branch.begins_open(current))
            });
            lines.into()
        });
        made.clone()
    }

    fn set_open(&mut self, path: &str, open: bool) {
        self.open.insert(path.to_owned(), open);
        self.lines = None;
    }

    /// The line with the cursor: before any key, that of the current layer.
    fn position(&self, lines: &[Line], current: Option<&str>) -> usize {
        let of = |key: &str| lines.iter().position(|line| line.key == key);
        self.cursor.as_deref().and_then(of).or_else(|| current.and_then(of)).unwrap_or(0)
    }

    /// The line that a key leads to; opens and closes branches.
    fn obey(&mut self, key: RowKey, at: usize, lines: &[Line]) -> usize {
        let Some(line) = lines.get(at) else { return at };
        match (key, line.kind) {
            (RowKey::Open, LineKind::Branch { open: false }) | (RowKey::Close, LineKind::Branch { open: true }) => {
                self.set_open(&line.key, key == RowKey::Open);
                at
            }
            (RowKey::Open, LineKind::Branch { open: true }) => moved(at, RowKey::Move(1), lines.len()),
            (RowKey::Close, _) => lines[..at].iter().rposition(|above| above.depth < line.depth).unwrap_or(at),
            _ => moved(at, key, lines.len()),
        }
    }

    /// Opens or closes a branch; gives the name of a layer.
    fn choose(&mut self, line: &Line) -> Option<String> {
        match line.kind {
            LineKind::Layer => Some(line.key.clone()),
            LineKind::Branch { open } => {
                self.set_open(&line.key, !open);
                None
            }
        }
    }
}

fn line_ui(ui: &mut Ui, line: &Line, height: f32, current: Option<&str>, kind: &dyn Fn(&str) -> String) -> Response {
    // For clicks only: the keyboard belongs to the tree.
    let button = |text: &str, selected| Button::selectable(selected, text.to_owned()).sense(Sense::CLICK);
    let row = ui.horizontal(|ui| {
        ui.set_height(height);
        ui.add_space(INDENT * line.depth as f32);
        match line.kind {
            LineKind::Layer => {
                let name = &line.key;
                ui.add_space(4.0);
                let row = ui.add(button(&line.text, current == Some(name.as_str())));
                ui.weak(kind(name));
                row.on_hover_text(format!("{}, {}", one_line(name), kind(name)))
            }
            LineKind::Branch { open } => {
                let (icon, _) = ui.allocate_exact_size(vec2(INDENT, height), Sense::hover());
                let row = ui.add(button(&line.text, false));
                let space = ui.interact(icon, row.id.with("icon"), Sense::CLICK);
                let inner = space.clone().with_new_rect(icon.shrink2(vec2(2.0, 4.0)));
                paint_default_icon(ui, f32::from(u8::from(open)), &inner);
                row.union(space)
            }
        }
    });
    let response = row.inner;
    response.widget_info(|| WidgetInfo::selected(Role::TreeItem, true, current == Some(&line.key), &line.text));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_open_close_and_go_up() {
        let root = Branch::of(["m.a.x", "m.a.y", "m.b"].into_iter());
        let mut view = TreeView::default();
        let lines = |view: &TreeView| {
            let open = view.open.clone();
            let lines = root.lines(&mut |path, _| open.get(path).copied().unwrap_or(true));
            lines.into_iter().map(|line| line.text).collect::<Vec<_>>()
        };
        let press = |view: &mut TreeView, key, at| {
            let open = view.open.clone();
            let lines = root.lines(&mut |path, _| open.get(path).copied().unwrap_or(true));
            view.obey(key, at, &lines)
        };
        assert_eq!(lines(&view), ["m (3)", "a (2)", "x", "y", "b"]);
        assert_eq!(press(&mut view, RowKey::Close, 3), 1, "from a layer to its branch");
        assert_eq!(press(&mut view, RowKey::Close, 1), 1);
        assert_eq!(lines(&view), ["m (3)", "a (2)", "b"]);
        assert_eq!(press(&mut view, RowKey::Open, 1), 1);
        assert_eq!(press(&mut view, RowKey::Open, 1), 2, "into what is open");
        assert_eq!(press(&mut view, RowKey::Last, 0), 4);
    }
}
