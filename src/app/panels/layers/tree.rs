//! Layers by the parts of their names.

use eframe::egui::{CollapsingHeader, ScrollArea, Ui};

/// A node: a part of a name, and what comes after it.
#[derive(Debug, Default, PartialEq)]
pub struct Branch {
    /// Parts of a name that have no other beside them are one: `self_attn.q_proj`.
    part: String,
    /// The whole name, where one ends here.
    leaf: Option<String>,
    branches: Vec<Branch>,
}

impl Branch {
    /// Of names in the order in which they are to be shown.
    pub fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut root = Self::default();
        for name in names {
            let mut at = &mut root;
            let shown = name.strip_suffix(".weight").unwrap_or(name);
            for part in shown.split('.') {
                let place = at.branches.iter().position(|branch| branch.part == part);
                let place = place.unwrap_or_else(|| {
                    at.branches.push(Self { part: part.to_owned(), ..Self::default() });
                    at.branches.len() - 1
                });
                at = &mut at.branches[place];
            }
            at.leaf = Some(name.to_owned());
        }
        root.branches.iter_mut().for_each(Self::shorten);
        root
    }

    fn shorten(&mut self) {
        while self.leaf.is_none() && self.branches.len() == 1 {
            let only = self.branches.remove(0);
            *self = Self { part: format!("{}.{}", self.part, only.part), ..only };
        }
        self.branches.iter_mut().for_each(Self::shorten);
    }

    fn leaves(&self) -> usize {
        usize::from(self.leaf.is_some()) + self.branches.iter().map(Self::leaves).sum::<usize>()
    }

    /// The tree below this node; `kind` says what a layer is. Gives the layer that was clicked.
    pub fn ui(&self, ui: &mut Ui, current: Option<&str>, kind: &dyn Fn(&str) -> String) -> Option<String> {
        let scroll = ScrollArea::both().id_salt("layers tree").auto_shrink(false);
        scroll.show(ui, |ui| self.below_ui(ui, current, kind)).inner
    }

    fn below_ui(&self, ui: &mut Ui, current: Option<&str>, kind: &dyn Fn(&str) -> String) -> Option<String> {
        let mut chosen = None;
        for branch in &self.branches {
            if let Some(name) = &branch.leaf {
                ui.horizontal(|ui| {
                    let row = ui.selectable_label(current == Some(name), &branch.part);
                    if row.on_hover_text(format!("{name}, {}", kind(name))).clicked() {
                        chosen = Some(name.clone());
                    }
                    ui.weak(kind(name));
                });
            }
            if !branch.branches.is_empty() {
                // A small model is seen whole; of a large one the part that holds the current layer.
                let holds = |name: &str| branch.find(name);
                let open = branch.leaves() <= 32 || current.is_some_and(holds);
                let title = format!("{} ({})", branch.part, branch.leaves());
                let header = CollapsingHeader::new(title).id_salt(&branch.part).default_open(open);
                let below = header.show(ui, |ui| branch.below_ui(ui, current, kind));
                chosen = below.body_returned.flatten().or(chosen);
            }
        }
        chosen
    }

    fn find(&self, name: &str) -> bool {
        self.leaf.as_deref() == Some(name) || self.branches.iter().any(|branch| branch.find(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_a_tree_in_their_order() {
        let names =
            ["model.embed", "model.layers.2.attn.q.weight", "model.layers.2.attn.k.weight", "model.layers.10.mlp"];
        let root = Branch::of(names.into_iter());
        let parts = |branch: &Branch| branch.branches.iter().map(|b| b.part.clone()).collect::<Vec<_>>();
        assert_eq!(parts(&root), ["model"]);
        assert_eq!(parts(&root.branches[0]), ["embed", "layers"]);
        let layers = &root.branches[0].branches[1];
        assert_eq!(parts(layers), ["2.attn", "10.mlp"]);
        assert_eq!(parts(&layers.branches[0]), ["q", "k"]);
        assert_eq!(layers.branches[0].branches[0].leaf.as_deref(), Some(names[1]));
        assert_eq!(root.leaves(), 4);
        assert!(root.find(names[3]) && !root.find("model"));
        // One name that goes on where another ends.
        let nested = Branch::of(["a", "a.b"].into_iter());
        assert_eq!(nested.branches[0].leaf.as_deref(), Some("a"));
        assert_eq!(nested.branches[0].branches[0].leaf.as_deref(), Some("a.b"));
    }
}
