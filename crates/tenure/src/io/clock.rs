//! Time that passes while the machine sleeps.

use std::time::Duration;

/// How long the machine has been suspended since it booted. The runtime's clock stands still
/// meanwhile, as every `Instant` on Linux; the peer's does not.
///
/// Exact but for the time that the two readings take.
#[cfg(target_os = "linux")]
pub(crate) fn asleep() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let read = |clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    let awake = read(ClockId::Monotonic);
    read(ClockId::Boottime).saturating_sub(awake)
}

/// Elsewhere the clock of an `Instant` may count it or not; nothing more is known.
#[cfg(not(target_os = "linux"))]
pub(crate) fn asleep() -> Duration {
    Duration::ZERO
}
