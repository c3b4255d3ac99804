//! The same work on several threads.

use crate::error::{Error, Result};
use std::thread::{scope, Builder};

/// What each of up to `count` threads makes of the work, this one among them. They share what is to be done, so that
/// fewer do it all where the system has no more threads.
pub fn together<T: Send>(count: usize, work: impl Fn() -> Result<T> + Sync) -> Result<Vec<T>> {
    scope(|scope| {
        let others: Vec<_> = (1..count)
            .map_while(|_| Builder::new().spawn_scoped(scope, &work).ok())
            .collect();
        let mut made = vec![work()];
        for other in others {
            let failed = |_| {
                Err(Error::Invalid(
                    "internal error on a thread of the native engine".into(),
                ))
            };
            made.push(other.join().unwrap_or_else(failed));
        }
        made.into_iter().collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn all_is_done_once_and_the_first_fault_is_told() {
        let next = AtomicUsize::new(0);
        let take = || {
            let mut taken = Vec::new();
            loop {
                match next.fetch_add(1, Ordering::Relaxed) {
                    index if index < 1000 => taken.push(index),
                    _ => return Ok(taken),
                }
            }
        };
        let mut all = together(3, take).unwrap().concat();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..1000));
        let fails = || Err::<(), _>(Error::Invalid("no".into()));
        assert!(together(2, fails).is_err());
    }
}
