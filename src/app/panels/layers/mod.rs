//! The layers of the opened file, as a tree or a table.

pub mod panel;
pub mod shape;
pub mod table;
pub mod tree;
pub mod tree_view;
