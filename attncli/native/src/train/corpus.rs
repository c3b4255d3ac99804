//! All distinct words one after another in one array of symbols.
//!
//! A token that covers n places holds its id at its first and at its last, so that both neighbours are found
//! without links:
//!
//! ```text
//! place      0     1    2    3    4       lengths: t 1, he 2, the 3
//! symbols  [END]  [t]  [he   he] [END]    before place 4 ends `he`; after `t` begins what stands at place 2
//! ```
//!
//! Words that occur equally often stand together, the most frequent first: a place's count is found by the class
//! that it lies in, and takes no memory.

use super::budget::Budget;
use super::symbol::Symbol;
use super::tokens::Tokens;
use super::WordSource;
use crate::error::{Error, Result};
use crate::memory::reserve;
use crate::split::unicode::char_at;
use rustc_hash::FxHashMap;
use std::cmp::Reverse;

/// The words.
pub struct Corpus<S> {
    /// END, then each word and an END.
    pub symbols: Vec<S>,
    /// By place.
    pub classes: Vec<Class>,
    /// Places that each token covers: 1 after `compact`, more for what was merged since.
    pub lengths: Vec<u32>,
}

/// The words of one count.
#[derive(Debug, Clone, Copy)]
pub struct Class {
    /// The place after its last.
    pub end: u32,
    /// How often each of its words occurs.
    pub count: u64,
}

impl<S: Symbol> Corpus<S> {
    /// Writes the words as base symbols; words of one symbol have no pairs and are left out. Asks for the budget
    /// before it takes any memory.
    pub fn lay_out(
        words: &impl WordSource,
        tokens: &Tokens,
        end_of_word: Option<&[u8]>,
        budget: impl FnOnce(usize) -> Result<Budget>,
    ) -> Result<(Self, Budget)> {
        let spelling = Spelling::<S>::new(tokens, end_of_word);
        let mut sizes: FxHashMap<u64, u64> = FxHashMap::default();
        words.each(&mut |word, count| {
            let symbols = spelling.length(word);
            if symbols > 1 {
                *sizes.entry(count).or_default() += symbols as u64 + 1;
            }
            Ok(())
        })?;
        let mut counts: Vec<u64> = sizes.keys().copied().collect();
        counts.sort_unstable_by_key(|&count| Reverse(count));
        let mut places = 1u64;
        let mut classes = Vec::with_capacity(counts.len());
        let mut next: FxHashMap<u64, usize> = FxHashMap::default();
        for count in counts {
            next.insert(count, usize::try_from(places).map_err(|_| too_large())?);
            places += sizes[&count];
            let end = u32::try_from(places).map_err(|_| too_large())?;
            classes.push(Class { end, count });
        }
        let mut symbols = Vec::new();
        let places = usize::try_from(places).map_err(|_| too_large())?;
        let budget = budget(places)?;
        reserve(&mut symbols, places)?;
        symbols.resize(places, S::END);
        words.each(&mut |word, count| {
            if spelling.length(word) > 1 {
                if let Some(at) = next.get_mut(&count) {
                    spelling.write(word, &mut symbols, at);
                    *at += 1; // the END after it
                }
            }
            Ok(())
        })?;
        let corpus = Self {
            symbols,
            classes,
            lengths: vec![1; tokens.len()],
        };
        Ok((corpus, budget))
    }

    /// How many places there are.
    pub fn places(&self) -> usize {
        self.symbols.len()
    }

    /// Makes every token one place again, and leaves out the words that have become one token.
    pub fn compact(&mut self, tokens: usize) {
        let (mut from, mut to, mut start) = (1, 1, 1);
        for class in &mut self.classes {
            while from < class.end as usize {
                let symbol = self.symbols[from];
                self.symbols[to] = symbol;
                to += 1;
                if symbol == S::END {
                    from += 1;
                    if to - start <= 2 {
                        to = start;
                    }
                    start = to;
                } else {
                    from += self.lengths[symbol.id() as usize] as usize;
                }
            }
            // It only moves down, from a place that was a u32.
            class.end = u32::try_from(to).unwrap_or(class.end);
        }
        self.symbols.truncate(to);
        let mut before = 1;
        self.classes
            .retain(|class| std::mem::replace(&mut before, class.end) != class.end);
        self.lengths.clear();
        self.lengths.resize(tokens, 1);
    }

