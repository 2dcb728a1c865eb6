//! Where idle connections stand, in the lot and in the client's pool: a slab, and through it a list in the order in which they came.
//!
//! A slab of pages, not one that doubles: what is allocated is what is needed, up to one page.

/// Slots a page.
const PAGE: usize = 64;
/// No slot.
const NONE: u32 = u32::MAX;

/// Values under small numbers, and the oldest of them at hand. All steps are O(1).
#[derive(Debug)]
pub(crate) struct Slots<T> {
    pages: Vec<Box<[Slot<T>]>>,
    /// The first of the free slots, which are linked by `newer`.
    free: u32,
    oldest: u32,
    newest: u32,
    len: usize,
}

#[derive(Debug)]
struct Slot<T> {
    older: u32,
    newer: u32,
    value: Option<T>,
}

impl<T> Slots<T> {
    pub(crate) const fn new() -> Self {
        Self { pages: Vec::new(), free: NONE, oldest: NONE, newest: NONE, len: 0 }
    }

    /// Puts a value in as the newest.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        if self.free == NONE {
            self.grow();
        }
        let at = self.free;
        let older = self.newest;
        let slot = self.slot(at);
        let next_free = slot.newer;
        *slot = Slot { older, newer: NONE, value: Some(value) };
        self.free = next_free;
        self.newest = at;
        if older == NONE {
            self.oldest = at;
        } else {
            self.slot(older).newer = at;
        }
        self.len += 1;
        at
    }

    /// Takes a value out, if the slot holds one.
    pub(crate) fn remove(&mut self, at: u32) -> Option<T> {
        let free = self.free;
        let slot = self.pages.get_mut(at as usize / PAGE)?.get_mut(at as usize % PAGE)?;
        let value = slot.value.take()?;
        let (older, newer) = (slot.older, slot.newer);
        slot.newer = free;
        self.free = at;
        if older == NONE {
            self.oldest = newer;
        } else {
            self.slot(older).newer = newer;
        }
        if newer == NONE {
            self.newest = older;
        } else {
            self.slot(newer).older = older;
        }
        self.len -= 1;
        Some(value)
    }

    /// The value in a slot, if it holds one.
    pub(crate) fn get(&self, at: u32) -> Option<&T> {
        self.pages.get(at as usize / PAGE)?.get(at as usize % PAGE)?.value.as_ref()
    }

    /// The number and value of the oldest.
    pub(crate) fn oldest(&self) -> Option<(u32, &T)> {
        Some((self.oldest, self.get(self.oldest)?))
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// `at` is a slot of ours: numbers come from `grow`, and slots are never given back.
    fn slot(&mut self, at: u32) -> &mut Slot<T> {
        &mut self.pages[at as usize / PAGE][at as usize % PAGE]
    }

    fn grow(&mut self) {
        let first = self.pages.len() * PAGE;
        let page = (first + 1..=first + PAGE).map(|next| {
            // The last of the page ends the list of free slots.
            let newer = if next == first + PAGE { NONE } else { next as u32 };
            Slot { older: NONE, newer, value: None }
        });
        self.pages.push(page.collect());
        self.free = first as u32;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    fn drain(slots: &mut Slots<u32>) -> Vec<u32> {
        std::iter::from_fn(|| {
            let (at, _) = slots.oldest()?;
            slots.remove(at)
        })
        .collect()
    }

    #[test]
    fn the_oldest_comes_first_whatever_was_taken_between() {
        let mut slots = Slots::new();
        let at: Vec<u32> = (0..200).map(|n| slots.insert(n)).collect();
        for n in [0, 63, 64, 100, 199] {
            assert_eq!(slots.remove(at[n]), Some(n as u32));
            assert_eq!(slots.remove(at[n]), None, "it is gone");
        }
        slots.insert(1000);
        assert_eq!(slots.len(), 196);
        let expected = (1..199).filter(|n| ![63, 64, 100].contains(n)).chain([1000]);
        assert_eq!(drain(&mut slots), expected.collect::<Vec<_>>());
        assert_eq!((slots.len(), slots.oldest()), (0, None));
        assert_eq!(slots.remove(5000), None, "no such slot");
    }

    /// Against a plain queue, by a fixed sequence of pseudo-random steps.
    #[test]
    fn agrees_with_a_queue() {
        let mut slots = Slots::new();
        let mut model: VecDeque<(u32, u32)> = VecDeque::new();
        let mut random = 12_345_u32;
        for step in 0..20_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if random >> 30 != 0 || model.is_empty() {
                model.push_back((slots.insert(step), step));
            } else {
                let pick = (random >> 8) as usize % model.len();
                let (at, value) = model.remove(pick).unwrap();
                assert_eq!(slots.remove(at), Some(value));
            }
            if random >> 24 == 7 {
                model.drain(..).for_each(|(at, value)| assert_eq!(slots.remove(at), Some(value)));
            }
            assert_eq!(slots.oldest().map(|(at, value)| (at, *value)), model.front().copied());
            assert_eq!(slots.len(), model.len());
        }
    }

    #[test]
    fn memory_follows_the_number_of_values_not_its_next_power_of_two() {
        let mut slots = Slots::new();
        for n in 0..PAGE * 17 {
            slots.insert(n);
        }
        assert_eq!(slots.pages.len(), 17);
    }
}
