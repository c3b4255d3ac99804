//! Many texts, or the lines of one, spread over threads: texts are cut into jobs of about the same size where a cut
//! changes nothing, and each thread takes the next one. No locks, and no ids are copied until all are there.

use super::encoder::{Encoded, Encoder, Pending};
use super::Bpe;
use crate::error::{Error, Result};
use crate::split::Splitter;
use memchr::{memchr, memchr_iter, memrchr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Bytes of a job: enough that to start one costs nothing, and small enough that threads end at the same time.
const JOB: usize = 1 << 20;
/// Bytes of text for which another thread pays.
const WORTH_A_THREAD: usize = 1 << 16;

/// Consecutive text for one thread.
#[derive(Debug, Clone, Copy)]
struct Stretch<'t> {
    text: &'t [u8],
    /// Whether each newline ends a text, of which it is no part.
    lines: bool,
    /// Whether a text ends at the end.
    ends: bool,
}

impl Bpe {
    /// Encodes many texts on up to `threads` threads: their ids in order, in one part or several. `cancel` stops.
    pub fn encode_batch<T: AsRef<[u8]> + Sync>(
        &self,
        texts: &[T],
        threads: usize,
        cancel: &AtomicBool,
    ) -> Result<Vec<Encoded>> {
        let stretches = texts.iter().flat_map(|text| {
            let mut parts = cut(text.as_ref(), false, &self.splitter);
            if parts.is_empty() {
                parts.push(text.as_ref());
            }
            let last = parts.len() - 1;
            let ends = move |index| index == last;
            parts
                .into_iter()
                .enumerate()
                .map(move |(index, text)| Stretch {
                    text,
                    lines: false,
                    ends: ends(index),
                })
        });
        self.run(&stretches.collect::<Vec<_>>(), threads, None, cancel)
    }

    /// Encodes the lines of a text, each without its `\n` and, where wanted, with an id after it.
    pub fn encode_lines(
        &self,
        text: &[u8],
        threads: usize,
        end_of_text: Option<u32>,
        cancel: &AtomicBool,
    ) -> Result<Vec<Encoded>> {
        let parts = cut(text, true, &self.splitter);
        let last = parts.len().saturating_sub(1);
        let stretches: Vec<_> = (0..)
            .zip(parts)
            .map(|(index, text)| Stretch {
                text,
                lines: true,
                ends: index == last,
            })
            .collect();
        self.run(&stretches, threads, end_of_text, cancel)
    }

    fn run(
        &self,
        stretches: &[Stretch<'_>],
        threads: usize,
        end_of_text: Option<u32>,
        cancel: &AtomicBool,
    ) -> Result<Vec<Encoded>> {
        let total: usize = stretches.iter().map(|stretch| stretch.text.len()).sum();
        let workers = threads.clamp(1, total / WORTH_A_THREAD + 1);
        let least = JOB.min(total / workers / 4).max(1);
        let jobs = share(stretches, |stretch| stretch.text.len(), least);
        let next = AtomicUsize::new(0);
        let work = |apart: bool| -> Result<Vec<(usize, Encoded)>> {
            let mut encoder = self.encoder();
            encoder.end_of_text = end_of_text;
            let mut done: Vec<(usize, Encoded)> = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(&(_, job)) = jobs.get(index) else {
                    return Ok(done);
                };
                if cancel.load(Ordering::Relaxed) {
                    return Err(Error::Interrupted);
                }
                if apart || done.is_empty() {
                    let size = if apart { size(job) } else { total };
                    done.push((index, room(size)));
                }
                if let Some((_, to)) = done.last_mut() {
                    encoder.job(job, to)?;
                }
            }
        };
        if workers == 1 {
            return Ok(work(false)?
                .into_iter()
                .map(|(_, encoded)| encoded)
                .collect());
        }
        let mut done = Vec::with_capacity(jobs.len());
        std::thread::scope(|scope| {
            let running: Vec<_> = (0..workers).map(|_| scope.spawn(|| work(true))).collect();
            for worker in running {
                let failed = |_| Err(Error::Invalid("an encoding thread failed".into()));
                done.extend(worker.join().unwrap_or_else(failed)?);
            }
            Ok(())
        })?;
        done.sort_unstable_by_key(|&(index, _)| index);
        Ok(done.into_iter().map(|(_, encoded)| encoded).collect())
    }
}

