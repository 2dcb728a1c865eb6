//! An observer that can be waited for.

use std::sync::{Arc, Mutex, MutexGuard};

use tenure::{CloseReason, Direction, Observer, Opened};
use tokio::sync::Notify;

/// Everything one server or client told.
#[derive(Default)]
pub(crate) struct Log {
    state: Mutex<State>,
    /// It does not watch bytes, so nothing is known of them.
    is_blind: bool,
    changed: Notify,
}

#[derive(Clone, Default)]
pub(crate) struct State {
    pub(crate) opened: usize,
    pub(crate) closed: Vec<(u64, CloseReason, u64)>,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    /// Writes, and reads that brought something. A large piece of content and what stands before it
    /// count apart, although they may go out together.
    pub(crate) writes: usize,
    pub(crate) reads: usize,
    /// The most that was received and not (yet) matched by something sent.
    pub(crate) held: u64,
    /// The most connections that were open at once.
    pub(crate) most: usize,
}

impl Log {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// One that watches no bytes.
    pub(crate) fn blind() -> Arc<Self> {
        Arc::new(Self { is_blind: true, ..Self::default() })
    }

    pub(crate) fn now(&self) -> State {
        self.lock().clone()
    }

    /// Waits until `done` says so.
    pub(crate) async fn until(&self, done: impl Fn(&State) -> bool) -> State {
        loop {
            let changed = self.changed.notified();
            let now = self.now();
            if done(&now) {
                return now;
            }
            changed.await;
        }
    }

    /// Waits until so many connections have ended; why each did, in order.
    pub(crate) async fn closed(&self, count: usize) -> Vec<CloseReason> {
        let state = self.until(|state| state.closed.len() >= count).await;
        state.closed.iter().map(|(_, why, _)| *why).collect()
    }

    /// Waits until so many bytes came in.
    pub(crate) async fn received(&self, bytes: usize) {
        self.until(|state| state.received >= bytes as u64).await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Observer for Log {
    fn opened(&self, _: Opened) {
        let mut state = self.lock();
        state.opened += 1;
        state.most = state.most.max(state.opened - state.closed.len());
        drop(state);
        self.changed.notify_waiters();
    }

    fn closed(&self, id: u64, why: CloseReason, exchanges: u64) {
        self.lock().closed.push((id, why, exchanges));
        self.changed.notify_waiters();
    }

    fn watches_bytes(&self) -> bool {
        !self.is_blind
    }

    fn bytes(&self, _: u64, direction: Direction, bytes: &[u8]) {
        let mut state = self.lock();
        match direction {
            Direction::Received => {
                state.received += bytes.len() as u64;
                state.reads += usize::from(!bytes.is_empty());
            }
            Direction::Sent => {
                state.sent += bytes.len() as u64;
                state.writes += 1;
            }
        }
        state.held = state.held.max(state.received.saturating_sub(state.sent));
        drop(state);
        self.changed.notify_waiters();
    }
}
