//! Encoding of texts: split, each word looked up or merged, texts spread over threads.

use super::cache::Cache;
use super::merge::Merger;
use super::{Bpe, NONE};
use crate::counts::hash;
use crate::error::{Error, Result};

/// Texts shorter than this are encoded with no cache: to clear it costs more than it saves.
const WORTH_A_CACHE: usize = 1 << 12;
/// Bytes of text for which another thread pays.
const WORTH_A_THREAD: usize = 1 << 16;

impl Bpe {
    /// Encodes one text.
    pub fn encode(&self, text: &[u8]) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        self.encoder(text.len()).encode(text, &mut ids)?;
        Ok(ids)
    }

    /// Encodes many texts on up to `threads` threads: a list of (ids, end of each text in them), in order.
    pub fn encode_batch<T: AsRef<[u8]> + Sync>(
        &self,
        texts: &[T],
        threads: usize,
    ) -> Result<Vec<Encoded>> {
        let total: usize = texts.iter().map(|text| text.as_ref().len()).sum();
        let workers = threads.clamp(1, total / WORTH_A_THREAD + 1);
        if workers == 1 {
            return Ok(vec![self.encode_part(texts, total)?]);
        }
        let parts = split_evenly(texts, total, workers);
        std::thread::scope(|scope| {
            let running: Vec<_> = parts
                .into_iter()
                .map(|part| scope.spawn(move || self.encode_part(part, total / workers)))
                .collect();
            running
                .into_iter()
                .map(|worker| {
                    worker
                        .join()
                        .unwrap_or_else(|_| Err(Error::Invalid("an encoding thread failed".into())))
                })
                .collect()
        })
    }

    fn encode_part<T: AsRef<[u8]>>(&self, texts: &[T], size: usize) -> Result<Encoded> {
        let mut encoder = self.encoder(size);
        let mut encoded = Encoded {
            ids: Vec::with_capacity(size / 3),
            ends: Vec::with_capacity(texts.len()),
        };
        for text in texts {
            encoder.encode(text.as_ref(), &mut encoded.ids)?;
            encoded.ends.push(encoded.ids.len());
        }
        Ok(encoded)
    }

    /// One thread's encoder for about `size` bytes of text.
    pub fn encoder(&self, size: usize) -> Encoder<'_> {
        Encoder {
            bpe: self,
            cache: (size >= WORTH_A_CACHE).then(Cache::new),
            merger: Merger::default(),
        }
    }
}

/// The ids of several texts, one after another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoded {
    /// All ids.
    pub ids: Vec<u32>,
    /// Where each text's ids end.
    pub ends: Vec<usize>,
}

/// One thread's working state. The fields stay in this module: only `encode` and `word` are for others.
pub struct Encoder<'a> {
    bpe: &'a Bpe,
    cache: Option<Cache>,
    merger: Merger,
}

impl Encoder<'_> {
    /// Appends a text's ids.
    pub fn encode(&mut self, text: &[u8], ids: &mut Vec<u32>) -> Result<()> {
        let bpe = self.bpe;
        let mut too_long = false;
        bpe.splitter.each(text, |start, end| {
            // Places in a word are u32.
            too_long |= end - start >= NONE as usize;
            if !too_long {
                self.word(&text[start..end], ids);
            }
        })?;
        if too_long {
            return Err(Error::Invalid(
                "a word of 4 GiB or more; use a pattern that splits it".into(),
            ));
        }
        Ok(())
    }

    /// Appends the ids of one word, as the pattern cut it.
    pub fn word(&mut self, word: &[u8], ids: &mut Vec<u32>) {
        let bpe = self.bpe;
        if let (&[byte], None, None) = (word, &bpe.char_ids, bpe.end_of_word) {
            ids.push(bpe.byte_ids[usize::from(byte)]);
            return;
        }
        let from = ids.len();
        let place = hash(word);
        if let Some(cache) = &self.cache {
            if let Some(known) = cache.get(place, word) {
                ids.extend_from_slice(known);
                return;
            }
        }
        bpe.symbols(word, ids);
        self.merger.merge(&bpe.merges, ids, from);
        if let Some(cache) = &mut self.cache {
            cache.put(place, word, &ids[from..]);
        }
    }
}

/// Consecutive parts of about the same number of bytes.
fn split_evenly<T: AsRef<[u8]>>(texts: &[T], total: usize, parts: usize) -> Vec<&[T]> {
    let mut found = Vec::with_capacity(parts);
    let (mut start, mut size) = (0, 0);
    for (index, text) in texts.iter().enumerate() {
        size += text.as_ref().len();
        if size > total / parts && found.len() + 1 < parts {
            found.push(&texts[start..=index]);
            (start, size) = (index + 1, 0);
        }
    }
    found.push(&texts[start..]);
    found
}
