//! The sum of a run, and what follows from it.

use std::time::Duration;

use super::item::Failure;
use super::tally::Life;

/// What a run did.
#[derive(Clone, Default, Debug)]
pub(crate) struct Summary {
    /// Files stored or fetched.
    pub(crate) done: u64,
    /// Files that an earlier run had done.
    pub(crate) earlier: u64,
    /// Files that failed, with the reason.
    pub(crate) failures: Vec<(String, Failure)>,
    /// Files that were never begun, because the run ended early.
    pub(crate) untried: u64,
    /// Of content, of the files done.
    pub(crate) bytes: u64,
    /// The whole run.
    pub(crate) elapsed: Duration,
    /// All waits for a response added up, over all connections.
    pub(crate) waited: Duration,
    /// The file that took longest.
    pub(crate) longest: Duration,
    /// How many requests could be under way at once.
    pub(crate) at_once: usize,
    /// Nobody can choose another number for this run.
    pub(crate) is_fixed: bool,
    /// Requests that were sent before earlier ones were answered.
    pub(crate) pipelined: u64,
    /// The most that were outstanding on one connection.
    pub(crate) deepest: usize,
    /// The longest that one was held up by those before it.
    pub(crate) held_up: Duration,
    /// Some of it went over TLS.
    pub(crate) secure: bool,
    pub(crate) connections: Vec<Life>,
}

impl Summary {
    /// Completed exchanges on all connections.
    pub(crate) fn requests(&self) -> u64 {
        self.connections.iter().map(|life| life.requests).sum()
    }

    /// Connections that one for each exchange would have taken beyond those that were opened.
    pub(crate) fn handshakes_saved(&self) -> u64 {
        self.connections.iter().map(|life| life.requests.saturating_sub(1)).sum()
    }

    /// How long making a connection took, on average; `None` without one.
    pub(crate) fn handshake(&self) -> Option<Duration> {
        mean(self.connections.iter().map(|life| life.took))
    }

    /// As the kernel measured it, on average; `None` without one.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        mean(self.connections.iter().filter_map(|life| life.round_trip))
    }

    /// What the run would roughly have taken with `connections` at once, if that can be chosen.
    ///
    /// Waits (for responses, and for connections to be made) overlap, and are divided by the number
    /// at once. All else, reading files and moving bytes, is taken to be limited by disk, processor or
    /// line, and stays. No run is shorter than its longest file.
    pub(crate) fn estimate(&self, connections: usize) -> Option<Duration> {
        let requests = usize::try_from(self.requests()).unwrap_or(usize::MAX);
        let (now, then) = (self.at_once.min(requests), connections.min(requests));
        if self.is_fixed || then < 2 || now == then || now == 0 {
            return None;
        }
        let connecting: Duration = self.connections.iter().map(|life| life.took).sum();
        let waits = (self.waited + connecting).as_secs_f64();
        let others = (self.elapsed.as_secs_f64() - waits / now as f64).max(0.0);
        let estimate = Duration::from_secs_f64(others + waits / then as f64);
        Some(estimate.max(self.longest).min(if then > now { self.elapsed } else { Duration::MAX }))
    }

    /// Connections with the same number of requests and the same end, the largest group first.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for life in &self.connections {
            let why = life.why.map_or("still open", |why| why.text());
            match groups.iter_mut().find(|group| group.requests == life.requests && group.why == why) {
                Some(group) => group.add(life),
                None => groups.push(Group::of(life, why)),
            }
        }
        groups.sort_by_key(|group| std::cmp::Reverse(group.connections));
        groups
    }
}

/// Connections that had the same life.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Group {
    pub(crate) connections: u64,
    /// On each.
    pub(crate) requests: u64,
    /// On all.
    pub(crate) sent: u64,
    /// On all.
    pub(crate) received: u64,
    /// All added up.
    pub(crate) open: Duration,
    pub(crate) why: &'static str,
}

impl Group {
    const fn of(life: &Life, why: &'static str) -> Self {
        Self { connections: 1, requests: life.requests, sent: life.sent, received: life.received, open: life.open, why }
    }

    fn add(&mut self, life: &Life) {
        self.connections += 1;
        self.sent += life.sent;
        self.received += life.received;
        self.open += life.open;
    }
}

fn mean(times: impl Iterator<Item = Duration>) -> Option<Duration> {
    let (n, sum) = times.fold((0_u32, Duration::ZERO), |(n, sum), time| (n + 1, sum + time));
    (n > 0).then(|| sum / n)
}

#[cfg(test)]
pub(super) mod tests {
    use tenure::CloseReason;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    pub(in crate::report) fn life(id: u64, requests: u64, why: CloseReason) -> Life {
        Life {
            id,
            took: 2 * MS,
            round_trip: Some(MS),
            sent: 1_000,
            received: 100,
            requests,
            open: 10 * MS,
            why: Some(why),
        }
    }

    fn summary(lives: Vec<Life>) -> Summary {
        Summary { connections: lives, at_once: 1, elapsed: 1_000 * MS, ..Summary::default() }
    }

    #[test]
    fn a_handshake_is_saved_by_every_request_but_the_first() {
        let reused = summary(vec![life(1, 10, CloseReason::LastMessage), life(2, 1, CloseReason::PeerFin)]);
        assert_eq!((reused.requests(), reused.handshakes_saved()), (11, 9));
        let unused = summary(vec![life(1, 0, CloseReason::PeerReset)]);
        assert_eq!(unused.handshakes_saved(), 0);
        assert_eq!(unused.handshake(), Some(2 * MS));
        assert_eq!(Summary::default().handshake(), None);
    }

    #[test]
    fn waits_overlap_and_nothing_else_does() {
        // 1,000 ms, of which 802 ms are waits (2 ms of them for the connection).
        let run = Summary { waited: 800 * MS, ..summary(vec![life(1, 100, CloseReason::LastMessage)]) };
        let estimate = run.estimate(8).unwrap();
        assert_eq!(estimate.as_micros(), 198_000 + 802_000 / 8);
        let stuck = Summary { longest: 700 * MS, ..run.clone() };
        assert_eq!(stuck.estimate(8), Some(700 * MS), "one file took most of the time");
        assert_eq!(run.estimate(1), None, "that is what was measured");
        let few = Summary { waited: 800 * MS, ..summary(vec![life(1, 2, CloseReason::LastMessage)]) };
        assert_eq!(few.estimate(8).unwrap().as_micros(), 198_000 + 802_000 / 2, "only two could overlap");
        assert_eq!(Summary::default().estimate(8), None);
    }

    #[test]
    fn alike_lives_are_grouped() {
        let lives = [(3, CloseReason::CloseOption), (3, CloseReason::CloseOption), (1, CloseReason::LastMessage)];
        let lives = lives.iter().enumerate().map(|(i, &(n, why))| life(i as u64 + 1, n, why)).collect();
        let groups = summary(lives).groups();
        let short: Vec<(u64, u64)> = groups.iter().map(|g| (g.connections, g.requests)).collect();
        assert_eq!(short, [(2, 3), (1, 1)]);
        assert_eq!(groups[0].sent, 2_000);
    }
}
