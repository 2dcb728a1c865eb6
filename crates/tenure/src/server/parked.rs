//! A connection without task and buffers: the few facts that stay.

#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use super::stream::Stream;
use crate::idle::Park;

/// What stays of a connection while it is parked. Every byte counts: a server holds as many of
/// these as it has idle connections.
pub(super) struct Parked<S: Stream> {
    pub(super) id: u64,
    pub(super) exchanges: u64,
    pub(super) opened: Tick,
    pub(super) quiet_since: Tick,
    /// When it is to be closed; `Tick::NEVER` without an idle timeout.
    pub(super) until: Tick,
    #[cfg(target_os = "linux")]
    pub(super) socket: OwnedFd,
    pub(super) session: S::Session,
}

#[cfg(target_os = "linux")]
impl<S: Stream> Park for Parked<S> {
    fn socket(&self) -> &OwnedFd {
        &self.socket
    }
}

#[cfg(not(target_os = "linux"))]
impl<S: Stream> Park for Parked<S> {}

impl<S: Stream> Parked<S> {
    /// Closes the connection.
    pub(super) fn end(self) {
        #[cfg(target_os = "linux")]
        S::farewell(&self.socket, self.session);
    }
}

/// A moment in tenths of a second since the server started. It counts for 13 years.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Tick(u32);

impl Tick {
    pub(super) const NEVER: Self = Self(u32::MAX);
    const LENGTH: Duration = Duration::from_millis(100);

    /// The tick that a moment falls into.
    pub(super) fn at(moment: Instant, started: Instant) -> Self {
        let ticks = moment.saturating_duration_since(started).as_millis() / Self::LENGTH.as_millis();
        Self(u32::try_from(ticks).unwrap_or(u32::MAX))
    }

    /// The first tick that begins at a moment or after it.
    pub(super) fn after(moment: Instant, started: Instant) -> Self {
        let ticks = moment.saturating_duration_since(started).as_nanos().div_ceil(Self::LENGTH.as_nanos());
        Self(u32::try_from(ticks).unwrap_or(u32::MAX))
    }

    /// When the tick begins.
    pub(super) fn begins(self, started: Instant) -> Option<Instant> {
        if self == Self::NEVER { None } else { started.checked_add(Self::LENGTH * self.0) }
    }
}
