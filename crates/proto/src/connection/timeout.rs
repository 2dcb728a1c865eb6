//! Waits and their ends (RFC 9112 section 9.5). Time is an argument; nothing here reads a clock.

use std::time::{Duration, Instant};

use crate::config::Timeouts;

/// Which wait is running.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Timer {
    /// For the first byte of a request.
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
            Self::Idle => "no request came in time",
            Self::Head => "the message head did not come in time",
            Self::Content => "the content did not come in time",
            Self::Linger => "the peer did not close in time",
        }
    }

    /// How long this wait may last.
    pub(crate) const fn limit(self, timeouts: &Timeouts) -> Option<Duration> {
        match self {
            Self::Idle => timeouts.idle,
            Self::Head => timeouts.head,
            Self::Content => timeouts.content,
            Self::Linger => timeouts.linger,
        }
    }
}

/// A running wait.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Wait {
    pub(crate) timer: Timer,
    pub(crate) since: Instant,
}

impl Wait {
    pub(crate) fn deadline(self, timeouts: &Timeouts) -> Option<Instant> {
        self.since.checked_add(self.timer.limit(timeouts)?)
    }
}
