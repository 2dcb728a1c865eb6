//! Which connection a request that may be pipelined goes on. Pure: it decides, the caller acts.
//!
//! A lane is one connection that carries requests one behind the other. The least loaded lane takes
//! the next request; where all are full another lane is opened; where none may be, the request waits
//! in a queue that all lanes of its origin take from.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Instant;

use super::trust::Trust;

/// A lane.
pub(super) type LaneId = u64;
/// A request.
pub(super) type Ticket = u64;

/// What becomes of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Placement {
    /// This origin is not pipelined to.
    Direct,
    /// It goes on this lane.
    Lane(LaneId),
    /// It waits; this lane is to be opened.
    Open(LaneId),
    /// It waits.
    Wait,
}

/// A request that waited goes on a lane.
pub(super) type Given = (LaneId, Ticket);

/// A response has ended.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Answered {
    /// With HTTP/1.1, and the connection goes on.
    pub(super) persists: bool,
    /// How many more requests the server takes, as it says (`Keep-Alive: max`).
    pub(super) max: Option<u64>,
}

/// Lanes and waiting requests by origin `K`.
#[derive(Debug)]
pub(super) struct Lanes<K> {
    depth: u8,
    origins: HashMap<K, Entry>,
    /// Numbers lanes and tickets.
    next: u64,
    /// With so many origins, those of which nothing is known any more are forgotten.
    prune_at: usize,
}

/// Invariant: while an open lane has room, nothing waits.
#[derive(Debug, Default)]
struct Entry {
    trust: Trust,
    lanes: Vec<Lane>,
    waiting: VecDeque<Ticket>,
    /// When one of them last got its turn.
    turned: Option<Instant>,
    /// Some of those that wait were already sent on a connection that ended.
    cut: bool,
}

#[derive(Debug)]
struct Lane {
    id: LaneId,
    stage: Stage,
    outstanding: usize,
    /// Requests that it may still be given, if the server has said.
    left: Option<u64>,
    /// It begins with one request alone: "a client MUST NOT pipeline immediately after connection
    /// establishment" when it sends unanswered ones again (RFC 9112 section 9.3.2).
    alone: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Its connection is being made.
    Opening,
    Open,
    /// It ends with what it has.
    Closing,
}

const PRUNE: usize = 64;

impl<K: Hash + Eq + Clone> Lanes<K> {
    /// At most `depth` requests outstanding on each lane, at least 1.
    pub(super) fn new(depth: u8) -> Self {
        Self { depth: depth.max(1), origins: HashMap::new(), next: 0, prune_at: PRUNE }
    }

    /// A request that may be pipelined. `has_room`: another connection to the origin may be had at once.
    pub(super) fn submit(&mut self, origin: &K, has_room: bool, now: Instant) -> (Ticket, Placement) {
        self.prune(now);
        self.next += 1;
        let (ticket, depth) = (self.next, self.depth);
        let entry = self.entry(origin);
        let Some(window) = entry.window(depth, now) else { return (ticket, Placement::Direct) };
        if let Some(lane) = entry.least(window) {
            lane.take();
            return (ticket, Placement::Lane(lane.id));
        }
        entry.waiting.push_back(ticket);
        let coming: usize = entry.opening().map(|lane| lane.window(window)).sum();
        let wanted = entry.waiting.len() > coming && (has_room || entry.lanes.is_empty());
        (ticket, if wanted { Placement::Open(self.open(origin)) } else { Placement::Wait })
    }

    /// A lane has its connection. Which requests go where now.
    pub(super) fn opened(&mut self, origin: &K, id: LaneId, now: Instant) -> Vec<Given> {
        if let Some(lane) = self.lane(origin, id) {
            lane.stage = Stage::Open;
        }
        self.fill(origin, now)
    }

    /// A response on a lane has ended. Which requests go where now.
    pub(super) fn answered(&mut self, origin: &K, id: LaneId, answer: Answered, now: Instant) -> Vec<Given> {
        let entry = self.entry(origin);
        entry.trust.answered(answer.persists, now);
        if let Some(lane) = entry.lanes.iter_mut().find(|lane| lane.id == id) {
            lane.outstanding = lane.outstanding.saturating_sub(1);
            lane.left = answer.max.map(|max| max.saturating_sub(lane.outstanding as u64));
            if std::mem::take(&mut lane.alone) {
                entry.cut = false;
            }
        }
        self.fill(origin, now)
    }

    /// A request that was given to a lane has gone before it was sent.
    pub(super) fn withdrawn(&mut self, origin: &K, id: LaneId, now: Instant) -> Vec<Given> {
        if let Some(lane) = self.lane(origin, id) {
            lane.outstanding = lane.outstanding.saturating_sub(1);
            lane.left = lane.left.map(|left| left + 1);
        }
        self.fill(origin, now)
    }

    /// A lane takes no further request.
    pub(super) fn closing(&mut self, origin: &K, id: LaneId) {
        if let Some(lane) = self.lane(origin, id) {
            lane.stage = Stage::Closing;
        }
    }

    /// A lane has ended. Another one to be opened, if requests wait and no lane is left for them.
    pub(super) fn ended(&mut self, origin: &K, id: LaneId) -> Option<LaneId> {
        self.entry(origin).lanes.retain(|lane| lane.id != id);
        self.missing(origin, true)
    }

