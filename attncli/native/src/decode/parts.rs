//! Tokens on their way through the steps.

use crate::error::{Error, Result};

/// A list of byte strings in one buffer.
#[derive(Debug, Clone)]
pub struct Parts {
    /// All of them.
    pub bytes: Vec<u8>,
    ends: Vec<usize>,
    /// The most bytes that they may have.
    most: usize,
}

impl Parts {
    /// None yet, and at most so many bytes.
    pub fn new(most: usize) -> Self {
        Self {
            bytes: Vec::new(),
            ends: Vec::new(),
            most,
        }
    }

    /// One string.
    pub fn of_one(bytes: Vec<u8>, most: usize) -> Self {
        let ends = vec![bytes.len()];
        Self { bytes, ends, most }
    }

    /// Room for the strings of another.
    pub fn like(other: &Self) -> Self {
        Self {
            bytes: Vec::with_capacity(other.bytes.len()),
            ends: Vec::with_capacity(other.len()),
            most: other.most,
        }
    }

    /// All in one.
    pub fn fused(self) -> Self {
        Self::of_one(self.bytes, self.most)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// One of them.
    #[inline]
    pub fn get(&self, place: usize) -> &[u8] {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.bytes[start..self.ends[place]]
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|place| self.get(place))
    }

    /// Appends one. Fails where it has no room.
    #[inline]
    pub fn push(&mut self, part: &[u8]) -> Result<()> {
        self.write(part)?;
        self.end();
        Ok(())
    }

    /// Appends to the next one. Fails, before memory is taken, where they have no room.
    #[inline]
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() > self.most - self.bytes.len().min(self.most) {
            return Err(too_long(self.most));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// What was written to `bytes` since the last one is the next.
    #[inline]
    pub fn end(&mut self) {
        self.ends.push(self.bytes.len());
    }
}

/// The error of a text that would have more bytes than so many.
pub fn too_long(most: usize) -> Error {
    Error::Invalid(format!(
        "the decoder makes more than {most} bytes of a text's tokens"
    ))
}
