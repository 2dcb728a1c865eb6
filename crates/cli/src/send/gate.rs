//! `Retry-After` (RFC 9110 section 10.2.3), obeyed by all workers together and within a bound.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// "At once" is no time to wait, and a server that says so for ever must not be asked for ever.
const AT_LEAST: Duration = Duration::from_secs(1);

/// Holds back all requests while the server wants none.
pub(super) struct Gate(Mutex<Held>);

struct Held {
    until: Option<Instant>,
    /// How much longer may be waited in all.
    left: Duration,
}

impl Gate {
    /// For waits of so long in all.
    pub(super) const fn new(patience: Duration) -> Self {
        Self(Mutex::new(Held { until: None, left: patience }))
    }

    /// Closes the gate for so long from now. False if that is more than may be waited.
    pub(super) fn hold(&self, wait: Duration) -> bool {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let Some(until) = now.checked_add(wait.max(AT_LEAST)) else { return false };
        // Time that is waited anyway costs nothing more.
        let from = held.until.map_or(now, |already| already.max(now));
        let Some(left) = held.left.checked_sub(until.saturating_duration_since(from)) else { return false };
        held.left = left;
        held.until = Some(held.until.map_or(until, |already| already.max(until)));
        true
    }

    /// Waits until the gate is open.
    pub(super) async fn pass(&self) {
        loop {
            let until = self.0.lock().unwrap_or_else(PoisonError::into_inner).until;
            match until {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn requests_wait_until_the_server_wants_them() {
        let gate = Gate::new(60 * S);
        let begun = Instant::now();
        gate.pass().await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert!(gate.hold(20 * S));
        gate.pass().await;
        assert!(begun.elapsed() >= 20 * S && begun.elapsed() < 21 * S);
    }

    #[tokio::test(start_paused = true)]
    async fn all_waits_together_are_bounded() {
        let gate = Gate::new(60 * S);
        assert!(!gate.hold(61 * S));
        assert!(gate.hold(60 * S), "exactly the bound");
        assert!(gate.hold(30 * S), "within a wait that is on already");
        gate.pass().await;
        assert!(!gate.hold(Duration::ZERO), "nothing is left");
        assert!(!gate.hold(Duration::MAX));
    }

    #[tokio::test(start_paused = true)]
    async fn at_once_is_not_for_ever() {
        let gate = Gate::new(3 * S);
        let mut tries = 0;
        while gate.hold(Duration::ZERO) {
            gate.pass().await;
            tries += 1;
        }
        assert!((2..=3).contains(&tries), "{tries}");
    }
}
