//! Where a connection was captured: at the client, at the server, or in between. Only at an end is
//! the order of two packets the order in which that end sent and received them.

use std::net::SocketAddr;
use std::time::Duration;

use crate::life::Opening;

/// Where the capture was made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Side {
    /// On the client's machine.
    Client,
    /// On the server's machine.
    Server,
    /// Somewhere between them, or it cannot be told.
    Middle,
    /// Both are the same machine.
    Both,
}

impl Side {
    /// `client`, `server`, `middle` or `both`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Middle => "middle",
            Self::Both => "both",
        }
    }
}

/// How [`Side`] is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SideBasis {
    /// The caller said so.
    Stated,
    /// The two addresses are those of one machine.
    Addresses,
    /// Guessed: in the handshake one side answered at once, the other one after a round trip.
    Handshake {
        /// From the SYN to the server's answer.
        server: Duration,
        /// From that to the client's acknowledgement.
        client: Duration,
    },
    /// Guessed: one side's packets had passed no router yet (TTL 64, 128 or 255), the other's had.
    Ttl,
    /// Nothing tells.
    Unknown,
}

/// A wait shorter than this may be a fast network as well as the machine itself.
const LEAST: Duration = Duration::from_micros(200);
/// The longer wait is so many times the shorter one.
const RATIO: u32 = 4;

/// Where a connection was captured. `ttl`: of the client's and of the server's packets.
pub(crate) fn guess(
    client: SocketAddr,
    server: SocketAddr,
    opening: Option<Opening>,
    ttl: [Option<u8>; 2],
) -> (Side, SideBasis) {
    if client.ip() == server.ip() || (client.ip().is_loopback() && server.ip().is_loopback()) {
        return (Side::Both, SideBasis::Addresses);
    }
    let waits = opening.and_then(|opening| {
        let (accepted, acknowledged) = (opening.accepted?.time, opening.acknowledged?.time);
        Some((accepted.saturating_sub(opening.syn.time), acknowledged.saturating_sub(accepted)))
    });
    if let Some((server, client)) = waits {
        let basis = SideBasis::Handshake { server, client };
        if server >= LEAST && server / RATIO > client {
            return (Side::Client, basis);
        }
        if client >= LEAST && client / RATIO > server {
            return (Side::Server, basis);
        }
    }
    let fresh = |ttl: Option<u8>| ttl.map(|ttl| matches!(ttl, 64 | 128 | 255));
    match ttl.map(fresh) {
        [Some(true), Some(false)] => (Side::Client, SideBasis::Ttl),
        [Some(false), Some(true)] => (Side::Server, SideBasis::Ttl),
        _ => (Side::Middle, SideBasis::Unknown),
    }
}
