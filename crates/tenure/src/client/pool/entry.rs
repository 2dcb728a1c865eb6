//! What the pool knows of one origin.

use std::collections::VecDeque;
use std::time::Instant;

use super::{Keep, Ticket, Wish};

#[derive(Debug, Default)]
pub(crate) struct Entry {
    /// Connections: idle, in use, and being made.
    pub(super) open: usize,
    /// Those being made.
    pub(super) connecting: usize,
    /// Slots of the idle ones, the freshest last.
    pub(super) idle: Vec<u32>,
    /// Requests in the order of coming.
    pub(super) waiting: VecDeque<Waiter>,
    /// When one of them last got its turn.
    pub(super) turned: Option<Instant>,
    /// Under this ticket it waits for the whole pool to have room.
    pub(super) starved: Option<Ticket>,
}

#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) ticket: Ticket,
    pub(super) wish: Wish,
}

impl Entry {
    /// Connections: idle, in use, and being made.
    pub(crate) const fn open(&self) -> usize {
        self.open
    }

    /// Those being made.
    pub(crate) const fn connecting(&self) -> usize {
        self.connecting
    }

    /// Requests that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// More requests wait than connections are being made.
    pub(super) fn wants_more(&self) -> bool {
        self.waiting.len() > self.connecting
    }

    pub(super) fn is_unused(&self) -> bool {
        self.open == 0 && self.waiting.is_empty()
    }

    /// The first request whose wish a freed connection meets, and its place in the queue.
    pub(super) fn first_for(&self, keep: &Keep, now: Instant) -> Option<(usize, Ticket)> {
        if self.waiting.is_empty() {
            return None;
        }
        let at = self.waiting.iter().position(|waiter| keep.suits(waiter.wish, now))?;
        Some((at, self.waiting[at].ticket))
    }

    /// The same, and its turn has come.
    pub(super) fn next_for(&mut self, keep: &Keep, now: Instant) -> Option<Ticket> {
        let (at, ticket) = self.first_for(keep, now)?;
        self.waiting.remove(at);
        self.turned = Some(now);
        Some(ticket)
    }
}
