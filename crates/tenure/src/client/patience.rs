//! How long an origin keeps its idle connections: what it says (`Keep-Alive: timeout`), and what it
//! was seen to do. Pure: it is told, and answers.

use std::time::{Duration, Instant};

use tenure_proto::KeepAlive;

use super::learned::{EXPIRY, Known, Use};

/// Of a server that nothing is known of: below the shortest default among the usual ones (2 s).
const UNKNOWN: Duration = Duration::from_millis(1_900);
/// A known time is used up to this much before its end, or for short ones to four fifths: the
/// request needs half a round trip, and the server may have begun to count earlier.
const MARGIN: Duration = Duration::from_secs(1);

/// Nobody means more than this many seconds.
const DAY: u64 = 86_400;

/// What is known about one origin.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Patience {
    /// The longest idle time after which a request was answered.
    survived: Option<Seen>,
    /// The shortest idle time after which a connection was closed.
    closed: Option<(Seen, Known)>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    idle: Duration,
    /// Until when it counts.
    until: Instant,
}

impl Seen {
    fn now(idle: Duration, now: Instant) -> Self {
        Self { idle, until: now + EXPIRY }
    }

    fn is_recent(&self, now: Instant) -> bool {
        now < self.until
    }
}

impl Patience {
    /// A request was answered on a connection that had been idle for so long.
    pub(super) fn survived(&mut self, idle: Duration, now: Instant) {
        let longer = self.survived.is_none_or(|seen| seen.idle <= idle || !seen.is_recent(now));
        if longer {
            self.survived = Some(Seen::now(idle, now));
        }
        // The close that was seen had another reason: a restart, pressure. But not if one limit explains
        // both: the two sides begin to count at different moments.
        if self.closed.is_some_and(|(seen, _)| seen.idle <= idle && !are_alike(seen.idle, idle)) {
            self.closed = None;
        }
    }

    /// A connection was closed that had been idle for so long.
    pub(super) fn closed(&mut self, idle: Duration, known: Known, now: Instant) {
        let replaced = self.closed.is_none_or(|(seen, before)| {
            // An exact time is worth more than one that is only an upper bound.
            let sharper = known == Known::AtOnce && before == Known::Later;
            seen.idle >= idle || sharper || !seen.is_recent(now)
        });
        if replaced {
            self.closed = Some((Seen::now(idle, now), known));
        }
        // It closes earlier than it once did.
        if self.survived.is_some_and(|seen| seen.idle >= idle) {
            self.survived = None;
        }
    }

    /// For how long a connection that falls idle now may be used, by its last response's hint.
    pub(super) fn may_use(&self, hint: Option<KeepAlive>, now: Instant) -> Use {
        let announced = hint.and_then(|hint| hint.timeout).map(|seconds| Duration::from_secs(seconds.min(DAY)));
        let announced = announced.map(before_its_end);
        let survived = self.survived.filter(|seen| seen.is_recent(now)).map(|seen| seen.idle);
        let unsaid = survived.map_or(UNKNOWN, |survived| survived.max(UNKNOWN));
        // What it does counts more than what it says.
        let trusted = match self.closed {
            Some((seen, Known::AtOnce)) if seen.is_recent(now) => announced.unwrap_or(Duration::MAX),
            _ => announced.unwrap_or(unsaid),
        };
        Use { careful: trusted.min(self.bound(now)), any: announced }
    }

    /// How long a connection may have been idle, by the closes that were seen.
    pub(super) fn bound(&self, now: Instant) -> Duration {
        match self.closed {
            Some((seen, Known::AtOnce)) if seen.is_recent(now) => before_its_end(seen.idle),
            // It ended at some time before.
            Some((seen, Known::Later)) if seen.is_recent(now) => seen.idle / 2,
            _ => Duration::MAX,
        }
    }

    /// The longest idle time that was survived, and the shortest that was not.
    pub(super) fn facts(&self, now: Instant) -> (Option<Duration>, Option<Duration>) {
        let idle = |seen: Seen| seen.is_recent(now).then_some(seen.idle);
        (self.survived.and_then(idle), self.closed.and_then(|(seen, _)| idle(seen)))
    }

    /// True if nothing of it is recent enough to be of use.
    pub(super) fn is_stale(&self, now: Instant) -> bool {
        self.facts(now) == (None, None)
    }
}

/// Idle times that one limit can explain: timers differ a little, and are looked at late by busy programs.
pub(super) fn are_alike(one: Duration, other: Duration) -> bool {
    one.abs_diff(other) <= Duration::from_millis(50) + one.max(other) / 50
}

fn before_its_end(time: Duration) -> Duration {
    time.saturating_sub(MARGIN).max(time * 4 / 5)
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
        patience.closed(secs(10), Known::Later, now);
        assert_eq!(patience.may_use(None, now).careful, UNKNOWN, "what it once survived counts no more");
        assert_eq!(patience.may_use(hint(60), now).careful, secs(5), "it lies");
        patience.closed(secs(1), Known::Later, now);
        assert_eq!(patience.may_use(None, now).careful, secs(1) / 2);
        assert_eq!(patience.may_use(None, now + EXPIRY).careful, UNKNOWN, "forgotten");
    }

    #[test]
    fn a_close_for_another_reason_is_forgotten_when_longer_times_are_survived() {
        let (mut patience, now) = (Patience::default(), Instant::now());
        patience.closed(secs(1), Known::Later, now);
        patience.survived(secs(20), now + secs(30));
        assert_eq!(patience.may_use(None, now + secs(31)).careful, secs(20));
    }

    #[test]
    fn one_limit_closes_some_and_spares_others_that_were_idle_a_little_longer() {
        let (mut patience, now) = (Patience::default(), Instant::now());
        patience.closed(secs(5), Known::AtOnce, now);
        patience.survived(secs(5) + Duration::from_millis(30), now);
        assert_eq!(patience.may_use(None, now).careful, secs(4), "the two sides do not count from the same moment");
        patience.survived(secs(7), now);
        assert_eq!(patience.may_use(None, now).careful, secs(7));
    }

    #[test]
    fn a_time_at_which_a_close_was_seen_is_as_good_as_an_announced_one() {
        let (mut patience, now) = (Patience::default(), Instant::now());
        patience.closed(secs(40), Known::Later, now);
        assert_eq!(patience.may_use(None, now).careful, UNKNOWN, "it closed at some time before 40 s");
        patience.closed(secs(65), Known::AtOnce, now);
        assert_eq!(patience.may_use(None, now).careful, secs(64));
        assert_eq!(patience.may_use(hint(30), now).careful, secs(29), "what is announced for less holds too");
        patience.closed(secs(5), Known::AtOnce, now);
        assert_eq!(patience.may_use(None, now).careful, secs(4));
        patience.closed(secs(6), Known::AtOnce, now);
        assert_eq!(patience.may_use(None, now).careful, secs(4), "the shortest counts");
        assert_eq!(patience.facts(now), (None, Some(secs(5))));
    }
}
