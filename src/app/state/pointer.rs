//! What the linked views point at.

/// An entry, as indices into the matrices as they are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pointer {
    /// A row of W and of A.
    pub out: Option<usize>,
    /// A column of A and row of B.
    pub inner: Option<usize>,
    /// A column of W and of B.
    pub input: Option<usize>,
}

/// The pointer that all views share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharedPointer {
    /// Position of the shared pointer.
    pub at: Pointer,
    /// Whether it is held there, and does not follow the mouse.
    pub is_pinned: bool,
}
