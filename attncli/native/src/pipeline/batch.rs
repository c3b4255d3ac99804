//! Many texts at once, over threads.

use super::{Encoder, Model, Options, Tokenizer};
use crate::bpe::batch::share;
use crate::bpe::{Bpe, Encoded};
use crate::chance::Random;
use crate::error::Result;
use crate::normalize::Span;
use crate::workers::in_order;
use std::sync::atomic::AtomicBool;

/// Bytes of text for which another thread pays.
const WORTH_A_THREAD: usize = 1 << 16;
/// Bytes of a job.
const JOB: usize = 1 << 18;

/// A text's ids, and for each the bytes of the text that it stands for.
pub type Traced = (Vec<u32>, Vec<Span>);

impl Tokenizer {
    /// The model that takes texts as they are: where nothing is to be done before it, and nothing asked for beside.
    fn straight(&self, options: &Options) -> Option<&Bpe> {
        let asked = !options.allow.is_empty()
            || !options.before.is_empty()
            || !options.after.is_empty()
            || options.dropout.unwrap_or(self.dropout) > 0.0;
        match &self.model {
            Model::Bpe(bpe) if !asked && self.plain.are_none() && self.takes_any_text() => {
                Some(bpe)
            }
            _ => None,
        }
    }

    /// Encodes one text.
    pub fn encode(&self, text: &[u8], options: &Options) -> Result<Vec<u32>> {
        let mut ids = options.before.clone();
        self.encoder(options)?.encode(text, &mut ids, None)?;
        ids.extend_from_slice(&options.after);
        Ok(ids)
    }

    /// Encodes texts and tells where each id comes from; what is put before and behind a text has empty spans.
    pub fn encode_traced<T: AsRef<[u8]>>(
        &self,
        texts: &[T],
        options: &Options,
    ) -> Result<Vec<Traced>> {
        let mut encoder = self.encoder(options)?;
        let mut traced = Vec::with_capacity(texts.len());
        for (number, text) in (0u64..).zip(texts) {
            encoder.begin(options.seed.wrapping_add(number));
            let text = text.as_ref();
            let mut ids = options.before.clone();
            let mut spans = vec![(0, 0); ids.len()];
            encoder.encode(text, &mut ids, Some(&mut spans))?;
            ids.extend_from_slice(&options.after);
            spans.resize(ids.len(), (text.len(), text.len()));
            traced.push((ids, spans));
        }
        Ok(traced)
    }

    /// Encodes many texts on up to `threads` threads: their ids in order, in one part or several. `cancel` stops.
    pub fn encode_batch<T: AsRef<[u8]> + Sync>(
        &self,
        texts: &[T],
        threads: usize,
        options: &Options,
        cancel: &AtomicBool,
    ) -> Result<Vec<Encoded>> {
        if let Some(bpe) = self.straight(options) {
            return bpe.encode_batch(texts, threads, cancel);
        }
        let total: usize = texts.iter().map(|text| text.as_ref().len()).sum();
        let workers = threads.clamp(1, total / WORTH_A_THREAD + 1);
        let least = JOB.min(total / workers / 4).max(1);
        let jobs = share(texts, |text| text.as_ref().len(), least);
        in_order(
            &jobs,
            workers,
            cancel,
            || self.encoder(options),
            |encoder, &(first, job)| encoder.job(job, first as u64, options),
        )
    }

    /// Encodes the lines of a text, each without its `\n` and, where wanted, with an id after it.
    pub fn encode_lines(
        &self,
        text: &[u8],
        threads: usize,
        end_of_text: Option<u32>,
        cancel: &AtomicBool,
    ) -> Result<Vec<Encoded>> {
        let plain = Options::default();
        if let Some(bpe) = self.straight(&plain) {
            return bpe.encode_lines(text, threads, end_of_text, cancel);
        }
        let mut lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
        lines.pop_if(|last| last.is_empty());
        let options = Options {
            after: end_of_text.into_iter().collect(),
            ..plain
        };
        self.encode_batch(&lines, threads, &options, cancel)
    }
}

impl Encoder<'_> {
    /// Another text, with chance of its own.
    fn begin(&mut self, seed: u64) {
        if let Some(dropout) = &mut self.dropout {
            dropout.random = Random::new(seed);
        }
    }

    /// Consecutive texts, of which the first is number `first` of the call.
    fn job<T: AsRef<[u8]>>(
        &mut self,
        texts: &[T],
        first: u64,
        options: &Options,
    ) -> Result<Encoded> {
        let mut encoded = Encoded::default();
        for (number, text) in (first..).zip(texts) {
            self.begin(options.seed.wrapping_add(number));
            encoded.ids.extend_from_slice(&options.before);
            self.encode(text.as_ref(), &mut encoded.ids, None)?;
            encoded.ids.extend_from_slice(&options.after);
            encoded.ends.push(encoded.ids.len());
        }
        Ok(encoded)
    }
}
