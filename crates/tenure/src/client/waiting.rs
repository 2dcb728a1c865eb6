//! Requests that wait their turn in the pool.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use super::lease::Lease;
use super::origin::Origin;
use super::pool::Ticket;
use super::shared::Shared;
use super::time::now;
use crate::Fate;
use crate::error::{Error, Kind};

/// What a waiting request gets. A lease that nobody takes goes to the next.
pub(super) type Turn = Result<Lease, Error>;

/// A request in the queue. Dropped: it leaves the queue.
pub(super) struct Waiting {
    pub(super) shared: Arc<Shared>,
    pub(super) origin: Origin,
    pub(super) ticket: Ticket,
    pub(super) turn: oneshot::Receiver<Turn>,
}

impl Waiting {
    /// A connection that was freed or made, whichever is first, as long as the request has time.
    pub(super) async fn turn_in_time(self, until: Option<Instant>) -> Turn {
        let Some(until) = until else { return self.turn().await };
        let late = |_| Err(Error::new(Kind::TimedOut("a connection"), Fate::NotSent));
        tokio::time::timeout_at(until.into(), self.turn()).await.unwrap_or_else(late)
    }

    /// The same, as long as its turn may take.
    async fn turn(mut self) -> Turn {
        let Some(limit) = self.shared.acquire_timeout else { return self.take().await };
        let mut since = now();
        loop {
            let left = (since + limit).saturating_duration_since(now());
            if let Ok(turn) = tokio::time::timeout(left, self.take()).await {
                return turn;
            }
            // While others get their turns this one comes nearer.
            match self.last_turn() {
                Some(moved) if moved > since => since = moved,
                _ => return self.turn.try_recv().unwrap_or_else(|_| Err(self.too_late(limit))),
            }
        }
    }

    async fn take(&mut self) -> Turn {
        match (&mut self.turn).await {
            Ok(turn) => turn,
            // Not reached while the pool lives, and the pool lives as long as this.
            Err(error) => Err(Error::new(Kind::Request(error.into()), Fate::NotSent)),
        }
    }

    fn last_turn(&self) -> Option<Instant> {
        self.shared.lock().pool.last_turn(&self.origin)
    }

    fn too_late(&self, limit: std::time::Duration) -> Error {
        let (open, waiting) = self.shared.load(&self.origin);
        let kind = Kind::NoTurn { target: self.origin.to_string(), limit, open, waiting };
        Error::new(kind, Fate::NotSent)
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
