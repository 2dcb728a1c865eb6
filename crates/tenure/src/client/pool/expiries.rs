//! When idle connections expire. Most are taken out and put back long before, so what is noted of a
//! slot stays when its connection leaves, and is compared with what stands there when its time comes.

use std::collections::BTreeSet;
use std::time::Instant;

/// Of each slot at most one time, never later than its connection expires.
#[derive(Default, Debug)]
pub(super) struct Expiries {
    order: BTreeSet<(Instant, u32)>,
    /// By slot, what is in `order`.
    noted: Vec<Option<Instant>>,
}

impl Expiries {
    /// The connection in a slot expires then, if it does.
    pub(super) fn expect(&mut self, slot: u32, until: Option<Instant>) {
        let Some(until) = until else { return };
        if self.noted(slot).is_none_or(|at| until < at) {
            self.set(slot, Some(until));
        }
    }

    /// Exactly this is true of a slot.
    pub(super) fn set(&mut self, slot: u32, until: Option<Instant>) {
        let at = slot as usize;
        if self.noted.len() <= at {
            self.noted.resize(at + 1, None);
        }
        if let Some(before) = std::mem::replace(&mut self.noted[at], until) {
            self.order.remove(&(before, slot));
        }
        self.order.extend(until.map(|until| (until, slot)));
    }

    /// The slot to be looked at first, and when.
    pub(super) fn first(&self) -> Option<(Instant, u32)> {
        self.order.first().copied()
    }

    /// When a slot is to be looked at.
    pub(super) fn noted(&self, slot: u32) -> Option<Instant> {
        self.noted.get(slot as usize).copied().flatten()
    }
}
