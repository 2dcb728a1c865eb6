//! What requests and connections teach about their servers, told to [`Learned`].

use std::sync::atomic::Ordering;
use std::time::Instant;

use tenure_proto::CloseReason;

use super::learned::{Ended, Learned};
use super::origin::Origin;
use super::shared::{Shared, State};
use super::time::now;
use crate::Fate;
use crate::observe::ConnectionInfo;

impl Shared {
    /// A request has met the end of its connection, which had been idle before.
    pub(super) fn found_closed(&self, origin: &Origin, ended: Ended) {
        self.learn(origin, ended, CloseReason::PeerFin);
    }

    /// A request was answered on a connection that may have been closed.
    pub(super) fn survived(&self, origin: &Origin, info: &ConnectionInfo) {
        let is_lesson = Learned::is_lesson(info.idle);
        if !is_lesson && !self.suspects.load(Ordering::Relaxed) {
            return;
        }
        let mut state = self.lock();
        if let Some(learned) = state.learned.get_mut(origin) {
            learned.survived(info.idle, info.request - 1, now());
        } else if is_lesson {
            state.learned.entry(origin.clone()).or_default().survived(info.idle, info.request - 1, now());
        }
    }

    /// An idle connection has ended: by its server, or for a reason that has nothing to do with it.
    pub(super) fn learn(&self, origin: &Origin, ended: Ended, why: CloseReason) {
        if why != CloseReason::Transport {
            let mut state = self.lock();
            let newest = state.next_id;
            state.learned.entry(origin.clone()).or_default().closed(ended, newest, now());
            self.suspects.store(true, Ordering::Relaxed);
        }
    }

    /// What is too old is forgotten.
    pub(super) fn forget(&self, state: &mut State, now: Instant) {
        state.learned.retain(|_, learned| !learned.is_stale(now));
        self.suspects.store(state.learned.values().any(|learned| learned.suspects(now)), Ordering::Relaxed);
    }

    /// The server answered without having asked for content that waited for 100 (Continue).
    pub(super) fn never_asked(&self, origin: &Origin) {
        self.lock().learned.entry(origin.clone()).or_default().never_asked(now());
    }

    /// True if the server is known not to ask for content: waiting for that would be in vain.
    pub(super) fn never_asks(&self, origin: &Origin) -> bool {
        self.lock().learned.get(origin).is_some_and(|learned| learned.never_asks(now()))
    }

    /// A request is sent again; this became of the first attempt.
    pub(super) fn repeated(&self, fate: Fate) {
        tracing::debug!(fate = fate.name(), "sent again on a fresh connection");
        if let Some(observer) = &self.observer {
            observer.repeated(fate);
        }
    }
}
