//! Many texts, or the lines of one, spread over threads: texts are cut into jobs of about the same size where a cut
//! changes nothing, and each thread takes the next one. A job's ids go to memory that its thread uses again and again,
//! and from there, still in the processor's cache, to their place behind those of the job before.

use super::encoder::{Encoded, Encoder, Pending};
use super::learned::Board;
use super::Bpe;
use crate::error::Result;
use crate::prefetch::with_large_pages;
use crate::split::Splitter;
use crate::workers::{check, together};
use memchr::{memchr, memchr_iter, memrchr};
use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes of a job: enough that to start one costs nothing, and so few that its ids stay in the second-level cache.
const JOB: usize = 1 << 18;
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

/// Ids in the order of their texts, whichever job ends first.
struct InOrder<'m> {
    /// The job whose ids come next.
    next: usize,
    waiting: BTreeMap<usize, Encoded>,
    /// Memory for other jobs.
    spare: Vec<Encoded>,
    /// Room for the ids that come next, behind so many.
    room: &'m mut [MaybeUninit<u32>],
    written: usize,
    ends: Vec<usize>,
    /// What had no room.
    beyond: Encoded,
}

impl<'m> InOrder<'m> {
    /// Takes a job's ids. Gives those whose place is known by now, which the thread then copies there itself: so
    /// no other waits, while that memory is touched for the first time.
    fn take(&mut self, index: usize, part: Encoded) -> Vec<(Encoded, &'m mut [MaybeUninit<u32>])> {
        self.waiting.insert(index, part);
        let mut ready = Vec::new();
        while let Some(mut part) = self.waiting.remove(&self.next) {
            self.next += 1;
            let count = part.ids.len();
            if count > self.room.len() || !self.beyond.is_empty() {
                self.beyond.append(&part);
                part.clear();
                self.spare.push(part);
                continue;
            }
            let (place, room) = std::mem::take(&mut self.room).split_at_mut(count);
            self.room = room;
            let before = self.written;
            self.ends.extend(part.ends.iter().map(|&end| before + end));
            self.written += count;
            ready.push((part, place));
        }
        ready
    }
}

impl Bpe {
    /// Encodes many texts on up to `threads` threads: their ids in order. `cancel` stops.
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
            parts
                .into_iter()
                .enumerate()
                .map(move |(index, text)| Stretch {
                    text,
                    lines: false,
                    ends: index == last,
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
        // An id for each byte, for memory that is not written to is not taken, and a larger vector would begin anew.
        if workers == 1 {
            let mut all = Encoded {
                ids: with_large_pages(total),
                ends: Vec::new(),
            };
            let mut encoder = self.encoder();
            encoder.end_of_text = end_of_text;
            for (_, job) in jobs {
                check(cancel)?;
                encoder.job(job, &mut all)?;
            }
            return Ok(vec![all]);
        }
        // (Where malloc gives used memory back, zeros would be written first, 24 MB for 6 MB of text: 8.9 ms of English in
        // place of 7.6.)
        let mut ids = with_large_pages(total);
        let in_order = Mutex::new(InOrder {
            next: 0,
            waiting: BTreeMap::new(),
            spare: Vec::new(),
            room: ids.spare_capacity_mut(),
            written: 0,
            ends: Vec::new(),
            beyond: Encoded::default(),
        });
        let next = AtomicUsize::new(0);
        let board = Board::new(workers);
        let waiting = Mutex::new(self.encoders(workers, total / workers));
        let work = || -> Result<Option<(Encoder<'_>, usize)>> {
            let mut encoders = lock(&waiting);
            let Some(mut encoder) = encoders.pop() else {
                return Ok(None);
            };
            let number = encoders.len();
            drop(encoders);
            encoder.end_of_text = end_of_text;
            encoder.cache().note_learned(true);
            let mut spare: Vec<Encoded> = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(&(_, job)) = jobs.get(index) else {
                    return Ok(Some((encoder, number)));
                };
                check(cancel)?;
                let mut part = spare.pop().unwrap_or_default();
                encoder.job(job, &mut part)?;
                let mut shared = lock(&in_order);
                let ready = shared.take(index, part);
                shared.spare.append(&mut spare);
                spare.extend(shared.spare.pop());
                drop(shared);
                for (mut part, place) in ready {
                    for (place, &id) in place.iter_mut().zip(&part.ids) {
                        place.write(id);
                    }
                    part.clear();
                    spare.push(part);
                }
                board.exchange(number, encoder.cache());
            }
        };
        for (mut encoder, number) in together(workers, work)?.into_iter().flatten() {
            // What others learned last.
            board.exchange(number, encoder.cache());
        }
        let InOrder {
            written,
            ends,
            beyond,
            ..
        } = in_order
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        // SAFETY: `take` gave away the first `written` places of the room, and no thread failed, so that each of them was
        // written to.
        unsafe { ids.set_len(written) };
        let mut parts = vec![Encoded { ids, ends }];
        if !beyond.is_empty() {
            parts.push(beyond);
        }
        Ok(parts)
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
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
                // Nothing is known of the pattern, or a run goes on: the rest is one part.
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

/// All ids in one array, copied by up to `threads` threads.
pub fn join<I: Copy + Default + Send>(
    parts: &[Encoded],
    threads: usize,
    convert: impl Fn(u32) -> I + Sync,
) -> Result<Vec<I>> {
    let total: usize = parts.iter().map(|part| part.ids.len()).sum();
    let mut ids = vec![I::default(); total];
    let mut left = &mut ids[..];
    let mut copies = Vec::new();
    for part in parts {
        let (place, rest) = left.split_at_mut(part.ids.len());
        left = rest;
        copies.extend(place.chunks_mut(JOB).zip(part.ids.chunks(JOB)));
    }
    let workers = threads.clamp(1, copies.len().max(1));
    let copies = Mutex::new(copies);
    together(workers, || {
        let next = || lock(&copies).pop();
        while let Some((place, ids)) = next() {
            for (to, &id) in place.iter_mut().zip(ids) {
                *to = convert(id);
            }
        }
        Ok(())
    })?;
    Ok(ids)
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
