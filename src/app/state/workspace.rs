//! Which panels there are and where: they can be dragged, resized, put into tabs, and all put back.

use super::pane::Pane;
use crate::Named;
use egui_tiles::{Container, Linear, LinearDir, SimplificationOptions, Tile, TileId, Tiles, Tree};

/// Layout of the panels as a tree of tiles.
pub struct Workspace {
    /// As egui_tiles has it.
    pub tree: Tree<Pane>,
}

impl Default for Workspace {
    fn default() -> Self {
        let mut tiles = Tiles::default();
        let tab = |tiles: &mut Tiles<Pane>, panes: &[Pane]| {
            let children: Vec<TileId> = panes.iter().map(|&pane| tiles.insert_pane(pane)).collect();
            tiles.insert_tab_tile(children)
        };
        let line = |tiles: &mut Tiles<Pane>, panes: &[Pane]| {
            let children = panes.iter().map(|&pane| tab(tiles, &[pane])).collect();
            tiles.insert_horizontal_tile(children)
        };
        let above = line(&mut tiles, &[Pane::W, Pane::Product, Pane::Error]);
        let below = line(&mut tiles, &[Pane::A, Pane::B, Pane::Paths]);
        let curves = tab(&mut tiles, &[Pane::Curves, Pane::Histogram, Pane::Masks, Pane::Speed, Pane::Log]);
        let runs = tab(&mut tiles, &[Pane::Runs]);
        let history = shared(&mut tiles, LinearDir::Horizontal, &[(curves, 0.5), (runs, 0.5)]);
        let middle = shared(&mut tiles, LinearDir::Vertical, &[(above, 0.35), (below, 0.35), (history, 0.3)]);
        // Five pages: one layer, what other methods make of it, a whole model of either kind, and the lesson.
        let compare = tab(&mut tiles, &[Pane::Compare, Pane::Sweeps]);
        let (model, story) = (tab(&mut tiles, &[Pane::Model]), tab(&mut tiles, &[Pane::Story, Pane::Table]));
        let model = shared(&mut tiles, LinearDir::Horizontal, &[(model, 0.58), (story, 0.42)]);
        let vision = tab(&mut tiles, &[Pane::Vision]);
        let images = tab(&mut tiles, &[Pane::Images, Pane::Confusion, Pane::Kernels]);
        let vision = shared(&mut tiles, LinearDir::Horizontal, &[(vision, 0.58), (images, 0.42)]);
        let lesson = tab(&mut tiles, &[Pane::Lesson]);
        let middle = tiles.insert_tab_tile(vec![middle, compare, model, vision, lesson]);
        let layers = tab(&mut tiles, &[Pane::Layers]);
        let settings = tab(&mut tiles, &[Pane::Settings]);
        let all = [(layers, 0.16), (middle, 0.62), (settings, 0.22)];
        let root = shared(&mut tiles, LinearDir::Horizontal, &all);
        // A tab container made of several panes begins with its first.
        for tile in tiles.tiles_mut() {
            if let Tile::Container(Container::Tabs(tabs)) = tile {
                tabs.active = tabs.children.first().copied();
            }
        }
        Self { tree: Tree::new(eframe::egui::Id::unique("workspace"), root, tiles) }
    }
}

/// Windows narrower than this, in points, have the panels of a phone.
const NARROW: f32 = 640.0;

/// The panels' places in a wide window and in a narrow one.
pub struct Workspaces {
    wide: Workspace,
    narrow: Workspace,
    is_narrow: bool,
}

impl Workspaces {
    /// With the places of a saved layout, if it can be read.
    pub fn restore(saved: &str) -> Self {
        let wide = Workspace::restore(saved).unwrap_or_default();
        Self { wide, narrow: Workspace::narrow(), is_narrow: false }
    }

    /// Takes the places that fit this width.
    pub fn fit(&mut self, width: f32) {
        self.is_narrow = width < NARROW;
    }

    /// Whether the window is as narrow as a phone.
    pub fn is_narrow(&self) -> bool {
        self.is_narrow
    }

    /// The layout in use.
    pub fn current(&mut self) -> &mut Workspace {
        if self.is_narrow { &mut self.narrow } else { &mut self.wide }
    }

    /// Those of a wide window, which are kept.
    pub fn wide(&self) -> &Workspace {
        &self.wide
    }

    /// Brings a panel to the front.
    pub fn show(&mut self, pane: Pane) {
        self.wide.show(pane);
        self.narrow.show(pane);
    }

    /// Leaves these panels out; all others are there.
    pub fn hide(&mut self, hidden: &[Pane]) {
        self.wide.hide(hidden);
        self.narrow.hide(hidden);
    }

    /// All back to their places.
    pub fn reset(&mut self) {
        (self.wide, self.narrow) = (Workspace::default(), Workspace::narrow());
    }
}

