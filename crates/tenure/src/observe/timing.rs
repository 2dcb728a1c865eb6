//! What a client tells of one exchange, with its response.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::ConnectionInfo;

/// Where the time of one request went: a handle that may be kept while the content is read. Of a
/// request that was sent again: of the last attempt, and the earlier one counts to the
/// [queue](Timing::queue).
///
/// The parts follow one another, so that they add up to the time from the call of
/// [`Client::request`](crate::Client::request) to the end of the content; only an answer that came
/// before the request was sent overlaps with the sending.
#[derive(Clone, Debug)]
pub struct Timing(Arc<Told>);

/// One allocation for all that a response tells, used again by its connection's next exchange once
/// nobody else holds it. An idle connection keeps it: small, therefore.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) connection: ConnectionInfo,
    /// From the call to the connection, with making one.
    pub(crate) queue: Known,
    pub(crate) making: Option<Making>,
    /// The request had its connection.
    pub(crate) began: Instant,
    /// Its last byte had left when the head of the final response came,
    pub(crate) sent: Option<Instant>,
    /// or did so later: after this time.
    pub(crate) sent_late: Known,
    /// The head of the final response was there.
    pub(crate) headed: Option<Instant>,
    /// From the head to the end of the content.
    pub(crate) receive: Known,
}

/// A duration that may become known later, and then stays: nanoseconds and one, or 0.
#[derive(Default, Debug)]
pub(crate) struct Known(AtomicU64);

impl Known {
    /// The time between two moments, which mostly are one.
    pub(crate) fn between(from: Instant, to: Instant) -> Self {
        let known = Self::default();
        known.set(from, to);
        known
    }

    pub(crate) fn set(&self, from: Instant, to: Instant) {
        let nanos = if from == to { 0 } else { to.saturating_duration_since(from).as_nanos() };
        self.0.store(u64::try_from(nanos).map_or(u64::MAX, |nanos| nanos.saturating_add(1)), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Option<Duration> {
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
    pub(crate) const fn new(told: Arc<Told>) -> Self {
        Self(told)
    }

    /// Where the exchange took place.
    pub(crate) fn connection(&self) -> &ConnectionInfo {
        &self.0.connection
    }

    /// From the call to a connection, but for making one. Zero where one was free at once.
    pub fn queue(&self) -> Duration {
        let making = self.0.making.map_or(Duration::ZERO, Making::total);
        self.0.queue.get().unwrap_or_default().saturating_sub(making)
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
        self.0.sent.map(|sent| sent - self.0.began).or_else(|| self.0.sent_late.get())
    }

    /// From the end of the request to the head of the final response; zero if that came earlier.
    pub fn wait(&self) -> Duration {
        let times = self.0.headed.zip(self.0.sent);
        times.map_or(Duration::ZERO, |(headed, sent)| headed.saturating_duration_since(sent))
    }

    /// From the response's head to the end of its content. `None` until that was read.
    pub fn receive(&self) -> Option<Duration> {
        self.0.receive.get()
    }
}
