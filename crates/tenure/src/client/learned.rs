//! What an origin was seen to do to its connections. Pure: it is told, and answers.

use std::time::{Duration, Instant};

use tenure_proto::KeepAlive;

use super::patience::{Patience, are_alike};
use super::pool::Id;
use super::stamina::{Spent, Stamina};

/// After so long the server may have been set up anew.
pub(super) const EXPIRY: Duration = Duration::from_secs(600);
/// A connection that ends within so short a time after a response was not ended for being idle.
const SOON: Duration = Duration::from_millis(100);
/// Connections that end within so short a time of each other may have ended for one reason.
const TOGETHER: Duration = Duration::from_secs(1);

/// The end of an idle connection, by its server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ended {
    pub(super) id: Id,
    /// Responses that it had carried.
    pub(super) exchanges: u64,
    /// How long it had been idle: when it ended, or when that was found out.
    pub(super) idle: Duration,
    pub(super) known: Known,
}

/// When an end was found out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Known {
    /// As it came: the idle time is exact.
    AtOnce,
    /// When the connection was needed: it ended at some time before.
    Later,
}

/// For how long an idle connection may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Use {
    /// By a request that must not be lost, because it cannot be repeated.
    pub(super) careful: Duration,
    /// By any request; `None`: the server has not said.
    pub(super) any: Option<Duration>,
}

/// What is known about one origin.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Learned {
    patience: Patience,
    stamina: Stamina,
    /// The last end, and the patience before it was known of.
    last: Option<(Ended, Instant, Patience)>,
    drained: Option<Drained>,
    /// It answered without having asked for content that waited for 100 (Continue).
    never_asked: Option<Instant>,
}

/// The server ended its connections, whatever they were doing.
#[derive(Clone, Copy, Debug)]
struct Drained {
    at: Instant,
    /// How long the last of them had been idle.
    last: Option<Duration>,
}

impl Learned {
    /// True if having survived an idle time is worth remembering where nothing is known.
    pub(super) fn is_lesson(idle: Duration) -> bool {
        idle >= SOON
    }

    /// A request was answered on a connection that had been idle for so long and had carried so many
    /// responses.
    pub(super) fn survived(&mut self, idle: Duration, exchanges: u64, now: Instant) {
        if Self::is_lesson(idle) {
            self.patience.survived(idle, now);
        }
        self.stamina.survived(exchanges);
    }

    /// The server said `close`: it may be about to end all its connections.
    pub(super) const fn said_close(&mut self, now: Instant) {
        self.drained = Some(Drained { at: now, last: None });
    }

    /// Content waited in vain for 100 (Continue).
    pub(super) const fn never_asked(&mut self, now: Instant) {
        self.never_asked = Some(now);
    }

    /// Content would wait in vain for 100 (Continue).
    pub(super) fn never_asks(&self, now: Instant) -> bool {
        self.never_asked.is_some_and(|at| now.saturating_duration_since(at) < EXPIRY)
    }

    /// Responses that a connection carries may be limited.
    pub(super) fn suspects(&self, now: Instant) -> bool {
        !self.stamina.is_stale(now)
    }

    /// A connection has ended; `newest` is the id of the newest one there is.
    pub(super) fn closed(&mut self, ended: Ended, newest: Id, now: Instant) {
        let is_recent = |at: Instant| now.saturating_duration_since(at) < TOGETHER;
        if let Some(drained) = &mut self.drained
            && is_recent(drained.at)
        {
            // Ends that are all alike are no drain, however close they follow.
            if !drained.last.is_some_and(|last| have_one_reason(last, ended.idle)) {
                drained.at = now;
            }
            drained.last = Some(ended.idle);
            return;
        }
        if let Some((last, at, before)) = self.last
            && is_recent(at)
            && !have_one_reason(last.idle, ended.idle)
        {
            // A limit would have ended them one after the other: this is a restart, or a drain.
            let drained = Drained { at: now, last: Some(ended.idle) };
            (self.patience, self.last, self.drained) = (before, None, Some(drained));
            self.stamina = Stamina::default();
            return;
        }
        self.last = Some((ended, now, self.patience));
        if Self::is_lesson(ended.idle) {
            self.patience.closed(ended.idle, ended.known, now);
        } else {
            self.stamina.ended(ended.id, ended.exchanges, newest, now);
        }
    }

