//! Requests that wait their turn in the pool, and what they get.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::lease::Lease;
use super::origin::Origin;
use super::pool::Ticket;
use super::shared::Shared;

/// What a waiting request gets. Dropping it passes it on.
pub(super) enum Turn {
    Connection(Box<Lease>),
    Place(Place),
}

/// The right to have one more connection open. Dropped: the next waiting request gets it.
pub(super) struct Place {
    pub(super) shared: Arc<Shared>,
    pub(super) origin: Origin,
    pub(super) taken: bool,
}

pub(super) enum Decision {
    Turn(Turn),
    Wait(Waiting),
}

/// A request in the queue. Dropped: it leaves the queue.
pub(super) struct Waiting {
    pub(super) shared: Arc<Shared>,
    pub(super) origin: Origin,
    pub(super) ticket: Ticket,
    pub(super) receiver: oneshot::Receiver<Turn>,
}

impl Waiting {
    pub(super) async fn turn(mut self) -> Turn {
        match (&mut self.receiver).await {
            Ok(turn) => turn,
            // Not reached while the pool lives, and the pool lives as long as this.
            Err(_) => Turn::Place(self.shared.place(&self.origin)),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if state.pool.cancel(&self.origin, self.ticket) {
            state.waiting.remove(&self.ticket);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.taken {
            self.shared.release(&self.origin);
        }
    }
}
