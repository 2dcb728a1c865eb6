//! All connections of a capture, by their two addresses.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::Moment;
use crate::connection::Connection;
use crate::life::Life;
use crate::packet::Segment;
use crate::side::Side;

/// Connections that are followed at the same time.
const MOST_OPEN: usize = if cfg!(test) { 1_000 } else { 20_000 };
/// Connections that are kept in all.
const MOST: u64 = 100_000;
/// Exchanges that are kept in all.
const MOST_EXCHANGES: usize = 1_000_000;
/// Memory for bytes that wait for others before them, over all connections; beyond it nothing is waited for.
const MOST_HELD: usize = if cfg!(test) { 1024 * 1024 } else { 256 * 1024 * 1024 };
/// A closed connection gets no more packets after so long.
const SETTLED: Duration = Duration::from_secs(120);
/// How often settled ones are looked for, in packets.
const SWEEP: u64 = 16 * 1024;

pub(crate) struct Table {
    side: Option<Side>,
    open: HashMap<(SocketAddr, SocketAddr), Connection>,
    done: Vec<Life>,
    seen: u64,
    exchanges: usize,
    not_followed: u64,
    /// Memory of all bytes that wait for others before them.
    held: usize,
    /// Before this packet there is no use in looking for room again.
    full_until: u64,
}

impl Table {
    pub(crate) fn new(side: Option<Side>) -> Self {
        Self {
            side,
            open: HashMap::new(),
            done: Vec::new(),
            seen: 0,
            exchanges: 0,
            not_followed: 0,
            held: 0,
            full_until: 0,
        }
    }

    pub(crate) fn segment(&mut self, segment: &Segment<'_>, moment: Moment) {
        let key = (segment.from.min(segment.to), segment.from.max(segment.to));
        if moment.packet.is_multiple_of(SWEEP) {
            self.sweep(moment);
        }
        if let Some(connection) = self.open.get_mut(&key) {
            if !connection.is_over_for(segment) {
                let before = connection.held();
                connection.segment(segment, moment, self.held > MOST_HELD);
                self.held = self.held - before + connection.held();
                return;
            }
            self.finish_one(&key);
        }
        if self.open.len() >= MOST_OPEN && moment.packet >= self.full_until {
            self.make_room();
            self.full_until = if self.open.len() < MOST_OPEN { 0 } else { moment.packet + SWEEP };
        }
        if self.open.len() >= MOST_OPEN || self.seen >= MOST {
            // Each of its packets would count; its first one, if that is here, counts.
            self.not_followed += u64::from(segment.syn && segment.ack.is_none());
            return;
        }
        self.seen += 1;
        let most = MOST_EXCHANGES.saturating_sub(self.exchanges);
        let mut connection = Connection::new(self.seen, segment, moment, most);
        connection.segment(segment, moment, self.held > MOST_HELD);
        self.held += connection.held();
        self.open.insert(key, connection);
    }

    /// All connections in the order of their first packets, and how many more there were.
    pub(crate) fn finish(mut self) -> (Vec<Life>, u64) {
        for (_, connection) in std::mem::take(&mut self.open) {
            self.finished(connection);
        }
        self.done.sort_by_key(|life| life.number);
        (self.done, self.not_followed)
    }

    fn sweep(&mut self, now: Moment) {
        let settled = |connection: &Connection| {
            connection.closed().is_some_and(|last| now.time.saturating_sub(last.time) > SETTLED)
        };
        let keys: Vec<_> = self.open.iter().filter(|(_, c)| settled(c)).map(|(key, _)| *key).collect();
        keys.iter().for_each(|key| self.finish_one(key));
    }

    /// Finishes the half of the closed connections that have been quiet for longest.
    fn make_room(&mut self) {
        let mut closed: Vec<_> = self.open.iter().filter_map(|(key, c)| Some((c.closed()?.packet, *key))).collect();
        closed.sort_unstable();
        closed.truncate(closed.len().div_ceil(2));
        closed.iter().for_each(|(_, key)| self.finish_one(key));
    }

    fn finish_one(&mut self, key: &(SocketAddr, SocketAddr)) {
        let connection = self.open.remove(key);
        connection.into_iter().for_each(|connection| self.finished(connection));
    }

    fn finished(&mut self, connection: Connection) {
        self.exchanges += connection.exchanges();
        self.held -= connection.held();
        self.done.push(connection.finish(self.side));
    }
}
