//! A machine that sleeps when a unit test wants it: each thread its own.

use std::cell::Cell;
use std::time::Duration;

thread_local! {
    static ASLEEP: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// How long this thread's machine has slept.
pub(crate) fn asleep() -> Duration {
    ASLEEP.get()
}

/// It sleeps for so long, now.
pub(crate) fn sleep(duration: Duration) {
    ASLEEP.set(ASLEEP.get() + duration);
}
