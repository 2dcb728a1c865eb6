//! Who waits, in two orders: who has been here longest, and whose time is over first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Slots;

/// What has an end.
pub(crate) trait Ends {
    /// A moment, however it is counted.
    type Moment: Ord + Copy;

    /// When its time is over. It does not change while it waits.
    fn until(&self) -> Self::Moment;
}

/// Values in the order in which they came. Mostly their times are over in the same order. Those
/// that end before somebody who came earlier are noted beside it, so that one with a long time
/// (it has asked for nothing yet) keeps nobody behind it beyond theirs.
pub(super) struct Queue<T: Ends> {
    slots: Slots<T>,
    /// The latest end of those who came since the queue was last empty.
    latest: Option<T::Moment>,
    /// Slots of those who end before it. A note whose slot holds no such end any more is void.
    early: BinaryHeap<Reverse<(T::Moment, u32)>>,
}

impl<T: Ends> Queue<T> {
    pub(super) const fn new() -> Self {
        Self { slots: Slots::new(), latest: None, early: BinaryHeap::new() }
    }

    /// Puts a value in as the newest.
    pub(super) fn insert(&mut self, value: T) -> u32 {
        if self.slots.len() == 0 {
            self.latest = None;
            self.early.clear();
        }
        let until = value.until();
        let at = self.slots.insert(value);
        if self.latest.is_some_and(|latest| until < latest) {
            self.early.push(Reverse((until, at)));
            self.clear_void();
        } else {
            self.latest = Some(until);
        }
        at
    }

    pub(super) fn remove(&mut self, at: u32) -> Option<T> {
        self.slots.remove(at)
    }

    pub(super) fn get(&self, at: u32) -> Option<&T> {
        self.slots.get(at)
    }

    /// The slot of the one that has been here longest.
    pub(super) fn oldest(&self) -> Option<u32> {
        self.slots.oldest().map(|(at, _)| at)
    }

    /// When to ask for [`due`](Self::due): not after the first end, perhaps before it.
    pub(super) fn next_end(&self) -> Option<T::Moment> {
        let oldest = self.slots.oldest()?.1.until();
        Some(self.early.peek().map_or(oldest, |Reverse((until, _))| oldest.min(*until)))
    }

    /// The slot of one whose time is over.
    pub(super) fn due(&mut self, now: T::Moment) -> Option<u32> {
        while let Some(&Reverse((until, at))) = self.early.peek().filter(|Reverse((until, _))| *until <= now) {
            self.early.pop();
            if ends(&self.slots, at, until) {
                return Some(at);
            }
        }
        self.slots.oldest().filter(|(_, oldest)| oldest.until() <= now).map(|(at, _)| at)
    }

    pub(super) const fn len(&self) -> usize {
        self.slots.len()
    }

    /// Void notes are at most twice as many as values, and a few: paid for by the notes.
    fn clear_void(&mut self) {
        if self.early.len() > 2 * self.slots.len() + 64 {
            let slots = &self.slots;
            self.early.retain(|&Reverse((until, at))| ends(slots, at, until));
        }
    }
}

fn ends<T: Ends>(slots: &Slots<T>, at: u32, until: T::Moment) -> bool {
    slots.get(at).is_some_and(|value| value.until() == until)
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Ends for u32 {
        type Moment = Self;

        fn until(&self) -> Self {
            *self
        }
    }

    fn due(queue: &mut Queue<u32>, now: u32) -> Vec<u32> {
        std::iter::from_fn(|| queue.due(now).and_then(|at| queue.remove(at))).collect()
    }

    #[test]
    fn nobody_waits_behind_one_with_a_longer_time() {
        let mut queue = Queue::new();
        for until in [300, 20, 400, 30, 350] {
            queue.insert(until);
        }
        assert_eq!(queue.next_end(), Some(20));
        assert_eq!(due(&mut queue, 19), []);
        assert_eq!(due(&mut queue, 30), [20, 30]);
        assert_eq!(queue.oldest().and_then(|at| queue.remove(at)), Some(300), "the longest here, whatever its end");
        assert_eq!(due(&mut queue, 399), [350]);
        assert_eq!((due(&mut queue, 400), queue.len(), queue.next_end()), (vec![400], 0, None));
    }

    /// Against a plain list, by a fixed sequence of pseudo-random steps.
    #[test]
    fn agrees_with_a_list() {
        let (mut queue, mut model, mut now, mut random) = (Queue::new(), Vec::<(u32, u32)>::new(), 0, 12_345_u32);
        for _ in 0..20_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let pick = (random >> 8) as usize;
            match random >> 29 {
                0..=3 => {
                    let until = now + [20, 300, 750, pick as u32 % 1000][pick % 4];
                    model.push((queue.insert(until), until));
                }
                4 | 5 if !model.is_empty() => {
                    let (at, until) = model.remove(pick % model.len());
                    assert_eq!(queue.remove(at), Some(until));
                }
                _ => {
                    now += pick as u32 % 40;
                    let mut over = due(&mut queue, now);
                    over.sort_unstable();
                    let mut expected: Vec<u32> = model.iter().map(|&(_, until)| until).filter(|&u| u <= now).collect();
                    expected.sort_unstable();
                    assert_eq!(over, expected);
                    model.retain(|&(_, until)| until > now);
                }
            }
            assert_eq!((queue.len(), queue.oldest()), (model.len(), model.first().map(|&(at, _)| at)));
            let first = model.iter().map(|&(_, until)| until).min();
            assert!(queue.next_end().is_none() == first.is_none() && queue.next_end() <= first);
            assert!(queue.early.len() <= 2 * queue.len() + 65, "void notes do not pile up");
        }
    }
}
