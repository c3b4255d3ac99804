//! Merging that keeps where each token's bytes end, and leaves merges out at random where asked to.

use super::encoder::Encoder;
use super::{Bpe, NONE};
use crate::chance::Random;
use crate::error::Result;
use crate::normalize::Span;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// BPE-dropout (Provilkov et al. 2020): at each step each merge is left out with this probability.
#[derive(Debug)]
pub struct Dropout {
    /// The probability.
    pub rate: f64,
    /// Where chance comes from.
    pub random: Random,
}

impl Encoder<'_> {
    /// Appends a text's ids and the bytes of each.
    pub fn traced(
        &mut self,
        text: &[u8],
        ids: &mut Vec<u32>,
        spans: &mut Vec<Span>,
        mut dropout: Option<&mut Dropout>,
    ) -> Result<()> {
        let bpe = self.bpe();
        if let (Some(lengths), None) = (bpe.merges.lengths(), &dropout) {
            // Where symbols are bytes.
            if bpe.symbols.are_plain_bytes() && !bpe.splitter.leaves_gaps() {
                let from = ids.len();
                self.encode(text, ids)?;
                let mut end = 0;
                spans.extend(ids[from..].iter().map(|&id| {
                    let start = end;
                    end += lengths.get(id as usize).copied().unwrap_or(0);
                    (start, end)
                }));
                return Ok(());
            }
        }
        bpe.splitter.each(text, |start, end| {
            bpe.traced_word(&text[start..end], start, ids, spans, dropout.as_deref_mut());
        })
    }
}

impl Bpe {
    fn traced_word(
        &self,
        word: &[u8],
        start: usize,
        ids: &mut Vec<u32>,
        spans: &mut Vec<Span>,
        dropout: Option<&mut Dropout>,
    ) {
        if let (true, None, Some(id)) = (self.whole_first, &dropout, self.vocab.id(word)) {
            ids.push(id);
            return spans.push((start, start + word.len()));
        }
        let mut symbols = Vec::with_capacity(word.len());
        let mut places = Vec::with_capacity(word.len());
        self.symbols.each(word, |id, from, to| {
            symbols.push(id);
            places.push((start + from, start + to));
        });
        self.merge_traced(&mut symbols, &mut places, dropout);
        for (id, place) in symbols.into_iter().zip(places) {
            if id != NONE {
                ids.push(id);
                spans.push(place);
            }
        }
    }

    /// A heap of (rank, place) over a linked list; a symbol that was merged away becomes `NONE`.
    fn merge_traced(
        &self,
        symbols: &mut [u32],
        places: &mut [Span],
        mut dropout: Option<&mut Dropout>,
    ) {
        let count = symbols.len();
        let mut next: Vec<usize> = (1..=count).collect();
        let mut previous: Vec<usize> = (0..count).map(|place| place.wrapping_sub(1)).collect();
        let rank = |symbols: &[u32], left: usize, right: usize| {
            let rank = self.merges.rank(symbols[left], symbols[right]);
            (rank != NONE).then_some(rank)
        };
        let mut heap: BinaryHeap<Reverse<(u32, usize)>> = (1..count)
            .filter_map(|right| Some(Reverse((rank(symbols, right - 1, right)?, right - 1))))
            .collect();
        let mut left_out = Vec::new();
        while let Some(Reverse((lowest, place))) = heap.pop() {
            let right = next[place];
            // Out of date where the symbol has gone or its pair has another rank by now.
            if symbols[place] == NONE
                || right == count
                || rank(symbols, place, right) != Some(lowest)
            {
                continue;
            }
            if let Some(Dropout { rate, random }) = dropout.as_deref_mut() {
                if random.draw() < *rate {
                    left_out.push(Reverse((lowest, place)));
                    continue;
                }
            }
            symbols[place] = self.merges.id(lowest);
            symbols[right] = NONE;
            places[place].1 = places[right].1;
            let after = next[right];
            next[place] = after;
            if after < count {
                previous[after] = place;
                heap.extend(rank(symbols, place, after).map(|rank| Reverse((rank, place))));
            }
            let before = previous[place];
            if before < count {
                heap.extend(rank(symbols, before, place).map(|rank| Reverse((rank, before))));
            }
            // At the next step they have another chance.
            heap.extend(left_out.drain(..));
        }
    }
}
