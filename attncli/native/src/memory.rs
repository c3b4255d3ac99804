//! Large memory, asked for so that there is an answer where there is none.

use crate::error::{Error, Result};
use std::collections::TryReserveError;

/// Left for the small things, which end the process where they cannot be had (8 MB were not always enough).
const ROOM: usize = 32 << 20;

/// Makes a vector hold `more` elements than it has. Fails where they, and some room beside them, cannot be had.
pub fn reserve<T>(vector: &mut Vec<T>, more: usize) -> Result<()> {
    if vector.capacity() - vector.len() >= more {
        return Ok(());
    }
    with_room::<T>(vector.try_reserve_exact(more), more)
}

/// The same for a vector that grows bit by bit: it takes more than was asked for.
#[inline]
pub fn grow<T>(vector: &mut Vec<T>, more: usize) -> Result<()> {
    if vector.capacity() - vector.len() >= more {
        return Ok(());
    }
    with_room::<T>(vector.try_reserve(more), more)
}

fn with_room<T>(reserved: std::result::Result<(), TryReserveError>, more: usize) -> Result<()> {
    reserved
        .and_then(|()| Vec::<u8>::new().try_reserve_exact(ROOM))
        .map_err(|_| Error::Memory(more.saturating_mul(size_of::<T>())))
}
