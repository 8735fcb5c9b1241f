//! Layers by the parts of their names.

use crate::model::one_line;
use std::collections::HashMap;

/// Largest number of parts of a name that are branches of their own: deeper than any model's, and no deeper than what is
/// walked through by recursion.
const DEEPEST: usize = 32;

/// A node: a part of a name, and what comes after it.
#[derive(Debug, Default, PartialEq)]
pub struct Branch {
    /// Parts of a name that have no other beside them are one: `self_attn.q_proj`.
    part: String,
    /// The whole name, where one ends here.
    leaf: Option<String>,
    branches: Vec<Branch>,
    /// Number of names that end here or further on.
    leaves: usize,
}

/// A node while names are added to it.
#[derive(Default)]
struct Growing {
    part: String,
    leaf: Option<String>,
    branches: Vec<Growing>,
    /// Places of the branches by their parts.
    places: HashMap<String, usize>,
}

impl Growing {
    fn add(&mut self, name: &str) {
        let mut at = self;
        let shown = name.strip_suffix(".weight").unwrap_or(name);
        for part in shown.splitn(DEEPEST, '.') {
            let next = at.branches.len();
            let place = *at.places.entry(part.to_owned()).or_insert(next);
            if place == next {
                at.branches.push(Self { part: part.to_owned(), ..Self::default() });
            }
            at = &mut at.branches[place];
        }
        at.leaf = Some(name.to_owned());
    }

    /// With what has nothing beside it joined to what it is in.
    fn grown(self) -> Branch {
        let Self { mut part, mut leaf, mut branches, .. } = self;
        while leaf.is_none()
            && branches.len() == 1
            && let Some(only) = branches.pop()
        {
            part = format!("{part}.{}", only.part);
            (leaf, branches) = (only.leaf, only.branches);
        }
        let branches: Vec<Branch> = branches.into_iter().map(Self::grown).collect();
        let leaves = usize::from(leaf.is_some()) + branches.iter().map(|branch| branch.leaves).sum::<usize>();
        Branch { part, leaf, branches, leaves }
    }
}

impl Branch {
    /// Of names in the order in which they are to be shown.
    pub fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut root = Growing::default();
        names.for_each(|name| root.add(name));
        let branches: Vec<Self> = root.branches.into_iter().map(Growing::grown).collect();
        let leaves = branches.iter().map(|branch| branch.leaves).sum();
        Self { branches, leaves, ..Self::default() }
    }

    /// The lines below this node that are seen, where `is_open` says which branches are open.
    pub fn lines(&self, is_open: &mut dyn FnMut(&str, &Self) -> bool) -> Vec<Line> {
        let mut lines = Vec::new();
        self.add_lines("", 0, is_open, &mut lines);
        lines
    }

    fn add_lines(
        &self,
        above: &str,
        depth: usize,
        is_open: &mut dyn FnMut(&str, &Self) -> bool,
        lines: &mut Vec<Line>,
    ) {
        for branch in &self.branches {
            let (path, part) = (format!("{above}.{}", branch.part), one_line(&branch.part));
            if let Some(name) = &branch.leaf {
                lines.push(Line { key: name.clone(), depth, text: part.clone(), kind: LineKind::Layer });
            }
            if !branch.branches.is_empty() {
                let (open, text) = (is_open(&path, branch), format!("{part} ({})", branch.leaves));
                lines.push(Line { key: path.clone(), depth, text, kind: LineKind::Branch { open } });
                if open {
                    branch.add_lines(&path, depth + 1, is_open, lines);
                }
            }
        }
    }

    /// Whether it is open before anybody has said so: a small model is seen whole; of a large one the part that holds the
    /// current layer.
    pub fn begins_open(&self, current: Option<&str>) -> bool {
        self.leaves <= 32 || current.is_some_and(|name| self.find(name))
    }

    fn find(&self, name: &str) -> bool {
        self.leaf.as_deref() == Some(name) || self.branches.iter().any(|branch| branch.find(name))
    }
}

/// A line of the tree on screen.
#[derive(Debug, PartialEq)]
pub struct Line {
    /// A layer's whole name; of a branch its path, which begins with a dot.
    pub key: String,
    /// How many branches it is in.
    pub depth: usize,
    /// What is read.
    pub text: String,
    pub kind: LineKind,
}

/// What a line of the tree stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LineKind {
    /// A layer, whose whole name is the line's key.
    Layer,
    /// Layers whose names begin alike.
    Branch {
        /// Whether they are seen.
        open: bool,
    },
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
        assert_eq!(root.leaves, 4);
        assert!(root.find(names[3]) && !root.find("model"));
        let texts = |open: bool| {
            let lines = root.lines(&mut |path, _| open || path == ".model");
            lines.iter().map(|line| format!("{}{}", " ".repeat(line.depth), line.text)).collect::<Vec<_>>()
        };
        assert_eq!(texts(false), ["model (4)", " embed", " layers (3)"]);
        assert_eq!(texts(true)[2..], [" layers (3)", "  2.attn (2)", "   q", "   k", "  10.mlp"]);
        // As many levels as a name has dots are more than can be walked through.
        let deep = vec!["a"; 100_000].join(".");
        let root = Branch::of([deep.as_str(), "a.b"].into_iter());
        assert!(root.find(&deep) && root.leaves == 2);
        // A line is one line.
        let root = Branch::of(["a\nb.x", "a\nb.y\u{202e}"].into_iter());
        let lines = root.lines(&mut |_, _| true);
        assert_eq!(lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["a\\nb (2)", "x", "y\\u{202e}"]);
        // One name that goes on where another ends.
        let nested = Branch::of(["a", "a.b"].into_iter());
        assert_eq!(nested.branches[0].leaf.as_deref(), Some("a"));
        assert_eq!(nested.branches[0].branches[0].leaf.as_deref(), Some("a.b"));
    }
}
