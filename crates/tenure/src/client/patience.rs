//! How long an origin keeps its idle connections: what it says (`Keep-Alive: timeout`), and what it
//! was seen to do. Pure: it is told, and answers.

use std::time::{Duration, Instant};

use tenure_proto::KeepAlive;

/// Of a server that nothing is known of: below the shortest default among the usual ones (2 s).
const UNKNOWN: Duration = Duration::from_millis(1_900);
/// After so long the server may have been set up anew.
const EXPIRY: Duration = Duration::from_secs(600);
/// An announced time is used up to this much before its end, or for short ones to four fifths: the
/// request needs half a round trip, and the server may have begun to count earlier.
const MARGIN: Duration = Duration::from_secs(1);

/// Nobody means more than this many seconds.
const DAY: u64 = 86_400;
/// Shorter idle times teach nothing.
const SHORT: Duration = Duration::from_millis(100);

/// What is known about one origin.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Patience {
    /// The longest idle time after which a request was answered.
    survived: Option<Seen>,
    /// The shortest idle time after which a connection was found closed.
    closed: Option<Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    idle: Duration,
    at: Instant,
}

impl Seen {
    fn is_recent(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < EXPIRY
    }
}

/// For how long an idle connection may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Use {
    /// By a request that must not be lost, because it cannot be repeated.
    pub(super) careful: Duration,
    /// By any request; `None`: the server has not said.
    pub(super) any: Option<Duration>,
}

impl Patience {
    /// True if an idle time is worth remembering.
    pub(super) fn is_lesson(idle: Duration) -> bool {
        idle >= SHORT
    }

    /// A request was answered on a connection that had been idle for so long.
    pub(super) fn survived(&mut self, idle: Duration, now: Instant) {
        let longer = self.survived.is_none_or(|seen| seen.idle <= idle || !seen.is_recent(now));
        if longer {
            self.survived = Some(Seen { idle, at: now });
        }
        // The close that was seen had another reason: a restart, pressure.
        if self.closed.is_some_and(|seen| seen.idle <= idle) {
            self.closed = None;
        }
    }

    /// A connection was found closed that had been idle for so long.
    pub(super) fn closed(&mut self, idle: Duration, now: Instant) {
        let shorter = self.closed.is_none_or(|seen| seen.idle >= idle || !seen.is_recent(now));
        if shorter {
            self.closed = Some(Seen { idle, at: now });
        }
        // It closes earlier than it once did.
        if self.survived.is_some_and(|seen| seen.idle >= idle) {
            self.survived = None;
        }
    }

    /// For how long a connection that falls idle now may be used, by its last response's hint.
    pub(super) fn may_use(&self, hint: Option<KeepAlive>, now: Instant) -> Use {
        let announced = hint.and_then(|hint| hint.timeout).map(|seconds| Duration::from_secs(seconds.min(DAY)));
        let announced = announced.map(|time| time.saturating_sub(MARGIN).max(time * 4 / 5));
        let closed = self.closed.filter(|seen| seen.is_recent(now)).map(|seen| seen.idle);
        let survived = self.survived.filter(|seen| seen.is_recent(now)).map(|seen| seen.idle);
        let known = announced.unwrap_or_else(|| survived.map_or(UNKNOWN, |survived| survived.max(UNKNOWN)));
        // What it does counts more than what it says.
        let careful = closed.map_or(known, |closed| known.min(closed / 2));
        Use { careful, any: announced }
    }

    /// True if nothing of it is recent enough to be of use.
    pub(super) fn is_stale(&self, now: Instant) -> bool {
        ![self.survived, self.closed].into_iter().flatten().any(|seen| seen.is_recent(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn hint(timeout: u64) -> Option<KeepAlive> {
        Some(KeepAlive { timeout: Some(timeout), max: None })
    }

    #[test]
    fn an_unknown_server_is_trusted_for_less_than_two_seconds() {
        let usage = Patience::default().may_use(None, Instant::now());
        assert_eq!(usage, Use { careful: UNKNOWN, any: None });
        assert!(UNKNOWN < secs(2));
    }

    #[test]
    fn what_is_announced_is_used_with_a_margin() {
        for (announced, used) in
            [(75, secs(74)), (6, secs(5)), (5, secs(4)), (2, secs(2) * 4 / 5), (0, secs(0)), (u64::MAX, secs(DAY - 1))]
        {
            let usage = Patience::default().may_use(hint(announced), Instant::now());
            assert_eq!(usage, Use { careful: used, any: Some(used) }, "{announced}");
        }
    }

    #[test]
    fn idle_times_that_were_survived_are_safe_until_they_are_old() {
        let (mut patience, now) = (Patience::default(), Instant::now());
        patience.survived(secs(30), now);
        patience.survived(secs(3), now + secs(1));
        assert_eq!(patience.may_use(None, now + secs(2)).careful, secs(30));
        assert!(!patience.is_stale(now + EXPIRY - secs(1)));
        assert_eq!(patience.may_use(None, now + EXPIRY).careful, UNKNOWN);
        assert!(patience.is_stale(now + EXPIRY));
    }

    #[test]
    fn a_close_ends_the_trust_also_against_what_is_announced() {
        let (mut patience, now) = (Patience::default(), Instant::now());
        patience.survived(secs(30), now);
        patience.closed(secs(10), now);
        assert_eq!(patience.may_use(None, now).careful, UNKNOWN, "what it once survived counts no more");
        assert_eq!(patience.may_use(hint(60), now).careful, secs(5), "it lies");
        patience.closed(secs(1), now);
        assert_eq!(patience.may_use(None, now).careful, secs(1) / 2);
        assert_eq!(patience.may_use(None, now + EXPIRY).careful, UNKNOWN, "forgotten");
    }

    #[test]
    fn a_close_for_another_reason_is_forgotten_when_longer_times_are_survived() {
        let (mut patience, now) = (Patience::default(), Instant::now());
        patience.closed(secs(1), now);
        patience.survived(secs(20), now + secs(30));
        assert_eq!(patience.may_use(None, now + secs(31)).careful, secs(20));
    }
}
