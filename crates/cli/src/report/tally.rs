//! What the connections of a run did: the observer that counts it, and feeds the wire log.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tenure::{CloseReason, Direction, Observer, Opened};

use crate::wire::{self, WireLog};

/// One connection's life.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Life {
    /// Its number, counted from 1.
    pub(crate) id: u64,
    /// How long making it took, TLS included.
    pub(crate) took: Duration,
    /// As the kernel measured it while the connection was made.
    pub(crate) round_trip: Option<Duration>,
    /// Of HTTP, before encryption.
    pub(crate) sent: u64,
    /// Of HTTP, after decryption.
    pub(crate) received: u64,
    /// Completed exchanges.
    pub(crate) requests: u64,
    /// How long it was open.
    pub(crate) open: Duration,
    /// Why it ended; `None` if it has not.
    pub(crate) why: Option<CloseReason>,
}

/// Counts what connections do.
pub(crate) struct Tally {
    wire: Option<WireLog>,
    /// One lock, held for a few additions.
    lives: Mutex<BTreeMap<u64, (Instant, Life)>>,
}

impl Tally {
    pub(crate) const fn new(wire: Option<WireLog>) -> Self {
        Self { wire, lives: Mutex::new(BTreeMap::new()) }
    }

    /// All connections, in the order of their numbers.
    pub(crate) fn lives(&self) -> Vec<Life> {
        self.lock().values().map(|(_, life)| life.clone()).collect()
    }

    /// How long making this connection took; zero if there is none of this number.
    pub(crate) fn took(&self, id: u64) -> Duration {
        self.lock().get(&id).map_or(Duration::ZERO, |(_, life)| life.took)
    }

    /// Writes out the wire log, if there is one.
    ///
    /// # Errors
    /// The log is incomplete.
    pub(crate) fn finish(&self) -> io::Result<()> {
        self.wire.as_ref().map_or(Ok(()), WireLog::finish)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, (Instant, Life)>> {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Tally {
    fn opened(&self, connection: Opened) {
        let Opened { id, took, round_trip, .. } = connection;
        let life = Life { id, took, round_trip, sent: 0, received: 0, requests: 0, open: Duration::ZERO, why: None };
        self.lock().insert(id, (Instant::now(), life));
        if let Some(log) = &self.wire {
            let peer = connection.peer.map_or_else(|| "somewhere".to_owned(), |peer| peer.to_string());
            log.event(id, log.since_start(), &format!("{} {peer}", wire::OPENED));
        }
    }

    fn closed(&self, id: u64, why: CloseReason, exchanges: u64) {
        if let Some((opened, life)) = self.lock().get_mut(&id) {
            life.why = Some(why);
            life.requests = exchanges;
            life.open = opened.elapsed();
        }
        if let Some(log) = &self.wire {
            let time = log.since_start();
            match why {
                CloseReason::PeerReset => log.event(id, time, wire::RESET_RECEIVED),
                CloseReason::PeerFin => {
                    log.event(id, time, wire::FIN_RECEIVED);
                    log.event(id, time, wire::FIN_SENT);
                }
                _ => log.event(id, time, wire::FIN_SENT),
            }
        }
    }

    fn watches_bytes(&self) -> bool {
        true
    }

    fn bytes(&self, id: u64, direction: Direction, bytes: &[u8]) {
        if let Some((_, life)) = self.lock().get_mut(&id) {
            match direction {
                Direction::Sent => life.sent += bytes.len() as u64,
                Direction::Received => life.received += bytes.len() as u64,
            }
        }
        if let Some(log) = &self.wire {
            let direction = match direction {
                Direction::Sent => wire::Direction::Sent,
                Direction::Received => wire::Direction::Received,
            };
            log.record(id, direction, log.since_start(), bytes);
        }
    }
}
