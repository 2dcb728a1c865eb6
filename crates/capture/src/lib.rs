//! The life of each HTTP connection in a packet capture: its exchanges with their times, what lay
//! between them, who closed it and why, and which request lost the race with a close.
//!
//! The walk: [`read`] takes packets from the `file`, `packet` finds the TCP segment in each, `table`
//! its connection. There `flow` puts each direction's bytes in order, and `dialogue` gives them to
//! the same core that the client and the server run on, in both roles. When the connection is over,
//! `fate` says what became of each request, `ending` who closed and why, `side` where the capture
//! was made: that decides what its times prove.
//!
//! What the capture does not show is told as unknown, never guessed: bytes that it lacks end the
//! reading of their direction, unless they are content whose length is known.
//!
//! Memory is bounded: the file is read packet by packet, and what is kept of it has limits, beyond
//! which connections and exchanges are counted only.
#![forbid(unsafe_code)]

mod connection;
mod dialogue;
mod ending;
mod fate;
mod file;
mod flow;
mod life;
mod packet;
mod protocol;
mod side;
mod table;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

pub use fate::{Basis, Outcome, Race, Relation};
pub use file::{Error, FileEnd, is_capture};
pub use life::{Close, EndState, Ending, Exchange, How, Life, Message, Opening, Protocol, Response, Stop};
pub use side::{Side, SideBasis};

use packet::Skipped;
use table::Table;

/// One of the two ends of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Who {
    /// The one that opened it.
    Client,
    /// The other one.
    Server,
}

impl Who {
    /// `client` or `server`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Client => 0,
            Self::Server => 1,
        }
    }
}

/// A packet's place in the capture: packets of the same time have an order too.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Moment {
    /// Counted from 1, as Wireshark does.
    pub packet: u64,
    /// Since the capture's first packet.
    pub time: Duration,
}

/// What a capture holds.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Capture {
    /// Its TCP connections, in the order of their first packets.
    pub lives: Vec<Life>,
    /// Packets in it.
    pub packets: u64,
    /// Packets of TCP.
    pub segments: u64,
    /// Packets of other protocols.
    pub others: u64,
    /// Fragments of IP packets, which are not put together.
    pub fragments: u64,
    /// TCP packets of which not even the header was recorded.
    pub headers_cut: u64,
    /// TCP packets of which only the beginning was recorded (snap length).
    pub cut: u64,
    /// Packets of link types that are not known here, by their number.
    pub unknown_links: BTreeMap<i32, u64>,
    /// Packets that the recording machine says it lost.
    pub dropped: u64,
    /// How the file ended.
    pub end: FileEnd,
    /// The first packet's time since 1970.
    pub start: Duration,
    /// From the first packet to the latest.
    pub duration: Duration,
    /// Connections that were not followed, since there were too many.
    pub not_followed: u64,
}

/// Reads a capture. `side`: where it was made, if that is known; else it is guessed for each
/// connection.
///
/// # Errors
/// It is no capture, or reading failed. A capture that ends in the middle of a packet is no error:
/// see [`Capture::end`].
pub fn read(source: impl Read + Send, side: Option<Side>) -> Result<Capture, Error> {
    let mut capture = Capture::default();
    let mut table = Table::new(side);
    let facts = file::read(source, |record| {
        capture.packets += 1;
        if capture.packets == 1 {
            capture.start = record.time;
        }
        // A clock that was set back leaves time standing still.
        let time = record.time.saturating_sub(capture.start).max(capture.duration);
        capture.duration = time;
        match packet::segment(&record) {
            Ok(segment) => {
                capture.segments += 1;
                capture.cut += u64::from(u64::from(segment.len) > segment.payload.len() as u64);
                table.segment(&segment, Moment { packet: capture.packets, time });
            }
            Err(Skipped::Other) => capture.others += 1,
            Err(Skipped::Fragment) => capture.fragments += 1,
            Err(Skipped::Cut) => capture.headers_cut += 1,
            Err(Skipped::Link) => *capture.unknown_links.entry(record.link).or_default() += 1,
        }
    })?;
    (capture.end, capture.dropped) = (facts.end, facts.dropped);
    (capture.lives, capture.not_followed) = table.finish();
    if capture.dropped > 0 || capture.headers_cut > 0 {
        // Nobody knows of which connections those packets were.
        let exchanges = capture.lives.iter_mut().flat_map(|life| &mut life.exchanges);
        exchanges.for_each(|exchange| exchange.outcome = exchange.outcome.if_lossy());
    }
    Ok(capture)
}
