//! Tokens on their way through the steps.

/// A list of byte strings in one buffer.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    /// All of them.
    pub bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Parts {
    /// One string.
    pub fn of_one(bytes: Vec<u8>) -> Self {
        let ends = vec![bytes.len()];
        Self { bytes, ends }
    }

    /// Room for the strings of another.
    pub fn like(other: &Self) -> Self {
        Self {
            bytes: Vec::with_capacity(other.bytes.len()),
            ends: Vec::with_capacity(other.len()),
        }
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

    /// Appends one.
    #[inline]
    pub fn push(&mut self, part: &[u8]) {
        self.bytes.extend_from_slice(part);
        self.end();
    }

    /// What was written to `bytes` since the last one is the next.
    #[inline]
    pub fn end(&mut self) {
        self.ends.push(self.bytes.len());
    }
}