impl Encoder<'_> {
    fn job(&mut self, job: &[Stretch<'_>], to: &mut Encoded) -> Result<()> {
        let mut pending = Pending::default();
        for &Stretch { text, lines, ends } in job {
            let mut start = 0;
            if lines {
                for end in memchr_iter(b'\n', text) {
                    self.split(text, start, end, &mut pending, to)?;
                    self.end(&mut pending, to);
                    start = end + 1;
                }
            }
            self.split(text, start, text.len(), &mut pending, to)?;
            if ends && !(lines && start == text.len()) {
                self.end(&mut pending, to);
            }
        }
        self.look_up(&mut pending, to);
        Ok(())
    }
}

/// Room for the ids of this many bytes; memory that is not written to is not taken.
fn room(size: usize) -> Encoded {
    Encoded {
        ids: Vec::with_capacity(size / 3),
        ends: Vec::new(),
    }
}

fn size(job: &[Stretch<'_>]) -> usize {
    job.iter().map(|stretch| stretch.text.len()).sum()
}

/// Parts of at most `JOB` bytes where that can be, cut where it changes no piece: after a newline where these end
/// texts, else at a safe cut.
fn cut<'t>(mut text: &'t [u8], lines: bool, splitter: &Splitter) -> Vec<&'t [u8]> {
    let mut parts = Vec::with_capacity(text.len() / JOB + 1);
    while text.len() > JOB {
        let newline = lines.then(|| memrchr(b'\n', &text[..JOB])).flatten();
        let place = match newline {
            Some(newline) => newline + 1,
            None => match (splitter.safe_cut(&text[..JOB]), lines) {
                (0, true) => memchr(b'\n', text).map_or(text.len(), |newline| newline + 1),
                // Nothing is known of the pattern, or a run goes on: the next part may know more.
                (0, false) => text.len(),
                (safe, _) => safe,
            },
        };
        let (part, rest) = text.split_at(place);
        parts.push(part);
        text = rest;
    }
    if !text.is_empty() {
        parts.push(text);
    }
    parts
}

/// Consecutive items of at least this size together, and the number of the first of them.
pub fn share<T>(items: &[T], size: impl Fn(&T) -> usize, least: usize) -> Vec<(usize, &[T])> {
    let mut jobs = Vec::new();
    let (mut start, mut together) = (0, 0);
    for (index, item) in items.iter().enumerate() {
        together += size(item);
        if together >= least {
            jobs.push((start, &items[start..=index]));
            (start, together) = (index + 1, 0);
        }
    }
    if start < items.len() {
        jobs.push((start, &items[start..]));
    }
    jobs
}

/// All ids in one array, copied by as many threads as there are parts (up to `threads`).
pub fn join<I: Copy + Default + Send>(
    parts: &[Encoded],
    threads: usize,
    convert: impl Fn(u32) -> I + Sync,
) -> Vec<I> {
    let total: usize = parts.iter().map(|part| part.ids.len()).sum();
    let mut ids = vec![I::default(); total];
    let mut left = &mut ids[..];
    let mut work: Vec<Vec<(&mut [I], &[u32])>> = Vec::new();
    let each = total / threads.max(1) + 1;
    let mut size = each;
    for part in parts {
        let (place, rest) = left.split_at_mut(part.ids.len());
        left = rest;
        if size >= each {
            work.push(Vec::new());
            size = 0;
        }
        size += part.ids.len();
        if let Some(last) = work.last_mut() {
            last.push((place, &part.ids));
        }
    }
    let copy = |pieces: Vec<(&mut [I], &[u32])>| {
        for (place, ids) in pieces {
            for (to, &id) in place.iter_mut().zip(ids) {
                *to = convert(id);
            }
        }
    };
    std::thread::scope(|scope| {
        let copy = &copy;
        let last = work.pop();
        for pieces in work {
            scope.spawn(move || copy(pieces));
        }
        last.map(copy);
    });
    ids
}

/// Where each text starts in the joined ids, and the total at the end.
pub fn starts(parts: &[Encoded]) -> Vec<u64> {
    let texts: usize = parts.iter().map(|part| part.ends.len()).sum();
    let mut starts = Vec::with_capacity(texts + 1);
    starts.push(0);
    let mut before = 0;
    for part in parts {
        starts.extend(part.ends.iter().map(|&end| (before + end) as u64));
        before += part.ids.len();
    }
    starts
}
