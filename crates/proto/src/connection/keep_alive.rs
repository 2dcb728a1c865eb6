//! Server: how long and for how many requests a connection is kept, and what is announced of that.

use std::sync::Arc;
use std::time::Duration;

use super::send::Managed;
use super::{CloseReason, Connection, Exchange, Persistence};
use crate::config::{Config, Timeouts};
use crate::message::{KeepAlive, encode};
use crate::role::Server;
use crate::role::sealed::State;
use crate::version::Version;

/// What a server remembers of one connection: the exchange under way, of which there is one at
/// most, and how long the connection is kept.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Kept {
    current: Option<Exchange>,
    /// The idle time of this connection.
    idle: Option<Duration>,
    /// What the last response announced, in seconds.
    announced: Option<u32>,
    /// Exchanges this connection may carry, from its first one on. `u64::MAX`: no limit.
    most: u64,
}

impl State for Kept {
    fn new(config: &Config) -> Self {
        Self { current: None, idle: config.timeouts.idle, announced: None, most: u64::MAX }
    }

    #[inline]
    fn len(&self) -> usize {
        usize::from(self.current.is_some())
    }

    #[inline]
    fn push(&mut self, exchange: Exchange) {
        self.current = Some(exchange);
    }

    #[inline]
    fn pop(&mut self) {
        self.current = None;
    }

    #[inline]
    fn front(&self) -> Option<&Exchange> {
        self.current.as_ref()
    }

    #[inline]
    fn front_mut(&mut self) -> Option<&mut Exchange> {
        self.current.as_mut()
    }

    fn idle_limit(&self, timeouts: &Timeouts) -> Option<Duration> {
        match self.announced {
            Some(seconds) => Some(Duration::from_secs(seconds.into()).saturating_add(timeouts.idle_grace)),
            None => self.idle,
        }
    }
}

impl Connection<Server> {
    /// A connection that has carried `exchanges` before, of which it kept nothing, and is idle
    /// now: the wait for its next request is [`Timer::Idle`](crate::Timer::Idle) unless `exchanges`
    /// is 0.
    ///
    /// What was set on the earlier connection is to be set again: the idle time and the number of
    /// requests left. The wait starts anew, and what was announced is not known any more: a caller
    /// that wakes it for something else than a request goes on with its own deadline. Offsets in
    /// errors count from here.
    pub fn resume(config: Arc<Config>, exchanges: u64) -> Self {
        Self { exchanges, ..Self::new(config) }
    }

    /// From now on this connection is kept for `idle` between requests, whatever
    /// [`Timeouts::idle`] says: a server under pressure shrinks it. A running wait follows, unless
    /// its time was announced: a promise is kept. The next response announces the new time.
    pub const fn set_idle_timeout(&mut self, idle: Duration) {
        self.state.idle = Some(idle);
    }

    /// This connection carries at most `n` more requests, the one under way included. The response
    /// to the last says `close`, for the reason [`CloseReason::RequestLimit`]; while
    /// [`Config::announce_idle`] is set, the ones before carry the number left as
    /// `Keep-Alive: max=N`.
    ///
    /// With 0 it does what [`close_after_current`](Self::close_after_current) does: an idle
    /// connection still answers one request, with `close`, since a close without a word could
    /// cross it (RFC 9112 section 9.6). If the head of the response under way is sent already, and
    /// it is the last, the connection ends after it without having said so.
    pub fn limit_requests(&mut self, n: u64) {
        self.state.most = self.exchanges.saturating_add(n);
        self.check_request_limit();
    }

    /// Is the exchange under way, or none that may come, the last one?
    #[inline]
    pub(super) fn check_request_limit(&mut self) {
        if self.exchanges + self.state.len() as u64 >= self.state.most {
            self.close_after_current(CloseReason::RequestLimit);
        }
    }

    /// RFC 9112 section 9.3 for the sender: say `close` when it closes; answer an HTTP/1.0
    /// client's `keep-alive`; announce the idle time if that is set.
    #[inline]
    pub(super) fn write_persistence(&mut self, version: Version, managed: &Managed, out: &mut Vec<u8>) {
        if version == Version::Http11 && self.persistence == Persistence::Persist && !self.config.announce_idle {
            // Nothing is to be said but what the caller has said.
            self.state.announced = None;
            return managed.write_connection("", out);
        }
        self.write_hint(version, managed, out);
    }

    #[cold]
    fn write_hint(&mut self, version: Version, managed: &Managed, out: &mut Vec<u8>) {
        let hint = self.hint();
        let option = match (self.persistence, version) {
            (Persistence::Close(_), _) => "close",
            (Persistence::Persist, Version::Http11) if hint.is_none() => "",
            (Persistence::Persist, _) => "keep-alive",
        };
        managed.write_connection(option, out);
        if let Some(hint) = hint {
            encode::keep_alive(hint, out);
        }
        self.state.announced =
            hint.and_then(|hint| hint.timeout).map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX));
    }

    /// What to announce. Nothing that is not enforced (RFC 2068 section 19.7.1.1 has the field).
    fn hint(&self) -> Option<KeepAlive> {
        if !self.config.announce_idle || self.persistence != Persistence::Persist {
            return None;
        }
        // A timeout of 0 would say that the connection is closed already.
        let timeout = self.state.idle.map(|idle| idle.as_secs().min(u32::MAX.into())).filter(|&seconds| seconds > 0);
        let max = (self.state.most != u64::MAX).then(|| self.state.most.saturating_sub(self.exchanges + 1));
        (timeout.is_some() || max.is_some()).then_some(KeepAlive { timeout, max })
    }
}
