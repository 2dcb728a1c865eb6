//! Where the time of a request went.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::io::now;

/// Where the time of one request went: a handle, in the extensions of its response, that may be
/// kept while the content is read. Of a request that was sent again: of the last attempt, and the
/// earlier one counts to the [queue](Timing::queue).
///
/// The parts follow one another, so that they add up to the time from the call of
/// [`Client::request`](super::Client::request) to the end of the content; only an answer that came
/// before the request was sent overlaps with the sending.
#[derive(Clone, Debug)]
pub struct Timing(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    queue: Duration,
    making: Option<Making>,
    sent: Known,
    wait: Duration,
    received: Known,
}

/// A duration that may become known later, and then stays: nanoseconds and one, or 0.
#[derive(Debug)]
struct Known(AtomicU64);

impl Known {
    fn new(duration: Option<Duration>) -> Self {
        let known = Self(AtomicU64::new(0));
        duration.into_iter().for_each(|duration| known.set(duration));
        known
    }

    fn set(&self, duration: Duration) {
        self.0.store(
            u64::try_from(duration.as_nanos()).map_or(u64::MAX, |nanos| nanos.saturating_add(1)),
            Ordering::Relaxed,
        );
    }

    fn get(&self) -> Option<Duration> {
        self.0.load(Ordering::Relaxed).checked_sub(1).map(Duration::from_nanos)
    }
}

/// How long making a connection took.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Making {
    pub(crate) dns: Duration,
    pub(crate) connect: Duration,
    pub(crate) tls: Option<Duration>,
}

impl Making {
    fn total(self) -> Duration {
        self.dns + self.connect + self.tls.unwrap_or_default()
    }
}

impl Timing {
    /// From the call to a connection, but for making one.
    pub fn queue(&self) -> Duration {
        self.0.queue
    }

    /// Looking up the name. `None` on a connection that was there already.
    pub fn dns(&self) -> Option<Duration> {
        self.0.making.map(|making| making.dns)
    }

    /// The TCP handshake, with the addresses that did not answer. `None` on a connection that was
    /// there already.
    pub fn connect(&self) -> Option<Duration> {
        self.0.making.map(|making| making.connect)
    }

    /// The TLS handshake. `None` on a plain connection, and on one that was there already.
    pub fn tls(&self) -> Option<Duration> {
        self.0.making.and_then(|making| making.tls)
    }

    /// From the connection to the last byte of the request. `None` while the request is being sent,
    /// and for ever if its content was not wanted.
    pub fn send(&self) -> Option<Duration> {
        self.0.sent.get()
    }

    /// From the end of the request to the head of the final response; zero if that came earlier.
    pub fn wait(&self) -> Duration {
        self.0.wait
    }

    /// From the response's head to the end of its content. `None` until that was read.
    pub fn receive(&self) -> Option<Duration> {
        self.0.received.get()
    }
}

/// The times of an exchange under way.
#[derive(Debug)]
pub(super) struct Course {
    queue: Duration,
    making: Option<Making>,
    began: Instant,
    sent: Option<Instant>,
    head: Option<(Instant, Timing)>,
}

impl Course {
    /// The request was made at `called`; it has a connection now, which was made for it if `making` says so.
    pub(super) fn begin(called: Instant, making: Option<Making>) -> Self {
        let began = now();
        let queue = (began - called).saturating_sub(making.map_or(Duration::ZERO, Making::total));
        Self { queue, making, began, sent: None, head: None }
    }

    /// When it had its connection.
    pub(super) const fn began(&self) -> Instant {
        self.began
    }

    /// The last byte has left. Only the first call counts.
    pub(super) fn sent(&mut self) {
        if self.sent.is_none() {
            let now = now();
            self.sent = Some(now);
            if let Some((_, timing)) = &self.head {
                timing.0.sent.set(now - self.began);
            }
        }
    }

    /// When the last byte left.
    pub(super) const fn sent_at(&self) -> Option<Instant> {
        self.sent
    }

    /// The final response's head is there.
    pub(super) fn headed(&mut self, now: Instant) -> Timing {
        let sent = Known::new(self.sent.map(|at| at - self.began));
        let wait = self.sent.map_or(Duration::ZERO, |at| now - at);
        let parts = Parts { queue: self.queue, making: self.making, sent, wait, received: Known::new(None) };
        let timing = Timing(Arc::new(parts));
        self.head = Some((now, timing.clone()));
        timing
    }

    /// The content has ended.
    pub(super) fn ended(&self, now: Instant) {
        if let Some((at, timing)) = &self.head {
            timing.0.received.set(now - *at);
        }
    }
}
