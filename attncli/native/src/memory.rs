//! Large memory, asked for so that there is an answer where there is none.

use crate::error::{Error, Result};
use std::collections::TryReserveError;

/// Left for the small things, which end the process where they cannot be had (8 MB were not always enough).
const ROOM: usize = 32 << 20;

/// Smaller memory is asked for without a look at the room: two calls of the system for each token took three times
/// as long as training.
const SMALL: usize = 1 << 16;

/// Makes a vector hold `more` elements than it has. Fails where they, and some room beside them, cannot be had.
pub fn reserve<T>(vector: &mut Vec<T>, more: usize) -> Result<()> {
    if vector.capacity() - vector.len() >= more {
        return Ok(());
    }
    let reserved = vector.try_reserve_exact(more);
    with_room::<T>(reserved, vector.len().saturating_add(more))
}

/// The same for a vector that grows bit by bit: it takes more than was asked for.
#[inline]
pub fn grow<T>(vector: &mut Vec<T>, more: usize) -> Result<()> {
    if vector.capacity() - vector.len() >= more {
        return Ok(());
    }
    let reserved = vector.try_reserve(more);
    with_room::<T>(reserved, vector.len().saturating_add(more))
}

/// A vector of so many items at most.
pub fn collect<T>(items: impl Iterator<Item = T>, most: usize) -> Result<Vec<T>> {
    let mut vector = Vec::new();
    reserve(&mut vector, most)?;
    vector.extend(items.take(most));
    Ok(vector)
}

/// A vector of so many times the same.
pub fn filled<T: Copy>(item: T, size: usize) -> Result<Vec<T>> {
    collect(std::iter::repeat_n(item, size), size)
}

/// Makes a vector that grows bit by bit so long, where it is shorter.
pub fn lengthen<T: Copy>(vector: &mut Vec<T>, size: usize, item: T) -> Result<()> {
    if let Some(more) = size.checked_sub(vector.len()) {
        grow(vector, more)?;
        vector.resize(size, item);
    }
    Ok(())
}

/// What any collection answers that was asked for room for `size` elements in all.
pub fn with_room<T>(reserved: std::result::Result<(), TryReserveError>, size: usize) -> Result<()> {
    let bytes = size.saturating_mul(size_of::<T>());
    let room = |()| match bytes {
        ..SMALL => Ok(()),
        _ => Vec::<u8>::new().try_reserve_exact(ROOM),
    };
    reserved.and_then(room).map_err(|_| Error::Memory(bytes))
}
