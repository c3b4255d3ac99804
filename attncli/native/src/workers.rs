//! Work spread over threads.

use crate::error::{Error, Result};
use crate::number::count;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{available_parallelism, scope, Builder};

/// What each of up to `count` threads makes of the work. They share what is to be done, so that fewer do it all where
/// the system has no more threads.
pub fn together<T: Send>(count: usize, work: impl Fn() -> Result<T> + Sync) -> Result<Vec<T>> {
    scope(|scope| {
        // This one only waits: beside a thread that has just begun and works on, Linux puts the next on the same core,
        // and takes 1 to 5 ms to move it. (Two threads took 36 ms for 31 MB of source code in place of 28.)
        let wanted = if count > 1 { count } else { 0 };
        let threads: Vec<_> = (0..wanted)
            .map_while(|_| Builder::new().spawn_scoped(scope, &work).ok())
            .collect();
        let mut made = Vec::with_capacity(count);
        if threads.len() < count {
            made.push(work());
        }
        for thread in threads {
            let failed = |_| {
                Err(Error::Invalid(
                    "internal error on a thread of the native engine".into(),
                ))
            };
            made.push(thread.join().unwrap_or_else(failed));
        }
        made.into_iter().collect()
    })
}

/// Runs `work` on each item, the last one first, on up to `threads` threads, each with a state of its own. Stops early
/// once `cancel` is set.
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
    together(threads, || {
        let mut state = S::default();
        while let Some(item) = next() {
            check(cancel)?;
            work(&mut state, item)?;
        }
        Ok(())
    })?;
    Ok(())
}

/// What `work` makes of each job, in their order, on up to `threads` threads, each with a state of its own. Stops early
/// once `cancel` is set.
pub fn in_order<J: Sync, S, R: Send>(
    jobs: &[J],
    threads: usize,
    cancel: &AtomicBool,
    state: impl Fn() -> Result<S> + Sync,
    work: impl Fn(&mut S, &J) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let done = together(threads, || {
        let mut state = state()?;
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(index) else {
                return Ok(done);
            };
            check(cancel)?;
            done.push((index, work(&mut state, job)?));
        }
    })?;
    let mut done: Vec<_> = done.into_iter().flatten().collect();
    done.sort_unstable_by_key(|&(index, _)| index);
    Ok(done.into_iter().map(|(_, made)| made).collect())
}

/// An error once `cancel` is set.
pub fn check(cancel: &AtomicBool) -> Result<()> {
    if cancel.load(Ordering::Relaxed) {
        return Err(Error::Interrupted);
    }
    Ok(())
}

/// Multiplications and additions below which starting a thread costs more than it saves.
const WORK_A_THREAD: f64 = 2e6;

/// The number of threads meant, as far as there is work for them.
pub fn useful(asked: usize, work: f64) -> usize {
    let mut threads = meant(asked);
    while threads > 1 && count(threads) * WORK_A_THREAD > work {
        threads /= 2;
    }
    threads
}

/// The number of threads meant: 0 is one a core.
pub fn meant(threads: usize) -> usize {
    match threads {
        0 => *CORES.get_or_init(|| available_parallelism().map_or(1, usize::from)),
        asked => asked,
    }
}

/// Asked for once, what the process may run on later aside: the answer is read from files (of control groups), which
/// takes 20 µs, and a call of attention asks four times. (Over eight vectors it took twice as long.)
static CORES: OnceLock<usize> = OnceLock::new();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_done_once_and_the_first_fault_is_told() {
        let jobs: Vec<usize> = (0..1000).collect();
        let go_on = AtomicBool::new(false);
        let made = in_order(&jobs, 3, &go_on, || Ok(()), |(), &job| Ok(job)).unwrap();
        assert_eq!(made, jobs);
        let fails = |(): &mut (), _: &usize| Err::<(), _>(Error::Invalid("no".into()));
        assert!(in_order(&jobs, 2, &go_on, || Ok(()), fails).is_err());
        let stop = AtomicBool::new(true);
        let stopped = in_order(&jobs, 2, &stop, || Ok(()), |(), _| Ok(()));
        assert!(matches!(stopped, Err(Error::Interrupted)));
    }
}
