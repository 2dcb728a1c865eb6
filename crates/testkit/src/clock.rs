//! A clock that only moves when it is told to.

use std::time::{Duration, Instant};

/// The time as a test sees it. Starts at an arbitrary instant.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    now: Instant,
}

impl Clock {
    /// A clock that stands still.
    pub fn new() -> Self {
        Self { now: Instant::now() }
    }

    /// The current time.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Lets `duration` pass at once.
    pub fn advance(&mut self, duration: Duration) {
        self.now += duration;
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
