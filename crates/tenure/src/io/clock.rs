//! Time that passes while the machine sleeps.

use std::cell::Cell;
use std::time::Duration;

thread_local! {
    /// In which second since boot this thread last compared both clocks, and what it found.
    static COMPARED: Cell<Option<(i64, Duration)>> = const { Cell::new(None) };
}

/// How long the machine has been suspended since it booted. The runtime's clock stands still
/// meanwhile, as every `Instant` on Linux; the peer's does not.
///
/// Exact but for the time that two readings take, and for naps of less than a second in all: most
/// readings are of one clock only.
#[cfg(target_os = "linux")]
pub(crate) fn asleep() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let since_boot = clock_gettime(ClockId::Boottime);
    // Within one second it cannot have slept for long.
    if let Some((second, asleep)) = COMPARED.get()
        && second == since_boot.tv_sec
    {
        return asleep;
    }
    let duration = |time| Duration::try_from(time).unwrap_or_default();
    let asleep = duration(since_boot).saturating_sub(duration(clock_gettime(ClockId::Monotonic)));
    COMPARED.set(Some((since_boot.tv_sec, asleep)));
    asleep
}

/// Elsewhere the clock of an `Instant` may count it or not; nothing more is known.
#[cfg(not(target_os = "linux"))]
pub(crate) fn asleep() -> Duration {
    Duration::ZERO
}
