//! How many requests an origin answers on one connection before it ends it without a word. Those
//! that announce it (`Connection: close`, `Keep-Alive: max`) are no matter of learning.

use std::time::Instant;

use super::learned::EXPIRY;
use super::pool::Id;

/// What is known of one origin.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Stamina {
    suspected: Option<Suspected>,
}

/// Connections that ended after so many responses.
#[derive(Clone, Copy, Debug)]
struct Suspected {
    exchanges: u64,
    /// In a row.
    times: u32,
    at: Instant,
    /// The newest connection there was when the last of them ended.
    newest: Id,
}

/// Whether a connection has carried all it will.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Spent {
    No,
    /// One has ended at this point, the last one that did.
    Perhaps,
    /// Two in a row have.
    Yes,
}

impl Stamina {
    /// A connection was ended right after this many responses.
    pub(super) const fn ended(&mut self, id: Id, exchanges: u64, newest: Id, now: Instant) {
        let times = match self.suspected {
            // Of those that existed together, any may have ended for one reason: that counts once.
            Some(last) if last.exchanges == exchanges && id <= last.newest => last.times,
            Some(last) if last.exchanges == exchanges => last.times.saturating_add(1),
            _ => 1,
        };
        self.suspected = Some(Suspected { exchanges, times, at: now, newest });
    }

    /// A request was answered on a connection that had carried so many.
    pub(super) fn survived(&mut self, exchanges: u64) {
        if self.suspected.is_some_and(|last| exchanges >= last.exchanges) {
            self.suspected = None;
        }
    }

    /// After so many responses.
    pub(super) fn after(&self, exchanges: u64, now: Instant) -> Spent {
        match self.recent(now) {
            Some(last) if exchanges >= last.exchanges && last.times >= 2 => Spent::Yes,
            Some(last) if exchanges >= last.exchanges => Spent::Perhaps,
            _ => Spent::No,
        }
    }

    /// How many responses a connection carries, if that is known.
    pub(super) fn limit(&self, now: Instant) -> Option<u64> {
        self.recent(now).filter(|last| last.times >= 2).map(|last| last.exchanges)
    }

    pub(super) fn is_stale(&self, now: Instant) -> bool {
        self.recent(now).is_none()
    }

    fn recent(&self, now: Instant) -> Option<Suspected> {
        self.suspected.filter(|last| now.saturating_duration_since(last.at) < EXPIRY)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_same_number_twice_in_a_row_is_a_limit() {
        let (mut stamina, now) = (Stamina::default(), Instant::now());
        assert_eq!(stamina.after(100, now), Spent::No);
        stamina.ended(1, 100, 1, now);
        assert_eq!((stamina.after(99, now), stamina.after(100, now)), (Spent::No, Spent::Perhaps));
        assert_eq!(stamina.limit(now), None);
        stamina.ended(2, 100, 2, now);
        assert_eq!((stamina.after(99, now), stamina.after(100, now)), (Spent::No, Spent::Yes));
        assert_eq!(stamina.limit(now), Some(100));
        assert_eq!(stamina.after(100, now + EXPIRY), Spent::No, "it may have been set up anew");
        assert!(stamina.is_stale(now + EXPIRY) && !stamina.is_stale(now + EXPIRY - Duration::from_secs(1)));
    }

    #[test]
    fn another_number_begins_the_count_again() {
        let (mut stamina, now) = (Stamina::default(), Instant::now());
        for (id, exchanges) in [(1, 5), (2, 8), (3, 5)] {
            stamina.ended(id, exchanges, id, now);
        }
        assert_eq!(stamina.after(5, now), Spent::Perhaps);
    }

    #[test]
    fn connections_that_ended_together_count_once() {
        let (mut stamina, now) = (Stamina::default(), Instant::now());
        for id in 1..=6 {
            stamina.ended(id, 1, 6, now);
        }
        assert_eq!(stamina.after(1, now), Spent::Perhaps);
        stamina.ended(7, 1, 7, now);
        assert_eq!(stamina.after(1, now), Spent::Yes);
    }

    #[test]
    fn an_answer_beyond_it_ends_the_suspicion() {
        let (mut stamina, now) = (Stamina::default(), Instant::now());
        stamina.ended(1, 3, 1, now);
        stamina.survived(2);
        assert_eq!(stamina.after(3, now), Spent::Perhaps);
        stamina.survived(3);
        assert_eq!(stamina.after(3, now), Spent::No);
    }
}
