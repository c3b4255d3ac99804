//! Threads that count while the caller reads on.

use super::counter::Counter;
use crate::error::{Error, Result};
use crate::split::Splitter;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

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
    /// Starts the threads. No more texts wait than there are threads.
    pub fn start(splitter: &Splitter, threads: usize) -> Self {
        let (queue, jobs) = mpsc::sync_channel(threads);
        let jobs = Arc::new(Mutex::new(jobs));
        let memory = Arc::new(AtomicUsize::new(0));
        let threads = (0..threads)
            .map(|_| {
                let (splitter, jobs) = (splitter.clone(), Arc::clone(&jobs));
                let memory = Arc::clone(&memory);
                std::thread::spawn(move || work(&splitter, &jobs, &memory))
            })
            .collect();
        Self {
            queue,
            memory,
            threads,
        }
    }

    /// Bytes that the counted words take by now.
    pub fn memory(&self) -> usize {
        self.memory.load(Ordering::Relaxed)
    }

    /// Hands over a part of a text; waits while all are busy. False where no thread is left: `join` tells why.
    pub fn send(&self, text: Text, part: Range<usize>) -> bool {
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
        counter.count(splitter, &(*text).as_ref()[part])?;
        // It only grows.
        memory.fetch_add(counter.memory() - taken, Ordering::Relaxed);
        taken = counter.memory();
    }
}
