//! Sorted runs: counted words on their way through a temporary file, and their merge (Knuth, TAOCP 3, 5.4.1).
//!
//! A run holds each of its words once, in the order of their bytes: the length, the bytes, the count; both numbers
//! in LEB128 (seven bits a byte, the lowest first, the eighth bit set on all but the last).

use super::words::Words;
use crate::error::{Error, Result};
use crate::memory::grow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Bytes that are written together, and read together where there are few runs.
const BLOCK: usize = 1 << 16;
/// Bytes of all runs' blocks where there are many, and the least of one.
const BLOCKS: usize = 1 << 22;
const LEAST: usize = 1 << 12;
/// The most bytes of a number.
const NUMBER: usize = 10;

/// Reads so many bytes of a run from an offset on.
pub type Read = Box<dyn Fn(u64, usize) -> Result<Vec<u8>> + Send + Sync>;

/// A run that lies somewhere outside.
pub struct Run {
    read: Read,
    size: u64,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Run({} bytes)", self.size)
    }
}

impl Run {
    /// A run of `size` bytes.
    pub fn new(size: u64, read: Read) -> Self {
        Self { read, size }
    }
}

/// Writes the words of all tables as one run, in blocks; returns how many bytes.
pub fn write(tables: &[Words], out: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<u64> {
    let mut block = Vec::with_capacity(BLOCK * 2);
    let mut size = 0;
    merge(&[], tables, &mut |word, count| {
        grow(&mut block, word.len() + 2 * NUMBER)?;
        put(&mut block, word.len() as u64);
        block.extend_from_slice(word);
        put(&mut block, count);
        if block.len() >= BLOCK {
            size += block.len() as u64;
            out(&block)?;
            block.clear();
        }
        Ok(())
    })?;
    size += block.len() as u64;
    out(&block)?;
    Ok(size)
}

/// Calls `word(bytes, count)` for the words of all runs and tables in order, each once with its counts added up.
pub fn merge(
    runs: &[Run],
    tables: &[Words],
    word: &mut dyn FnMut(&[u8], u64) -> Result<()>,
) -> Result<()> {
    let mut sources: Vec<Source<'_>> = Vec::with_capacity(runs.len() + tables.len());
    let size = (BLOCKS / runs.len().max(1)).clamp(LEAST, BLOCK);
    sources.extend(runs.iter().map(|run| Source::Run(Reader::new(run, size))));
    for table in tables {
        sources.push(Source::Table(table, table.sorted()?.into_iter()));
    }
    // The next word of each source, the smallest on top. The bytes' memory goes round and round.
    let mut heap = BinaryHeap::with_capacity(sources.len());
    for (number, source) in sources.iter_mut().enumerate() {
        let mut bytes = Vec::new();
        if let Some(count) = source.next(&mut bytes)? {
            heap.push(Reverse((bytes, number, count)));
        }
    }
    let (mut now, mut total, mut any) = (Vec::new(), 0u64, false);
    while let Some(Reverse((mut bytes, number, count))) = heap.pop() {
        if any && bytes != now {
            word(&now, total)?;
            total = 0;
        }
        any = true;
        total = total.saturating_add(count);
        std::mem::swap(&mut now, &mut bytes);
        if let Some(count) = sources[number].next(&mut bytes)? {
            heap.push(Reverse((bytes, number, count)));
        }
    }
    if any {
        word(&now, total)?;
    }
    Ok(())
}

enum Source<'a> {
    Run(Reader<'a>),
    Table(&'a Words, std::vec::IntoIter<u32>),
}

impl Source<'_> {
    /// The next word, into `bytes`, and its count.
    fn next(&mut self, bytes: &mut Vec<u8>) -> Result<Option<u64>> {
        bytes.clear();
        match self {
            Self::Run(reader) => reader.next(bytes),
            Self::Table(words, order) => {
                let Some(number) = order.next() else {
                    return Ok(None);
                };
                let (word, count) = words.get(number);
                grow(bytes, word.len())?;
                bytes.extend_from_slice(word);
                Ok(Some(count))
            }
        }
    }
}

struct Reader<'a> {
    run: &'a Run,
    /// Where the next block begins in the run.
    offset: u64,
    block: Vec<u8>,
    at: usize,
    /// How much to read at once.
    size: usize,
}

impl<'a> Reader<'a> {
    fn new(run: &'a Run, size: usize) -> Self {
        Self {
            run,
            offset: 0,
            block: Vec::new(),
            at: 0,
            size,
        }
    }

    fn next(&mut self, word: &mut Vec<u8>) -> Result<Option<u64>> {
        if self.at == self.block.len() && self.offset == self.run.size {
            return Ok(None);
        }
        let mut length = self.number()?;
        while length > 0 {
            let rest = self.rest()?;
            let here = rest
                .len()
                .min(usize::try_from(length).unwrap_or(usize::MAX));
            grow(word, here)?;
            word.extend_from_slice(&rest[..here]);
            self.at += here;
            length -= here as u64;
        }
        self.number().map(Some)
    }

    fn number(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.rest()?[0];
            self.at += 1;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(damaged())
    }

    /// What has been read and not yet used: at least a byte.
    fn rest(&mut self) -> Result<&[u8]> {
        if self.at == self.block.len() {
            let wanted = (self.run.size - self.offset).min(self.size as u64);
            self.block = (self.run.read)(self.offset, usize::try_from(wanted).unwrap_or(LEAST))?;
            self.at = 0;
            if self.block.is_empty() || self.block.len() as u64 > wanted {
                return Err(damaged());
            }
            self.offset += self.block.len() as u64;
        }
        Ok(&self.block[self.at..])
    }
}

#[allow(clippy::cast_possible_truncation)] // seven bits
fn put(block: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        block.push(number as u8 | 0x80);
        number >>= 7;
    }
    block.push(number as u8);
}

fn damaged() -> Error {
    Error::Invalid("a temporary file of counted words has been cut short".into())
}
