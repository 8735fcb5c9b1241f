//! What a method makes.

/// What a method makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Two sparse matrices.
    Factors,
    /// One sparse matrix.
    Pruned,
    /// Factors whose places need not be stored: dense ones, or blocks.
    Dense,
    /// Three sparse matrices.
    Chain,
}
