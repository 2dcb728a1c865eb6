//! A connection without task and buffers: the few facts that stay.

#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use super::entry::Entry;
use super::stream::Stream;
use crate::idle::{Ends, Park};
use crate::io::clock::asleep;
use crate::io::now;

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
    pub(super) entry: Entry,
}

impl<S: Stream> Ends for Parked<S> {
    type Moment = Tick;

    fn until(&self) -> Tick {
        self.until
    }
}

#[cfg(target_os = "linux")]
impl<S: Stream> Park for Parked<S> {
    fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    fn entered(&self, slot: u32) {
        self.entry.parked_in(self.id, slot);
    }

    fn left(&self) {
        self.entry.left(self.id);
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

/// A moment in tenths of a second since the server started, by [`Epoch`]. It counts for 13 years.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Tick(u32);

impl Tick {
    pub(super) const NEVER: Self = Self(u32::MAX);
    const LENGTH: Duration = Duration::from_millis(100);
}

/// Where a server's ticks count from. They go on while the machine is suspended, when an `Instant`
/// stands still: who was idle overnight is not idle for a few seconds in the morning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Epoch {
    started: Instant,
    /// The machine's sleep before that.
    asleep: Duration,
}

impl Epoch {
    /// Begins now.
    pub(super) fn new() -> Self {
        Self { started: now(), asleep: asleep() }
    }

    /// Sleep since then, in whole ticks: the two clocks are not read in the same moment.
    fn slept(&self) -> Duration {
        let ticks = asleep().saturating_sub(self.asleep).as_millis() / Tick::LENGTH.as_millis();
        Tick::LENGTH * u32::try_from(ticks).unwrap_or(u32::MAX)
    }

    /// The tick that a moment falls into, if the machine has not slept since that moment.
    pub(super) fn at(&self, moment: Instant) -> Tick {
        let ticks = self.until(moment).as_millis() / Tick::LENGTH.as_millis();
        Tick(u32::try_from(ticks).unwrap_or(u32::MAX))
    }

    /// The first tick that begins at a moment or after it, if the machine does not sleep before.
    pub(super) fn after(&self, moment: Instant) -> Tick {
        let ticks = self.until(moment).as_nanos().div_ceil(Tick::LENGTH.as_nanos());
        Tick(u32::try_from(ticks).unwrap_or(u32::MAX))
    }

    fn until(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.started) + self.slept()
    }

    /// When the tick begins, or has begun, if the machine does not sleep any more.
    pub(super) fn begins(&self, tick: Tick) -> Option<Instant> {
        let [begins] = self.begin([tick]);
        begins
    }

    /// The same for several, by one look at the clocks.
    pub(super) fn begin<const N: usize>(&self, ticks: [Tick; N]) -> [Option<Instant>; N] {
        let slept = self.slept();
        ticks.map(|tick| {
            if tick == Tick::NEVER {
                return None;
            }
            let awake = self.started.checked_add(Tick::LENGTH * tick.0)?;
            Some(awake.checked_sub(slept).unwrap_or(self.started))
        })
    }
}

#[cfg(test)]
mod tests;