/// Title of a tab with several panels.
pub fn page_name(tiles: &Tiles<Pane>, page: TileId) -> &'static str {
    match () {
        () if holds(tiles, page, Pane::Model) => "Language model",
        () if holds(tiles, page, Pane::Vision) => "Vision model",
        () if holds(tiles, page, Pane::Lesson) => "8×8 lesson",
        () if holds(tiles, page, Pane::Compare) => "Compare",
        () => "Layer",
    }
}

fn holds(tiles: &Tiles<Pane>, tile: TileId, wanted: Pane) -> bool {
    match tiles.get(tile) {
        Some(Tile::Pane(pane)) => *pane == wanted,
        Some(Tile::Container(container)) => container.children().any(|&child| holds(tiles, child, wanted)),
        None => false,
    }
}

/// Tiles side by side or above each other, with their shares of the room.
fn shared(tiles: &mut Tiles<Pane>, dir: LinearDir, children: &[(TileId, f32)]) -> TileId {
    let mut linear = Linear::new(dir, children.iter().map(|(id, _)| *id).collect());
    for &(id, share) in children {
        linear.shares.set_share(id, share);
    }
    tiles.insert_new(Tile::Container(Container::Linear(linear)))
}

impl Workspace {
    /// For a phone: pictures above, everything else below, one at a time.
    fn narrow() -> Self {
        let mut tiles = Tiles::default();
        let seen = [
            Pane::W,
            Pane::Product,
            Pane::Error,
            Pane::A,
            Pane::B,
            Pane::Curves,
            Pane::Compare,
            Pane::Sweeps,
            Pane::Table,
            Pane::Story,
            Pane::Images,
            Pane::Confusion,
            Pane::Kernels,
            Pane::Lesson,
        ];
        let rest = Pane::ALL.iter().copied().filter(|pane| !seen.contains(pane));
        let set = rest.clone().find(|pane| *pane == Pane::Settings).into_iter();
        let below: Vec<Pane> = set.chain(rest.filter(|pane| *pane != Pane::Settings)).collect();
        let halves = [&seen[..], &below].map(|panes| {
            let children: Vec<TileId> = panes.iter().map(|&pane| tiles.insert_pane(pane)).collect();
            tiles.insert_tab_tile(children)
        });
        let root = shared(&mut tiles, LinearDir::Vertical, &halves.map(|half| (half, 0.5)));
        Self { tree: Tree::new(eframe::egui::Id::unique("narrow workspace"), root, tiles) }
    }

    /// Brings a panel to the front, wherever it is.
    pub fn show(&mut self, pane: Pane) {
        let found = self.tree.tiles.find_pane(&pane);
        found.into_iter().for_each(|tile| self.tree.set_visible(tile, true));
        self.tree.make_active(|_, tile| matches!(tile, Tile::Pane(found) if *found == pane));
    }

    /// A panel of the page in front.
    pub fn page(&self) -> Option<Pane> {
        let active = self.tree.active_tiles();
        let shown = |pane: &Pane| {
            active.iter().any(|&tile| matches!(self.tree.tiles.get(tile), Some(Tile::Pane(found)) if found == pane))
        };
        [Pane::Model, Pane::Vision, Pane::Lesson, Pane::Compare, Pane::Sweeps, Pane::W].into_iter().find(shown)
    }

    /// Leaves these panels out; all others are there.
    pub fn hide(&mut self, hidden: &[Pane]) {
        let panes: Vec<(TileId, Pane)> = self
            .tree
            .tiles
            .iter()
            .filter_map(|(id, tile)| if let Tile::Pane(pane) = tile { Some((*id, *pane)) } else { None })
            .collect();
        panes.into_iter().for_each(|(id, pane)| self.tree.set_visible(id, !hidden.contains(&pane)));
    }

    /// A saved layout, if it has every panel once; a new version may have others.
    pub fn restore(saved: &str) -> Option<Self> {
        let tree: Tree<Pane> = serde_json::from_str(saved).ok()?;
        let mut panes: Vec<Pane> = tree
            .tiles
            .tiles()
            .filter_map(|tile| match tile {
                Tile::Pane(pane) => Some(*pane),
                Tile::Container(_) => None,
            })
            .collect();
        panes.sort_by_key(|pane| *pane as usize);
        (panes == Pane::ALL && tree.root().is_some()).then_some(Self { tree })
    }

    /// The layout as text, to be saved.
    pub fn save(&self) -> String {
        serde_json::to_string(&self.tree).unwrap_or_default()
    }
}

/// Each panel keeps a tab: by it one drags it.
pub fn simplification() -> SimplificationOptions {
    SimplificationOptions { all_panes_must_have_tabs: true, prune_single_child_tabs: false, ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_layouts_come_back_and_broken_ones_do_not() {
        let saved = Workspace::default().save();
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let again = Workspace::restore(&saved).map(|workspace| workspace.save());
        assert_eq!(again.map(|text| value(&text)), Some(value(&saved)));
        assert!(Workspace::restore("").is_none());
        assert!(Workspace::restore(&saved.replace("Histogram", "Curves")).is_none(), "one twice, one missing");
        assert!(Workspace::restore(&saved[..saved.len() / 2]).is_none());
    }
}
