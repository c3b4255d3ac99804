//! SentencePiece's precompiled character map: strings in a double array of Darts, each with what it becomes.
//!
//! A unit of 32 bits is a node, its children stand at `offset ^ byte`
//! (<https://github.com/s-yata/darts-clone>). The map is a u32 with the array's size in bytes, the array, and
//! strings that end in NUL. Every offset is checked when the map is read.

use crate::error::{Error, Result};
use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;

const LEAF: u32 = 1 << 31;
/// Bytes that a string may become: Unicode's longest NFKC form has 33.
const LONGEST: usize = 256;

/// Longest-prefix look-up in a checked map.
#[derive(Debug, Clone)]
pub struct Charsmap {
    units: Vec<u32>,
    strings: Vec<u8>,
}

impl Charsmap {
    /// Of a map in base64, as files in JSON hold it.
    pub fn from_base64(encoded: &str) -> Result<Self> {
        let blob = STANDARD
            .decode(encoded)
            .map_err(|_| Error::Invalid("precompiled_charsmap is no base64".into()))?;
        Self::new(&blob)
    }

    /// Checks a map: no offset may lead out of the array or the strings.
    pub fn new(blob: &[u8]) -> Result<Self> {
        let wrong = |message: String| Err(Error::Invalid(message));
        let size = blob
            .first_chunk()
            .map_or(0, |&bytes| u32::from_le_bytes(bytes)) as usize;
        if blob.len() < 5 || !size.is_multiple_of(4) || size > blob.len() - 5 || size < 4 {
            return wrong(format!(
                "precompiled_charsmap claims {size} bytes of double array in {}",
                blob.len()
            ));
        }
        let (array, strings) = blob[4..].split_at(size);
        if strings.last() != Some(&0) {
            return wrong("the last string of precompiled_charsmap has no end".into());
        }
        let units: Vec<u32> = array
            .as_chunks()
            .0
            .iter()
            .map(|&bytes| u32::from_le_bytes(bytes))
            .collect();
        for (place, &unit) in units.iter().enumerate() {
            if unit & LEAF == 0 {
                if (place ^ offset(unit)) | 0xff >= units.len() {
                    return wrong(format!(
                        "unit {place} of precompiled_charsmap leads out of it"
                    ));
                }
                continue;
            }
            let end = strings
                .get((unit & !LEAF) as usize..)
                .and_then(|rest| rest.iter().take(LONGEST + 1).position(|&byte| byte == 0));
            if end.is_none() {
                return wrong(format!(
                    "unit {place} of precompiled_charsmap leads out of the strings, or to a long one"
                ));
            }
        }
        Ok(Self {
            units,
            strings: strings.to_vec(),
        })
    }

    /// (length, what it becomes) of the longest string of the map that `text` starts with.
    #[inline]
    pub fn longest(&self, text: &[u8]) -> Option<(usize, &[u8])> {
        let mut found = None;
        self.each_prefix(text, |length, value| {
            found = Some((length, value));
            true
        });
        found.map(|(length, value)| (length, self.string(value)))
    }

    /// What the shortest string of the map that `text` starts with becomes: what Hugging Face's `Precompiled` takes.
    pub fn shortest(&self, text: &[u8]) -> Option<&[u8]> {
        let mut found = None;
        self.each_prefix(text, |_, value| {
            found = Some(value);
            false
        });
        found.map(|value| self.string(value))
    }

    /// Whether some string of the map starts with this byte.
    pub fn starts_with(&self, byte: u8) -> bool {
        let unit = self.unit(self.start() ^ usize::from(byte));
        unit & (LEAF | 0xff) == u32::from(byte)
    }

    fn each_prefix(&self, text: &[u8], mut found: impl FnMut(usize, u32) -> bool) {
        let mut node = self.start();
        for (place, &byte) in text.iter().enumerate() {
            node ^= usize::from(byte);
            let unit = self.unit(node);
            if unit & (LEAF | 0xff) != u32::from(byte) {
                return;
            }
            node ^= offset(unit);
            if unit >> 8 & 1 == 1 && !found(place + 1, self.unit(node) & !LEAF) {
                return;
            }
        }
    }

    fn start(&self) -> usize {
        offset(self.unit(0))
    }

    /// A unit; one outside, which the check rules out, is a leaf that no byte matches.
    fn unit(&self, place: usize) -> u32 {
        self.units.get(place).copied().unwrap_or(LEAF)
    }

    fn string(&self, value: u32) -> &[u8] {
        let rest = self.strings.get(value as usize..).unwrap_or_default();
        &rest[..rest.iter().position(|&byte| byte == 0).unwrap_or(0)]
    }
}

fn offset(unit: u32) -> usize {
    ((unit >> 10) << ((unit & 1 << 9) >> 6)) as usize
}