    /// Merges a pair in a compact corpus, from the left, into a token of any id.
    pub fn join(&mut self, left: u32, right: u32, new: u32) {
        let (left, right) = (S::of(left), S::of(right));
        let (mut from, mut to) = (1, 1);
        for class in &mut self.classes {
            while from < class.end as usize {
                let symbol = self.symbols[from];
                let pair = symbol == left && self.symbols.get(from + 1) == Some(&right);
                self.symbols[to] = if pair { S::of(new) } else { symbol };
                from += 1 + usize::from(pair);
                to += 1;
            }
            class.end = u32::try_from(to).unwrap_or(class.end);
        }
        self.symbols.truncate(to);
    }

    /// The symbols of each class, and its count.
    pub fn by_class(&self) -> impl Iterator<Item = (&[S], u64)> {
        let starts = std::iter::once(1).chain(self.classes.iter().map(|class| class.end));
        starts.zip(&self.classes).map(|(start, class)| {
            (
                &self.symbols[start as usize..class.end as usize],
                class.count,
            )
        })
    }
}

/// Finds the counts of places that come in ascending order.
pub struct Counts<'a> {
    rest: &'a [Class],
}

impl<'a> Counts<'a> {
    /// From the first class on.
    pub fn new(classes: &'a [Class]) -> Self {
        Self { rest: classes }
    }

    /// The count of a place, no smaller than the one before.
    #[inline]
    pub fn of(&mut self, place: u32) -> u64 {
        if self.rest[0].end <= place {
            self.advance(place);
        }
        self.rest[0].count
    }

    /// By doubling steps, then halving: the next place's class is mostly near.
    fn advance(&mut self, place: u32) {
        let mut step = 1;
        while step < self.rest.len() && self.rest[step].end <= place {
            step *= 2;
        }
        let (low, high) = (step / 2, (step + 1).min(self.rest.len()));
        let skipped = low + self.rest[low..high].partition_point(|class| class.end <= place);
        self.rest = &self.rest[skipped..];
    }
}

/// How words become base symbols.
struct Spelling<'a, S> {
    tokens: &'a Tokens,
    bytes: [S; 256],
    /// For characters outside the alphabet: U+FFFD where it has that, else END.
    unknown: S,
    marker: Option<S>,
}

impl<'a, S: Symbol> Spelling<'a, S> {
    fn new(tokens: &'a Tokens, end_of_word: Option<&[u8]>) -> Self {
        let unknown = tokens.id("\u{fffd}".as_bytes()).map_or(S::END, S::of);
        let mut bytes = [unknown; 256];
        for (byte, symbol) in (0u8..=255).zip(&mut bytes) {
            if let Some(id) = tokens.id(&[byte]) {
                *symbol = S::of(id);
            }
        }
        Self {
            tokens,
            bytes,
            unknown,
            marker: end_of_word.and_then(|marker| tokens.id(marker)).map(S::of),
        }
    }

    fn length(&self, word: &[u8]) -> usize {
        let mut length = usize::from(self.marker.is_some());
        if self.tokens.by_bytes() {
            return length + word.len();
        }
        let mut at = 0;
        while at < word.len() {
            at += char_at(word, at).0;
            length += 1;
        }
        length
    }

    /// Writes a word from `*to` on, and moves it.
    fn write(&self, word: &[u8], symbols: &mut [S], to: &mut usize) {
        let mut put = |symbol| {
            symbols[*to] = symbol;
            *to += 1;
        };
        let mut at = 0;
        while at < word.len() {
            if self.tokens.by_bytes() || word[at] < 128 {
                put(self.bytes[usize::from(word[at])]);
                at += 1;
            } else {
                let (length, character) = char_at(word, at);
                let id = character.and_then(|_| self.tokens.id(&word[at..at + length]));
                put(id.map_or(self.unknown, S::of));
                at += length;
            }
        }
        if let Some(marker) = self.marker {
            put(marker);
        }
    }
}

fn too_large() -> Error {
    Error::Invalid(
        "the distinct words hold more than 2^32 symbols; use a pattern, or fewer texts".into(),
    )
}
