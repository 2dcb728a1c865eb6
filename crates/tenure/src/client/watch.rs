//! Idle connections are watched: each has a waker of its own, left where the runtime finds it when
//! something comes on the socket. So a connection that waits costs no task, no timer, no buffer and
//! no system call, and its end is known at once.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use tenure_proto::CloseReason;
use tokio::sync::Notify;

use super::lease::Pooled;
use super::origin::Origin;
use super::pool::Id;

/// The connections on which something came, for the keeper of the pool.
#[derive(Default)]
pub(super) struct Watch {
    rang: Mutex<Vec<(Origin, Id)>>,
    pub(super) keeper: Notify,
}

impl Watch {
    fn ring(&self, origin: &Origin, id: Id) {
        self.rang.lock().unwrap_or_else(PoisonError::into_inner).push((origin.clone(), id));
        self.keeper.notify_one();
    }

    /// Those to be looked at, once.
    pub(super) fn take(&self) -> Vec<(Origin, Id)> {
        std::mem::take(&mut *self.rang.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the runtime wakes when something comes on one connection.
pub(super) struct Alarm {
    origin: Origin,
    id: Id,
    /// It has rung since the connection was last looked at.
    rang: AtomicBool,
    watch: Arc<Watch>,
}

impl Alarm {
    pub(super) fn new(origin: Origin, id: Id, watch: Arc<Watch>) -> Arc<Self> {
        Arc::new(Self { origin, id, rang: AtomicBool::new(false), watch })
    }

    /// Something came since the connection was last looked at, or its runtime has ended.
    pub(super) fn has_rung(&self) -> bool {
        self.rang.load(Ordering::Acquire)
    }

    /// The connection is about to be among the idle ones, under the lock by which these are found.
    /// What came since it was looked at may have been reported too early: so once more.
    pub(super) fn is_armed(&self) {
        if self.rang.load(Ordering::Acquire) {
            self.watch.ring(&self.origin, self.id);
        }
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rang.swap(true, Ordering::AcqRel) {
            self.watch.ring(&self.origin, self.id);
        }
    }
}

impl Pooled {
    /// Why the idle connection has ended, if it has: whatever comes on it is its end, except what TLS
    /// says for itself. From now on the alarm rings when something comes. No system call, unless the
    /// runtime has already heard of something.
    pub(super) fn look(&mut self) -> Option<CloseReason> {
        self.alarm.rang.store(false, Ordering::Release);
        let waker = Waker::from(Arc::clone(&self.alarm));
        let mut cx = Context::from_waker(&waker);
        // Under TLS something may wait that the socket does not know of.
        if !self.origin.is_secure() && self.transport.stream().socket().poll_heard(&mut cx).is_pending() {
            self.transport.rest();
            return None;
        }
        match self.transport.poll_fill(false, &mut cx) {
            Poll::Pending => None,
            Poll::Ready(read) => Some(end(&read)),
        }
    }
}

/// What it means that an idle connection could be read from.
pub(super) fn end(read: &io::Result<usize>) -> CloseReason {
    match read {
        Ok(0) => CloseReason::PeerFin,
        Ok(_) => CloseReason::Unsolicited,
        Err(error) => match error.kind() {
            // TLS without its closure alert: nothing is lost by that here.
            io::ErrorKind::UnexpectedEof => CloseReason::PeerFin,
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
                CloseReason::PeerReset
            }
            _ => CloseReason::Transport,
        },
    }
}
