//! Waits and their ends (RFC 9112 section 9.5). Time is an argument; nothing here reads a clock.

use std::time::{Duration, Instant};

use super::{CloseReason, Connection, Directive, Receiving};
use crate::config::Timeouts;
use crate::error::{ErrorKind, ProtocolError};
use crate::role::Role;
use crate::role::sealed::State as _;

/// Which wait is running.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Timer {
    /// For the first byte of the first request.
    First,
    /// For the first byte of a later request.
    Idle,
    /// For the rest of a head; in the client role for the response's head.
    Head,
    /// For the next piece of content.
    Content,
    /// For the peer to close after this side has.
    Linger,
}

impl Timer {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::First => "no first request came in time",
            Self::Idle => "no further request came in time",
            Self::Head => "the message head did not come in time",
            Self::Content => "the content did not come in time",
            Self::Linger => "the peer did not close in time",
        }
    }
}

/// A running wait.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Wait {
    pub(super) timer: Timer,
    pub(super) since: Instant,
}

/// How long one message's content was waited for, apart from the wait that runs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Pace {
    /// Bytes received on the connection before the content.
    start: u64,
    /// Before the last piece came.
    earlier: Duration,
    /// Since the last piece came, until the caller paused.
    gap: Duration,
}

impl Pace {
    #[inline]
    pub(super) const fn new(start: u64) -> Self {
        Self { start, earlier: Duration::ZERO, gap: Duration::ZERO }
    }

    /// How long the running wait may last after `received` bytes. `rate`: the least average.
    fn limit(&self, content: Duration, rate: Option<u64>, received: u64) -> Duration {
        let gap = content.saturating_sub(self.gap);
        match rate {
            None | Some(0) => gap,
            Some(rate) => {
                let earned = u128::from(received - self.start) * 1_000_000_000 / u128::from(rate);
                let earned = Duration::from_nanos(u64::try_from(earned).unwrap_or(u64::MAX));
                let waited = self.earlier.saturating_add(self.gap);
                gap.min(content.saturating_add(earned).saturating_sub(waited))
            }
        }
    }
}

impl<R: Role> Connection<R> {
    /// When the running wait ends, if one runs.
    pub fn deadline(&self) -> Option<(Timer, Instant)> {
        let wait = self.wait?;
        let timeouts = &self.config.timeouts;
        let limit = match wait.timer {
            Timer::First => timeouts.first,
            Timer::Idle => self.state.idle_limit(timeouts),
            Timer::Head => timeouts.head,
            Timer::Content => self.content_limit(timeouts),
            Timer::Linger => timeouts.linger,
        };
        Some((wait.timer, wait.since.checked_add(limit?)?))
    }

    fn content_limit(&self, timeouts: &Timeouts) -> Option<Duration> {
        let rate = timeouts.content_rate.filter(|_| R::IS_SERVER);
        match &self.receiving {
            Receiving::Content { pace, .. } => Some(pace.limit(timeouts.content?, rate, self.received)),
            _ => timeouts.content,
        }
    }

    /// Time has passed. `Ok` also when a wait ended that needs no answer (first, idle, linger):
    /// then [`directive`](Self::directive) has changed.
    ///
    /// # Errors
    /// The peer was too slow within a message, or before one if
    /// [`answer_idle`](crate::Config::answer_idle) is set. A server may answer 408 before it closes.
    pub fn expire(&mut self, now: Instant) -> Result<(), ProtocolError> {
        let Some((timer, deadline)) = self.deadline() else { return Ok(()) };
        if now < deadline {
            return Ok(());
        }
        match timer {
            Timer::Head | Timer::Content => return Err(self.fail(ErrorKind::TimedOut(timer), self.received)),
            Timer::First | Timer::Idle if self.config.answer_idle => {
                return Err(self.fail(ErrorKind::TimedOut(timer), self.received));
            }
            // Nothing was under way, so a plain close loses nothing; and a request that crosses it
            // meets a reset, by which its sender knows that it was not processed.
            Timer::First | Timer::Idle => self.close(CloseReason::Idle),
            Timer::Linger => {
                let why = self.directive.reason().unwrap_or(CloseReason::Idle);
                self.close(why);
            }
        }
        Ok(())
    }

    /// The caller will not read for now: its handler wants no content yet. What passes from here
    /// to the next [`Event::NeedInput`](crate::Event::NeedInput) does not count against the peer.
    /// Only a wait for content pauses; the other waits are for the peer alone.
    ///
    /// What was waited since the last piece is kept, so that a handler that looks in often does
    /// not wait for ever.
    pub fn pause_wait(&mut self, now: Instant) {
        if let (Receiving::Content { pace, .. }, Some(wait)) = (&mut self.receiving, self.wait) {
            pace.gap = pace.gap.saturating_add(now.saturating_duration_since(wait.since));
            self.wait = None;
        }
    }

    /// The caller has closed the sending side, as [`Directive::HalfClose`] asked.
    pub fn half_closed(&mut self, now: Instant) {
        if let Directive::HalfClose(why) = self.directive {
            self.directive = Directive::Linger(why);
            self.wait = Some(Wait { timer: Timer::Linger, since: now });
        }
    }

    /// A wait keeps its start until it becomes another one.
    #[inline]
    pub(super) fn wait_for(&mut self, timer: Timer, now: Instant) {
        if self.wait.is_none_or(|wait| wait.timer != timer) {
            self.wait = Some(Wait { timer, since: now });
        }
    }

    /// Nothing of a next request has come.
    #[inline]
    pub(super) fn wait_for_request(&mut self, now: Instant) {
        let timer = if self.exchanges == 0 { Timer::First } else { Timer::Idle };
        self.wait_for(timer, now);
    }

    /// A piece of content has come: a wait for the next one begins when that is asked for.
    pub(super) fn content_came(&mut self, now: Instant) {
        self.pause_wait(now);
        if let Receiving::Content { pace, .. } = &mut self.receiving {
            pace.earlier = pace.earlier.saturating_add(pace.gap);
            pace.gap = Duration::ZERO;
        }
    }
}
