//! Time that passes while the machine sleeps.

use std::time::Duration;

/// How long the machine has been suspended since it booted. The runtime's clock stands still
/// meanwhile, as every `Instant` on Linux; the peer's does not.
///
/// Exact but for the time that the two readings take.
#[cfg(all(target_os = "linux", not(test)))]
pub(crate) fn asleep() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let read = |clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    let awake = read(ClockId::Monotonic);
    read(ClockId::Boottime).saturating_sub(awake)
}

/// Elsewhere the clock of an `Instant` may count it or not; nothing more is known.
#[cfg(all(not(target_os = "linux"), not(test)))]
pub(crate) fn asleep() -> Duration {
    Duration::ZERO
}

#[cfg(test)]
pub(crate) use asleep_in_tests::{asleep, sleep};

/// A machine that sleeps when a test wants it: each thread its own.
#[cfg(test)]
mod asleep_in_tests {
    use std::cell::Cell;
    use std::time::Duration;

    thread_local! {
        static ASLEEP: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    }

    pub(crate) fn asleep() -> Duration {
        ASLEEP.get()
    }

    /// The machine sleeps for so long, now.
    pub(crate) fn sleep(duration: Duration) {
        ASLEEP.set(ASLEEP.get() + duration);
    }
}
