//! Layers by the parts of their names.

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

    /// The lines below this node that are seen, where `is_open` says which branches are open.
    pub fn lines<'a>(&'a self, is_open: &mut dyn FnMut(&str, &'a Branch) -> bool) -> Vec<Line<'a>> {
        let mut lines = Vec::new();
        self.add_lines("", 0, is_open, &mut lines);
        lines
    }

    fn add_lines<'a>(
        &'a self,
        above: &str,
        depth: usize,
        is_open: &mut dyn FnMut(&str, &'a Branch) -> bool,
        lines: &mut Vec<Line<'a>>,
    ) {
        for branch in &self.branches {
            let path = format!("{above}.{}", branch.part);
            if let Some(name) = &branch.leaf {
                lines.push(Line { key: name.clone(), depth, text: branch.part.clone(), kind: LineKind::Layer(name) });
            }
            if !branch.branches.is_empty() {
                let (open, text) = (is_open(&path, branch), format!("{} ({})", branch.part, branch.leaves()));
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
        self.leaves() <= 32 || current.is_some_and(|name| self.find(name))
    }

    fn find(&self, name: &str) -> bool {
        self.leaf.as_deref() == Some(name) || self.branches.iter().any(|branch| branch.find(name))
    }
}

/// A line of the tree on screen.
#[derive(Debug, PartialEq)]
pub struct Line<'a> {
    /// A layer's whole name; of a branch its path, which begins with a dot.
    pub key: String,
    /// How many branches it is in.
    pub depth: usize,
    /// What is read.
    pub text: String,
    pub kind: LineKind<'a>,
}

/// What a line of the tree stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LineKind<'a> {
    /// A layer, by its whole name.
    Layer(&'a str),
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
        assert_eq!(root.leaves(), 4);
        assert!(root.find(names[3]) && !root.find("model"));
        let texts = |open: bool| {
            let lines = root.lines(&mut |path, _| open || path == ".model");
            lines.iter().map(|line| format!("{}{}", " ".repeat(line.depth), line.text)).collect::<Vec<_>>()
        };
        assert_eq!(texts(false), ["model (4)", " embed", " layers (3)"]);
        assert_eq!(texts(true)[2..], [" layers (3)", "  2.attn (2)", "   q", "   k", "  10.mlp"]);
        // One name that goes on where another ends.
        let nested = Branch::of(["a", "a.b"].into_iter());
        assert_eq!(nested.branches[0].leaf.as_deref(), Some("a"));
        assert_eq!(nested.branches[0].branches[0].leaf.as_deref(), Some("a.b"));
    }
}
