//! A text on its way through the pipeline, and the writing of the next version of it.

use crate::error::{Error, Result};
use std::borrow::Cow;

/// Bytes that a text may have for each that it had at first, and beside: some forty steps that double it would not end.
const GROWTH: usize = 64;
const ROOM: usize = 1 << 20;

/// Bytes (start, end) of the original text.
pub type Span = (usize, usize);

/// A text and, where asked for, what each of its bytes stands for in the original.
#[derive(Debug, Clone)]
pub struct Text<'a> {
    /// UTF-8, but for bytes that are none.
    pub bytes: Cow<'a, [u8]>,
    /// A span for each byte.
    pub spans: Option<Vec<Span>>,
    /// Whether it has lost what it began with.
    pub headless: bool,
    /// The most bytes that it may have.
    most: usize,
}

impl<'a> Text<'a> {
    /// An original, which begins at `start` of a larger one.
    pub fn new(bytes: &'a [u8], start: usize, traced: bool) -> Self {
        Self {
            bytes: Cow::Borrowed(bytes),
            spans: traced.then(|| {
                (start..start + bytes.len())
                    .map(|at| (at, at + 1))
                    .collect()
            }),
            headless: false,
            most: bytes.len().saturating_mul(GROWTH).saturating_add(ROOM),
        }
    }

    /// Puts what `write` makes of the text in its place. Fails where that is far longer than the text was at first.
    pub fn change(&mut self, write: impl FnOnce(&mut Draft<'_>) -> Result<()>) -> Result<()> {
        let mut draft = Draft::new(&self.bytes, self.spans.as_deref(), self.most);
        write(&mut draft)?;
        if draft.full {
            return Err(Error::Invalid(format!(
                "the normalizer makes more than {} bytes of a text",
                self.most
            )));
        }
        let headless = self.headless || draft.headless;
        if let Some((bytes, spans)) = draft.finish() {
            *self = Self {
                bytes: Cow::Owned(bytes),
                spans,
                headless,
                most: self.most,
            };
        }
        Ok(())
    }
}

/// The next version of a text, written from left to right.
///
/// Nothing is copied before the first change: a step that changes nothing costs no more than its look at the text.
#[derive(Debug)]
pub struct Draft<'a> {
    source: &'a [u8],
    source_spans: Option<&'a [Span]>,
    /// How far the source is dealt with.
    done: usize,
    bytes: Vec<u8>,
    spans: Vec<Span>,
    changed: bool,
    headless: bool,
    /// The most bytes that are written, and whether there were more.
    most: usize,
    full: bool,
}

impl<'a> Draft<'a> {
    /// Of a text and the spans of its bytes; of what `put` writes beyond `most` bytes nothing is kept.
    pub fn new(source: &'a [u8], source_spans: Option<&'a [Span]>, most: usize) -> Self {
        Self {
            source,
            source_spans,
            done: 0,
            bytes: Vec::new(),
            spans: Vec::new(),
            changed: false,
            headless: false,
            most,
            full: false,
        }
    }

    /// The text as it was.
    pub fn source(&self) -> &'a [u8] {
        self.source
    }

    /// How far it is dealt with.
    pub fn done(&self) -> usize {
        self.done
    }

    /// Takes the source over as it is, up to `to`.
    pub fn keep(&mut self, to: usize) {
        if self.changed {
            self.bytes.extend_from_slice(&self.source[self.done..to]);
            if let Some(spans) = self.source_spans {
                self.spans.extend_from_slice(&spans[self.done..to]);
            }
        }
        self.done = to;
    }

    /// Writes `text` in place of the source up to `to`: every byte of it stands for all of that.
    pub fn put(&mut self, text: &[u8], to: usize) {
        if text == &self.source[self.done..to] {
            return self.keep(to);
        }
        self.change();
        self.headless |= self.bytes.is_empty() && text.is_empty();
        if text.len() > self.most.saturating_sub(self.bytes.len()) {
            self.full = true;
            self.done = to;
            return;
        }
        self.bytes.extend_from_slice(text);
        if let Some(spans) = self.source_spans {
            self.spans
                .resize(self.bytes.len(), hull(spans, self.done, to));
        }
        self.done = to;
    }

    /// As `put`, but that where the head goes, what follows counts as the head.
    pub fn put_headed(&mut self, text: &[u8], to: usize) {
        let headless = self.headless;
        self.put(text, to);
        self.headless = headless;
    }

    /// Writes one byte for each byte of the source up to `to`.
    pub fn map(&mut self, to: usize, change: impl Fn(u8) -> u8) {
        self.change();
        self.bytes
            .extend(self.source[self.done..to].iter().map(|&byte| change(byte)));
        if let Some(spans) = self.source_spans {
            self.spans.extend_from_slice(&spans[self.done..to]);
        }
        self.done = to;
    }

    /// The new text and its spans; none where nothing has changed.
    pub fn finish(mut self) -> Option<(Vec<u8>, Option<Vec<Span>>)> {
        if !self.changed {
            return None;
        }
        self.keep(self.source.len());
        let traced = self.source_spans.is_some();
        Some((self.bytes, traced.then_some(self.spans)))
    }

    /// Copies what was only noted as kept.
    fn change(&mut self) {
        if !self.changed {
            self.changed = true;
            self.bytes.reserve(self.source.len() + 16);
            self.bytes.extend_from_slice(&self.source[..self.done]);
            if let Some(spans) = self.source_spans {
                self.spans.extend_from_slice(&spans[..self.done]);
            }
        }
    }
}

/// All that bytes `from..to` stand for; an empty place, where what is before them ends, where there are none.
pub fn hull(spans: &[Span], from: usize, to: usize) -> Span {
    if from == to {
        let before = from.checked_sub(1).and_then(|at| spans.get(at));
        let place = before.map_or_else(
            || spans.first().map_or(0, |&(start, _)| start),
            |&(_, end)| end,
        );
        return (place, place);
    }
    spans[from..to]
        .iter()
        .copied()
        .reduce(|all, next| (all.0.min(next.0), all.1.max(next.1)))
        .unwrap_or((0, 0))
}

/// The parts of a text that are valid UTF-8, and where each begins.
pub fn valid(text: &[u8]) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.utf8_chunks().map(move |chunk| {
        let start = at;
        at += chunk.valid().len() + chunk.invalid().len();
        (start, chunk.valid())
    })
}
