//! Time that passes while the machine sleeps.

use std::cell::Cell;
use std::time::Duration;

/// Naps of less in all may go unnoticed: most readings are of one clock only.
const NAP: Duration = Duration::from_secs(1);

thread_local! {
    /// When this thread last compared both clocks, since boot, and what it found.
    static COMPARED: Cell<Option<(Duration, Duration)>> = const { Cell::new(None) };
}

/// How long the machine has been suspended since it booted. The runtime's clock stands still
/// meanwhile, as every `Instant` on Linux; the peer's does not.
///
/// Exact but for the time that two readings take, and for [`NAP`].
#[cfg(target_os = "linux")]
pub(crate) fn asleep() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let read = |clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    let since_boot = read(ClockId::Boottime);
    // In so short a time it cannot have slept for long.
    if let Some((at, asleep)) = COMPARED.get()
        && since_boot.saturating_sub(at) < NAP
    {
        return asleep;
    }
    let asleep = since_boot.saturating_sub(read(ClockId::Monotonic));
    COMPARED.set(Some((since_boot, asleep)));
    asleep
}

/// Elsewhere the clock of an `Instant` may count it or not; nothing more is known.
#[cfg(not(target_os = "linux"))]
pub(crate) fn asleep() -> Duration {
    Duration::ZERO
}
