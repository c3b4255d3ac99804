//! The bytes of all tokens in one buffer: a vocabulary of 200,000 entries is two allocations.

use crate::error::{Error, Result};

/// id -> bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Tokens {
    /// Of the concatenated tokens and where each ends.
    pub fn new(bytes: Vec<u8>, ends: Vec<u32>) -> Result<Self> {
        let ordered = ends.windows(2).all(|pair| pair[0] <= pair[1]);
        if !ordered || ends.last().map_or(0, |&end| end as usize) != bytes.len() {
            return Err(Error::Invalid(
                "the ends of the tokens do not fit their bytes".into(),
            ));
        }
        Ok(Self { bytes, ends })
    }

    /// Room for this many tokens of so many bytes in all.
    pub fn with_capacity(count: usize, bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            ends: Vec::with_capacity(count),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of an id.
    pub fn get(&self, id: usize) -> &[u8] {
        let start = if id == 0 { 0 } else { self.ends[id - 1] };
        &self.bytes[start as usize..self.ends[id] as usize]
    }

    /// All, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|id| self.get(id))
    }

    /// Appends a token; None where the buffer would pass 4 GiB.
    pub fn push(&mut self, token: &[u8]) -> Option<()> {
        self.bytes.extend_from_slice(token);
        self.ends.push(u32::try_from(self.bytes.len()).ok()?);
        Some(())
    }

    /// Appends a token of two parts; None where the buffer would pass 4 GiB.
    pub fn push_joined(&mut self, left: &[u8], right: &[u8]) -> Option<()> {
        self.bytes.extend_from_slice(left);
        self.push(right)
    }

    /// None are left; the memory is kept.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// The concatenated tokens.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where each token ends.
    pub fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// The tokens of a list of (id, start, end) in `bytes`, in the order of their ids; an id left out is empty.
    ///
    /// None where an id stands twice, or where ids leave out more than `holes` numbers.
    pub fn by_id(bytes: &[u8], mut spans: Vec<(u32, u32, u32)>, holes: usize) -> Option<Self> {
        if !spans.is_sorted_by_key(|span| span.0) {
            spans.sort_unstable_by_key(|span| span.0);
        }
        let count = spans.last().map_or(0, |span| span.0 as usize + 1);
        if count > spans.len() + holes {
            return None;
        }
        let mut tokens = Self::with_capacity(count, bytes.len());
        for (id, start, end) in spans {
            while tokens.len() < id as usize {
                tokens.push(b"")?;
            }
            if tokens.len() > id as usize {
                return None;
            }
            tokens.push(&bytes[start as usize..end as usize])?;
        }
        Some(tokens)
    }
}
