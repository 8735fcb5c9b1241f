//! Oniguruma's regular expressions, in which `tokenizer.json` is written, as expressions that mean the same to
//! `fancy-regex`.
//!
//! Hugging Face's programs read a tokenizer's patterns with Oniguruma, a library in C. Ours has `fancy-regex`, which also
//! works in a browser. The two read many patterns differently: Oniguruma's `^` and `$` are always edges of a line,
//! `(?m)` lets the dot match a line's end, `a{1,3}+` repeats what is repeated, `\w` has no joiners but has `²`, and
//! `[[:alpha:]]` has letters of all scripts. [`translate`] reads a pattern as Oniguruma does (version 6.9.10, its own
//! syntax, UTF-8) and writes each part of it in words that `fancy-regex` takes in the same sense. What has no such
//! words is a [`Refusal`](refusal::Refusal): a pattern is never read as something near it.
//!
//! A translation is written while reading: [`read`] knows the grammar, [`class`] what stands in brackets, [`piece`] how
//! parts are joined and repeated.

mod class;
mod cursor;
mod piece;
mod read;
mod refusal;

pub use read::{Translation, translate};

#[cfg(test)]
mod tests;