    /// Another lane to be opened, if requests wait and no lane is there for them.
    pub(super) fn missing(&mut self, origin: &K, has_room: bool) -> Option<LaneId> {
        let entry = self.entry(origin);
        let needed = has_room && !entry.waiting.is_empty() && !entry.is_served();
        needed.then(|| self.open(origin))
    }

    /// A lane got no connection. Those that wait and have no other lane to wait for.
    pub(super) fn unopened(&mut self, origin: &K, id: LaneId) -> Vec<Ticket> {
        let entry = self.entry(origin);
        entry.lanes.retain(|lane| lane.id != id);
        if entry.is_served() { Vec::new() } else { entry.waiting.drain(..).collect() }
    }

    /// Requests that were certainly not processed wait again, before all others; `cut`: they were
    /// sent. Which requests go where now.
    pub(super) fn again(&mut self, origin: &K, tickets: &[Ticket], cut: bool, now: Instant) -> Vec<Given> {
        let entry = self.entry(origin);
        for &ticket in tickets.iter().rev() {
            entry.waiting.push_front(ticket);
        }
        if cut && !tickets.is_empty() {
            entry.cut = true;
            entry.opening().for_each(|lane| lane.alone = true);
        }
        self.fill(origin, now)
    }

    /// Pipelining to this origin went wrong. Those that wait must go on without.
    pub(super) fn failed(&mut self, origin: &K, now: Instant) -> Vec<Ticket> {
        let entry = self.entry(origin);
        entry.trust.failed(now);
        entry.waiting.drain(..).collect()
    }

    /// When a request that waited last got its turn.
    pub(super) fn last_turn(&self, origin: &K) -> Option<Instant> {
        self.origins.get(origin)?.turned
    }

    /// How many requests wait.
    pub(super) fn waiting(&self, origin: &K) -> usize {
        self.origins.get(origin).map_or(0, |entry| entry.waiting.len())
    }

    /// Lanes that wait for a connection.
    pub(super) fn opening(&mut self, origin: &K) -> usize {
        self.origins.get_mut(origin).map_or(0, |entry| entry.opening().count())
    }

    /// A request has gone. False if it waits no more.
    pub(super) fn cancel(&mut self, origin: &K, ticket: Ticket) -> bool {
        let Some(entry) = self.origins.get_mut(origin) else { return false };
        let before = entry.waiting.len();
        entry.waiting.retain(|t| *t != ticket);
        entry.waiting.len() < before
    }

    /// Gives waiting requests to lanes that have room.
    fn fill(&mut self, origin: &K, now: Instant) -> Vec<Given> {
        let depth = self.depth;
        let entry = self.entry(origin);
        let window = entry.window(depth, now).unwrap_or(1);
        let mut given = Vec::new();
        while let Some(&ticket) = entry.waiting.front() {
            let Some(lane) = entry.least(window) else { break };
            lane.take();
            given.push((lane.id, ticket));
            entry.waiting.pop_front();
            entry.turned = Some(now);
        }
        given
    }

    fn open(&mut self, origin: &K) -> LaneId {
        self.next += 1;
        let id = self.next;
        let entry = self.entry(origin);
        entry.lanes.push(Lane { id, stage: Stage::Opening, outstanding: 0, left: None, alone: entry.cut });
        id
    }

    fn entry(&mut self, origin: &K) -> &mut Entry {
        self.origins.entry(origin.clone()).or_default()
    }

    fn lane(&mut self, origin: &K, id: LaneId) -> Option<&mut Lane> {
        self.origins.get_mut(origin)?.lanes.iter_mut().find(|lane| lane.id == id)
    }

    fn prune(&mut self, now: Instant) {
        if self.origins.len() >= self.prune_at {
            self.origins.retain(|_, entry| !entry.is_stale(now));
            self.prune_at = (self.origins.len() * 2).max(PRUNE);
        }
    }
}

impl Entry {
    /// Requests that one lane may have outstanding; `None`: no pipelining.
    fn window(&self, depth: u8, now: Instant) -> Option<usize> {
        match self.trust.at(now) {
            Trust::Unknown => Some(1),
            Trust::Shown { .. } => Some(depth.into()),
            Trust::Failed { .. } => None,
        }
    }

    /// The open lane with the fewest outstanding requests that has room.
    fn least(&mut self, window: usize) -> Option<&mut Lane> {
        self.lanes.iter_mut().filter(|lane| lane.has_room(window)).min_by_key(|lane| lane.outstanding)
    }

    fn opening(&mut self) -> impl Iterator<Item = &mut Lane> {
        self.lanes.iter_mut().filter(|lane| lane.stage == Stage::Opening)
    }

    /// True if a lane will take those that wait.
    fn is_served(&self) -> bool {
        self.lanes.iter().any(|lane| lane.stage != Stage::Closing)
    }

    fn is_stale(&self, now: Instant) -> bool {
        self.lanes.is_empty() && self.waiting.is_empty() && self.trust.at(now) == Trust::Unknown
    }
}

impl Lane {
    const fn window(&self, window: usize) -> usize {
        if self.alone { 1 } else { window }
    }

    fn has_room(&self, window: usize) -> bool {
        self.stage == Stage::Open && self.outstanding < self.window(window) && self.left != Some(0)
    }

    fn take(&mut self) {
        self.outstanding += 1;
        self.left = self.left.map(|left| left.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests;
