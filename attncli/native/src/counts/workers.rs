//! Threads that count while the caller reads on.

use super::counter::Counter;
use crate::error::{Error, Result};
use crate::split::Splitter;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// A thread's stack.
const STACK: usize = 2 << 20;

/// A text that several threads may read parts of.
pub type Text = Arc<dyn AsRef<[u8]> + Send + Sync>;
type Job = (Text, Range<usize>);

/// Each has a counter of its own: no locks but the queue's.
#[derive(Debug)]
pub struct Workers {
    queue: SyncSender<Job>,
    memory: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Result<Counter>>>,
}

impl Workers {
    /// Starts the threads, or as many as the machine gives; none at all is an error. No more texts wait than there
    /// are threads.
    pub fn start(splitter: &Splitter, threads: usize) -> Result<Self> {
        let (queue, jobs) = mpsc::sync_channel(threads);
        let jobs = Arc::new(Mutex::new(jobs));
        let memory = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..threads)
            .map_while(|_| {
                let (splitter, jobs) = (splitter.clone(), Arc::clone(&jobs));
                let memory = Arc::clone(&memory);
                let count = move || work(&splitter, &jobs, &memory);
                std::thread::Builder::new().spawn(count).ok()
            })
            .collect();
        if threads.is_empty() {
            return Err(Error::Memory(STACK));
        }
        Ok(Self {
            queue,
            memory,
            threads,
        })
    }

    /// Bytes that the words take, those of texts under way guessed at.
    pub fn memory(&self) -> usize {
        self.memory.load(Ordering::Relaxed)
    }

    /// Hands over a part of a text; waits while all are busy. False where no thread is left: `join` tells why.
    pub fn send(&self, text: Text, part: Range<usize>) -> bool {
        self.memory.fetch_add(guess(&part), Ordering::Relaxed);
        self.queue.send((text, part)).is_ok()
    }

    /// Waits for all, and gives what they have counted.
    pub fn join(self) -> Result<Vec<Counter>> {
        drop(self.queue);
        let mut counters = Vec::with_capacity(self.threads.len());
        for thread in self.threads {
            let counted = thread
                .join()
                .unwrap_or_else(|_| Err(Error::Invalid("a counting thread failed".into())));
            counters.push(counted?);
        }
        Ok(counters)
    }
}

fn work(splitter: &Splitter, jobs: &Mutex<Receiver<Job>>, memory: &AtomicUsize) -> Result<Counter> {
    let mut counter = Counter::new();
    let mut taken = 0;
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((text, part)) = job else {
            return Ok(counter);
        };
        let guessed = guess(&part);
        counter.count(splitter, &(*text).as_ref()[part])?;
        memory.fetch_add(counter.memory() - taken, Ordering::Relaxed); // it only grows
        memory.fetch_sub(guessed, Ordering::Relaxed);
        taken = counter.memory();
    }
}

/// What the words of a text may come to take: four times its bytes where nearly all are new and of usual length.
fn guess(part: &Range<usize>) -> usize {
    part.len() * 4
}
