//! Work in order, dealt to workers so that each knows which of its requests is the last on its
//! connection: the one that says `Connection: close` (RFC 9112 section 9.6).

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// Items with the origin each goes to, for a fixed number of workers.
///
/// A worker that takes an item has the next one set aside for it. So "nothing follows on this
/// connection" is known when a request is made, and not found out after it.
pub(crate) struct Queue<K, T>(Mutex<Dealt<K, T>>);

struct Dealt<K, T> {
    waiting: VecDeque<(K, T)>,
    /// How many of those waiting go to each origin.
    count: HashMap<K, usize>,
    /// What each worker does next.
    aside: Vec<Option<(K, T)>>,
}

/// One piece of work.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Taken<T> {
    pub(crate) item: T,
    /// No further request will go over the connection that this one uses.
    pub(crate) last: bool,
}

impl<K: Eq + Hash + Clone, T> Queue<K, T> {
    /// For workers numbered from 0. The first items go to one worker each.
    pub(crate) fn new(items: impl IntoIterator<Item = (K, T)>, workers: usize) -> Self {
        let waiting: VecDeque<(K, T)> = items.into_iter().collect();
        let mut count = HashMap::new();
        for (key, _) in &waiting {
            *count.entry(key.clone()).or_default() += 1;
        }
        let mut dealt = Dealt { waiting, count, aside: Vec::new() };
        for _ in 0..workers {
            let first = dealt.pop();
            dealt.aside.push(first);
        }
        Self(Mutex::new(dealt))
    }

    /// The next item for this worker. `None`: the worker is done.
    pub(crate) fn take(&self, worker: usize) -> Option<Taken<T>> {
        let mut dealt = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, item) = dealt.aside.get_mut(worker)?.take()?;
        let next = dealt.pop();
        let follows =
            next.as_ref().is_some_and(|(next, _)| *next == key) || dealt.count.get(&key).is_some_and(|&n| n > 0);
        dealt.aside[worker] = next;
        Some(Taken { item, last: !follows })
    }

    /// Takes everything that nobody has begun.
    pub(crate) fn drain(&self) -> Vec<T> {
        let mut dealt = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        dealt.count.clear();
        let aside: Vec<(K, T)> = dealt.aside.iter_mut().filter_map(Option::take).collect();
        aside.into_iter().chain(dealt.waiting.drain(..)).map(|(_, item)| item).collect()
    }
}

impl<K: Eq + Hash, T> Dealt<K, T> {
    fn pop(&mut self) -> Option<(K, T)> {
        let (key, item) = self.waiting.pop_front()?;
        if let Some(n) = self.count.get_mut(&key) {
            *n -= 1;
        }
        Some((key, item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(items: &[(&'static str, u32)], workers: usize) -> Queue<&'static str, u32> {
        Queue::new(items.iter().copied(), workers)
    }

    #[test]
    fn one_worker_takes_all_in_order_and_knows_the_last() {
        let queue = queue(&[("a", 1), ("a", 2), ("a", 3)], 1);
        let taken: Vec<(u32, bool)> = std::iter::from_fn(|| queue.take(0)).map(|t| (t.item, t.last)).collect();
        assert_eq!(taken, [(1, false), (2, false), (3, true)]);
    }

    #[test]
    fn each_worker_has_exactly_one_last_request() {
        for (items, workers) in [(1, 1), (2, 2), (3, 2), (10, 8), (16, 8), (5, 3), (100, 7)] {
            let all: Vec<(&str, u32)> = (0..items).map(|i| ("a", i)).collect();
            let queue = queue(&all, workers);
            let mut lasts = vec![0; workers];
            let mut seen = 0;
            // Worker 0 is the quickest.
            for worker in (0..workers).chain(std::iter::repeat_n(0, 200)).chain(0..workers).chain(0..workers) {
                if let Some(taken) = queue.take(worker) {
                    seen += 1;
                    assert_eq!(lasts[worker], 0, "nothing comes after a worker's last request");
                    lasts[worker] += u32::from(taken.last);
                }
            }
            assert_eq!(seen, items);
            assert_eq!(lasts.iter().sum::<u32>(), items.min(workers as u32), "{items} items, {workers} workers");
        }
    }

    #[test]
    fn the_last_is_known_for_each_origin() {
        let queue = queue(&[("a", 1), ("b", 2), ("a", 3), ("b", 4), ("c", 5)], 1);
        let lasts: Vec<bool> = std::iter::from_fn(|| queue.take(0)).map(|t| t.last).collect();
        assert_eq!(lasts, [false, false, true, true, true]);
    }

    #[test]
    fn what_was_not_begun_can_be_taken_back() {
        let queue = queue(&[("a", 1), ("a", 2), ("a", 3), ("a", 4)], 2);
        assert_eq!(queue.take(0), Some(Taken { item: 1, last: false }));
        assert_eq!(queue.drain(), [3, 2, 4]);
        assert_eq!(queue.take(0), None);
        assert_eq!(queue.take(1), None);
    }
}
