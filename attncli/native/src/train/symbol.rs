//! A token's id as it stands in the corpus: 16 bits where they suffice, else 32.

/// An id, or one of two marks.
pub trait Symbol: Copy + Eq + Send + Sync {
    /// How many ids there are.
    const SYMBOLS: usize;
    /// Stands before, between and after words.
    const END: Self;
    /// Stands inside tokens of three and more places, and is no token.
    const INSIDE: Self;
    /// From an id below `SYMBOLS`.
    fn of(id: u32) -> Self;
    /// The id.
    fn id(self) -> u32;
}

impl Symbol for u16 {
    const SYMBOLS: usize = 0xfffe;
    const END: Self = Self::MAX;
    const INSIDE: Self = Self::MAX - 1;

    #[inline]
    #[allow(clippy::cast_possible_truncation)] // the caller keeps ids below SYMBOLS
    fn of(id: u32) -> Self {
        id as Self
    }

    #[inline]
    fn id(self) -> u32 {
        u32::from(self)
    }
}

impl Symbol for u32 {
    const SYMBOLS: usize = 0xffff_fffe;
    const END: Self = Self::MAX;
    const INSIDE: Self = Self::MAX - 1;

    #[inline]
    fn of(id: u32) -> Self {
        id
    }

    #[inline]
    fn id(self) -> u32 {
        self
    }
}
