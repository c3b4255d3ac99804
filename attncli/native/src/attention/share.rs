//! Work spread over threads: each takes the next item as soon as it is free.

use crate::error::{Error, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Runs `work` on each item, the last one first, on up to `threads` threads (this one among them), each with
/// a state of its own. Stops early once `cancel` is set.
pub fn share<T: Send, S: Default>(
    items: Vec<T>,
    threads: usize,
    cancel: &AtomicBool,
    work: impl Fn(&mut S, T) -> Result<()> + Sync,
) -> Result<()> {
    let threads = threads.clamp(1, items.len().max(1));
    // Items hold the parts of the output that they write, so they are handed out, not counted.
    let items = Mutex::new(items);
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let run = || {
        let mut state = S::default();
        while let Some(item) = next() {
            check(cancel)?;
            work(&mut state, item)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads)
            // Where the system gives no more threads, those there are do the work.
            .map_while(|_| std::thread::Builder::new().spawn_scoped(scope, run).ok())
            .collect();
        let mine = run();
        others.into_iter().fold(mine, |result, other| {
            let other = other
                .join()
                .unwrap_or_else(|_| Err(Error::Invalid("internal error in a thread".into())));
            result.and(other)
        })
    })
}

/// An error once `cancel` is set.
pub fn check(cancel: &AtomicBool) -> Result<()> {
    if cancel.load(Ordering::Relaxed) {
        return Err(Error::Interrupted);
    }
    Ok(())
}

/// The number of threads meant: 0 is one a core.
pub fn threads(asked: usize) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        asked => asked,
    }
}
