//! Many texts, spread over threads: each takes the next few of about the same size together.

use super::SentencePiece;
use crate::bpe::Encoded;
use crate::error::{Error, Result};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Mutex;

/// Bytes of texts that one thread takes at a time.
const JOB: usize = 1 << 18;

impl SentencePiece {
    /// Encodes many texts on up to `threads` threads: their ids in order, in one part or several. `cancel` stops
    /// between texts.
    pub fn encode_batch<T: AsRef<[u8]> + Sync>(
        &self,
        texts: &[T],
        threads: usize,
        cancel: &AtomicBool,
    ) -> Result<Vec<Encoded>> {
        let jobs = jobs(texts);
        if threads.min(jobs.len()) < 2 {
            return Ok(vec![self.encode_part(texts, cancel)?]);
        }
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(jobs.len()));
        let work = || -> Result<()> {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(&job) = jobs.get(index) else {
                    return Ok(());
                };
                let encoded = self.encode_part(job, cancel)?;
                let mut done = done
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                done.push((index, encoded));
            }
        };
        std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads.min(jobs.len()))
                .map(|_| scope.spawn(work))
                .collect();
            let failed = |_| Err(Error::Invalid("an encoding thread failed".into()));
            running
                .into_iter()
                .try_for_each(|worker| worker.join().unwrap_or_else(failed))
        })?;
        let mut parts = done
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        parts.sort_unstable_by_key(|&(index, _)| index);
        Ok(parts.into_iter().map(|(_, part)| part).collect())
    }
}

/// Consecutive texts of about `JOB` bytes.
fn jobs<T: AsRef<[u8]>>(texts: &[T]) -> Vec<&[T]> {
    let mut found = Vec::new();
    let (mut start, mut size) = (0, 0);
    for (index, text) in texts.iter().enumerate() {
        size += text.as_ref().len();
        if size >= JOB {
            found.push(&texts[start..=index]);
            (start, size) = (index + 1, 0);
        }
    }
    if start < texts.len() {
        found.push(&texts[start..]);
    }
    found
}