    /// For how long a connection may be used that falls idle now, after so many responses, the last
    /// one with this hint. `None`: not at all.
    pub(super) fn may_use(&self, hint: Option<KeepAlive>, exchanges: u64, now: Instant) -> Option<Use> {
        let usage = self.patience.may_use(hint, now);
        match self.stamina.after(exchanges, now) {
            Spent::No => Some(usage),
            Spent::Perhaps => Some(Use { careful: Duration::ZERO, ..usage }),
            Spent::Yes => None,
        }
    }

    /// What a request that must not be lost keeps to on any connection, also on those that fell idle
    /// before this was known.
    pub(super) fn bound(&self, now: Instant) -> Duration {
        self.patience.bound(now)
    }

    /// The longest idle time that was survived, the shortest that was not, and how many responses a
    /// connection carries, as far as these are known.
    pub(super) fn facts(&self, now: Instant) -> (Option<Duration>, Option<Duration>, Option<u64>) {
        let (survived, closed) = self.patience.facts(now);
        (survived, closed, self.stamina.limit(now))
    }

    /// True if nothing of it is recent enough to be of use.
    pub(super) fn is_stale(&self, now: Instant) -> bool {
        self.patience.is_stale(now) && self.stamina.is_stale(now) && !self.never_asks(now)
    }
}

/// Those that count as none are all alike.
fn have_one_reason(one: Duration, other: Duration) -> bool {
    one.max(other) < SOON || are_alike(one, other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn ended(id: Id, idle: Duration) -> Ended {
        Ended { id, exchanges: id % 7 + 1, idle, known: Known::AtOnce }
    }

    fn careful(learned: &Learned, now: Instant) -> Duration {
        learned.may_use(None, 1, now).unwrap().careful
    }

    #[test]
    fn a_limit_ends_connections_one_after_the_other() {
        let (mut learned, now) = (Learned::default(), Instant::now());
        learned.closed(ended(1, ms(5_000)), 2, now);
        learned.closed(ended(2, ms(5_030)), 2, now + ms(300));
        assert_eq!(careful(&learned, now + ms(300)), ms(4_000));
    }

    #[test]
    fn a_drain_ends_them_together_and_teaches_nothing() {
        let (mut learned, now) = (Learned::default(), Instant::now());
        learned.survived(ms(30_000), 1, now);
        for (id, idle) in [(1, ms(700)), (2, ms(9_000)), (3, ms(40)), (4, ms(710))] {
            learned.closed(ended(id, idle), 4, now + ms(id * 10));
        }
        assert_eq!(careful(&learned, now + ms(50)), ms(30_000));
        // An end of its own, later, is another matter.
        learned.closed(ended(5, ms(5_000)), 5, now + ms(60_000));
        assert_eq!(careful(&learned, now + ms(60_000)), ms(4_000));
    }

    /// A program too busy to look at its timers in time ends some late: that is no drain for ever.
    #[test]
    fn ends_that_are_alike_are_a_limit_however_fast_they_follow() {
        let (mut learned, now) = (Learned::default(), Instant::now());
        learned.closed(ended(1, ms(250)), 1, now);
        learned.closed(ended(2, ms(400)), 2, now + ms(10));
        assert_eq!(careful(&learned, now + ms(10)), careful(&Learned::default(), now), "as a drain");
        for id in 3..10 {
            learned.closed(ended(id, ms(250)), id, now + ms(270 * id));
        }
        assert_eq!(careful(&learned, now + ms(2_500)), ms(200));
    }

    #[test]
    fn an_end_after_a_response_that_said_close_teaches_nothing() {
        let (mut learned, now) = (Learned::default(), Instant::now());
        learned.said_close(now);
        learned.closed(ended(1, ms(400)), 1, now + ms(10));
        assert_eq!(careful(&learned, now + ms(10)), careful(&Learned::default(), now));
        learned.closed(ended(2, ms(400)), 2, now + ms(5_000));
        assert_eq!(careful(&learned, now + ms(5_000)), ms(320));
    }

    #[test]
    fn an_end_right_after_a_response_is_about_their_number() {
        let (mut learned, now) = (Learned::default(), Instant::now());
        let third = |id| Ended { id, exchanges: 3, idle: ms(2), known: Known::AtOnce };
        learned.closed(third(1), 1, now);
        assert_eq!(learned.may_use(None, 3, now).map(|usage| usage.careful), Some(Duration::ZERO), "once: no POST");
        assert!(careful(&learned, now) > Duration::ZERO, "not after the first response");
        learned.closed(third(2), 2, now + ms(5_000));
        assert_eq!(learned.may_use(None, 3, now + ms(5_000)), None, "twice: nothing at all");
        assert!(!learned.is_stale(now + ms(5_000)));
        assert!(learned.is_stale(now + ms(5_000) + EXPIRY));
    }
}
