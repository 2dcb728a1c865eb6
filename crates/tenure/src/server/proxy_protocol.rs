//! The PROXY protocol, versions 1 and 2: what a proxy says about the connection it stands for, before the first byte of HTTP.
//!
//! This reads bytes and decides; it holds no socket. The rules are those of HAProxy's
//! `proxy-protocol.txt`, whose sections the comments name:
//! - A listener either expects the header on every connection or on none ([`ProxyProtocol`]).
//!   Nothing is guessed from the bytes: else any client could name itself what it likes (section 5).
//! - Only trusted peers may send one; others are refused before a byte is read.
//! - A header is complete before any of it is believed ([`parse`]). One that breaks a rule ends the
//!   connection without an answer, since the sender is no HTTP client.

mod error;
mod v1;
mod v2;

use std::net::{IpAddr, SocketAddr};

use super::network::TrustedPeer;

pub use error::ProxyError;

/// The longest header taken, in bytes, all of it counted. The version 2 format allows 65,551; what
/// proxies add to the addresses (TLS facts, the client's certificate) fits into far less.
pub const MAX_LEN: usize = 4096;

/// Whether the connections of a listener begin with a PROXY protocol header.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum ProxyProtocol {
    /// None does. A header that comes all the same is a malformed request.
    #[default]
    Off,
    /// Each does, and it comes from one of these peers.
    Required {
        /// The proxies. An empty list trusts nobody, so nobody is served.
        trusted: Vec<TrustedPeer>,
    },
}

impl ProxyProtocol {
    /// What to do with a new connection from `peer`; `None` is a peer on a Unix socket.
    pub fn admit(&self, peer: Option<IpAddr>) -> Admission {
        match self {
            Self::Off => Admission::Plain,
            Self::Required { trusted } if trusted.iter().any(|t| t.matches(peer)) => Admission::Header,
            Self::Required { .. } => Admission::Refuse,
        }
    }
}

/// What a new connection begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Admission {
    /// TLS or HTTP.
    Plain,
    /// A PROXY protocol header: [`parse`] it.
    Header,
    /// Nothing that may be read: close.
    Refuse,
}

/// What [`parse`] made of the bytes so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Parsed {
    /// The header goes on: read more and parse all of it again. Never for [`MAX_LEN`] bytes or more.
    NeedMore,
    /// The header is complete.
    Done {
        /// Its length in bytes. What follows is TLS or HTTP.
        used: usize,
        /// What it says.
        header: Header,
    },
}

/// What a PROXY protocol header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Header {
    /// Nothing about others: the connection's own addresses hold. A health check of the proxy (`LOCAL`),
    /// or a client whose connection is no TCP over IP (`UNKNOWN`, `AF_UNSPEC`, `AF_UNIX`, datagrams).
    Local,
    /// The addresses of the TCP connection the proxy stands for.
    Addresses {
        /// The client.
        source: SocketAddr,
        /// What the client connected to.
        destination: SocketAddr,
    },
}

/// Parses the header at the beginning of a connection, of either version. `input` is all that was
/// received so far; what comes after the header is not looked at.
///
/// The caller bounds the time a header may take: a few bytes that never go on are [`Parsed::NeedMore`].
///
/// # Errors
/// The bytes can no longer become a header, told at the first of them that shows it. Close the connection.
pub fn parse(input: &[u8]) -> Result<Parsed, ProxyError> {
    if begins(input, v2::SIGNATURE) {
        v2::parse(input)
    } else if begins(input, v1::PREFIX) {
        v1::parse(input)
    } else {
        Err(ProxyError::NotProxy)
    }
}

/// Whether one is the beginning of the other, as far as there are bytes.
fn begins(input: &[u8], with: &[u8]) -> bool {
    input.iter().zip(with).all(|(a, b)| a == b)
}

#[cfg(test)]
mod tests;
