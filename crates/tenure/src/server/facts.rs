//! Who is at the other end of a connection, since when, and what a request is told of that.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use http::HeaderMap;
use tenure_proto::Fields;

use super::drive::Drive;
use super::forwarded::Forwarding;
use super::stream::Stream;
use crate::io::Socket;
use crate::observe::{ConnectionInfo, TlsFacts};

/// What stays the same from request to request, and the times between them.
pub(super) struct Facts {
    pub(super) id: u64,
    pub(super) sides: Sides,
    pub(super) opened: Instant,
    pub(super) quiet_since: Instant,
    /// When the loop last took a step: the age of the request under way counts from there.
    pub(super) stepped: Instant,
}

/// The two sides of the connection. The socket is asked for what is not known, once somebody asks.
pub(super) struct Sides {
    peer: Side,
    local: Side,
}

/// The address of one side, where it has one.
enum Side {
    Known(SocketAddr),
    /// A lock for what most connections know from the start would cost each of them.
    Asked(OnceLock<Option<SocketAddr>>),
}

impl Side {
    fn get(&self, ask: impl FnOnce() -> Option<SocketAddr>) -> Option<SocketAddr> {
        match self {
            Self::Known(address) => Some(*address),
            Self::Asked(answer) => *answer.get_or_init(ask),
        }
    }
}

impl Sides {
    /// Whatever is `None` is found out later.
    pub(super) fn new(peer: Option<SocketAddr>, local: Option<SocketAddr>) -> Self {
        let side = |side: Option<SocketAddr>| side.map_or_else(|| Side::Asked(OnceLock::new()), Side::Known);
        Self { peer: side(peer), local: side(local) }
    }

    /// The other end, where it has an IP address.
    pub(super) fn peer(&self, socket: Option<&Socket>) -> Option<SocketAddr> {
        self.peer.get(|| socket.and_then(Socket::peer))
    }

    /// This end, where it has an IP address.
    fn local(&self, socket: Option<&Socket>) -> Option<SocketAddr> {
        self.local.get(|| socket.and_then(Socket::local))
    }
}

/// All that the facts of one request are made of, borrowed: they are put together only where
/// somebody asks.
#[derive(Clone, Copy)]
pub(super) struct Asked<'c> {
    facts: &'c Facts,
    socket: Option<&'c Socket>,
    tls: Option<&'c Arc<TlsFacts>>,
    forwarding: Option<&'c Forwarding>,
    request: u64,
}

impl<'c> Asked<'c> {
    pub(super) fn new(
        facts: &'c Facts,
        stream: &'c impl Stream,
        forwarding: Option<&'c Forwarding>,
        request: u64,
    ) -> Self {
        Self { facts, socket: stream.socket(), tls: stream.tls(), forwarding, request }
    }

    /// For a request that comes from the peer itself.
    #[inline]
    pub(super) fn info(&self) -> ConnectionInfo {
        let &Facts { id, ref sides, opened, quiet_since, stepped } = self.facts;
        let peer = sides.peer(self.socket);
        // Of requests that came together only the first was waited for, and a subtraction has its price.
        let idle = if quiet_since == stepped { Duration::ZERO } else { stepped.saturating_duration_since(quiet_since) };
        ConnectionInfo {
            id,
            request: self.request,
            peer,
            local: sides.local(self.socket),
            client: peer.map(|peer| peer.ip().to_canonical()),
            server: None,
            age: stepped.saturating_duration_since(opened),
            idle,
            tls: self.tls.cloned(),
            pipelined: None,
        }
    }

    /// For a request whose fields may say for whom a trusted proxy asks.
    #[inline]
    pub(super) fn info_for(&self, headers: &HeaderMap) -> ConnectionInfo {
        let mut info = self.info();
        if let Some(forwarding) = self.forwarding {
            info.client = forwarding.client(info.client, headers);
        }
        info
    }

    /// The same for fields that are borrowed.
    pub(super) fn info_raw(&self, fields: Fields<'_>) -> ConnectionInfo {
        let mut info = self.info();
        if let Some(forwarding) = self.forwarding {
            info.client = forwarding.client_raw(info.client, fields);
        }
        info
    }
}

impl<S: Stream> Drive<S> {
    /// What the request under way may be told.
    pub(super) fn asked(&self) -> Asked<'_> {
        let request = self.connection.exchanges() + 1;
        Asked::new(&self.facts, self.transport.stream(), self.shared.forwarding.as_ref(), request)
    }

    /// The other end, where it has an IP address.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.facts.sides.peer(self.transport.stream().socket())
    }
}
