//! What a connection does, told to whoever wants to know.

mod both;
mod exchanged;
mod timing;
mod tls;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tenure_proto::{CloseReason, Fate};
use tracing::level_filters::LevelFilter;

pub(crate) use both::add;
pub use exchanged::Exchanged;
pub(crate) use exchanged::{Head, UnderWay};
pub use timing::Timing;
pub(crate) use timing::{Known, Making, Told};
pub use tls::{TlsFacts, TlsVersion};

/// Whether a subscriber may want spans. Asked before one is made: with the feature `log` of `tracing`, which any crate of a
/// program can switch on, a span that nobody listens to costs hundreds of instructions.
#[inline]
pub(crate) fn is_traced() -> bool {
    LevelFilter::current() >= LevelFilter::INFO
}

/// Facts about the connection that carries a message. In the extensions of a request where the server was
/// [told so](crate::server::Server::connection_info); of a client's response [`ResponseExt::connection`](crate::ResponseExt::connection) tells them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectionInfo {
    /// Its number, unique among the connections of one server or client; counted from 1.
    pub id: u64,
    /// Which request on it this is, counted from 1.
    pub request: u64,
    /// The other end, where the transport has an address; in a server whose proxies say it
    /// ([`proxy_protocol`](crate::server::Server::proxy_protocol)), the client.
    pub peer: Option<SocketAddr>,
    /// This end; in a server whose proxies say it, what the client has connected to.
    pub local: Option<SocketAddr>,
    /// Who makes the request, where that is known: the peer, or whom trusted proxies name
    /// ([`forwarded`](crate::server::Server::forwarded)). Always `None` in a client.
    pub client: Option<IpAddr>,
    /// The server that a client's connection was made to, as its requests name it; always `None` in
    /// a server.
    pub server: Option<ServerAddress>,
    /// Age of the connection when the request began.
    pub age: Duration,
    /// How long it had carried nothing before this request.
    pub idle: Duration,
    /// What TLS agreed on; `None` on a plain connection.
    pub tls: Option<Arc<TlsFacts>>,
    /// How it stood in a client's pipeline; `None` if nothing else was outstanding when it was sent.
    pub pipelined: Option<Pipelined>,
}

/// A request that was sent before earlier ones were answered (RFC 9112 section 9.3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pipelined {
    /// Requests outstanding on the connection when it was sent, itself among them: 2 or more.
    pub depth: usize,
    /// For how long those before it held it up: from when its last byte was written until their
    /// responses had ended. Zero until then.
    pub waited: Duration,
}

impl ConnectionInfo {
    /// True if the connection had carried an earlier request.
    pub const fn is_reused(&self) -> bool {
        self.request > 1
    }
}

/// A server by the name that it is asked by.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ServerAddress {
    /// In lower case; an IPv6 address without brackets.
    pub host: Arc<str>,
    /// The port, also where it is the scheme's own.
    pub port: u16,
}

/// A new connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// Its number, as in [`ConnectionInfo::id`].
    pub id: u64,
    /// The other end, where the transport has an address.
    pub peer: Option<SocketAddr>,
    /// The server, as in [`ConnectionInfo::server`].
    pub server: Option<ServerAddress>,
    /// How long making it lasted, TLS included; zero in a server.
    pub took: Duration,
    /// The round-trip time that the kernel measured on it so far; in a client on Linux.
    pub round_trip: Option<Duration>,
}

/// Which way bytes went.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// By this side.
    Sent,
    /// By the peer.
    Received,
}

/// Told what the connections of a server or a client do: the one hook that logs and metrics are made
/// of. Called on the connection's own task, so be quick and never wait.
///
/// Of one connection the calls come in this order: `opened`; then any number of `began` and
/// `exchanged`, always in pairs, and of `parked` and `woken`, always in pairs; at last `closed`. In a
/// pipeline several requests have begun before the first is over.
pub trait Observer: Send + Sync + 'static {
    /// A connection was made or accepted.
    fn opened(&self, connection: Opened) {
        let _ = connection;
    }

    /// It has ended, after so many completed exchanges.
    fn closed(&self, id: u64, why: CloseReason, exchanges: u64) {
        let _ = (id, why, exchanges);
    }

    /// An idle connection of a server gave up its task and buffers.
    fn parked(&self, id: u64) {
        let _ = id;
    }

    /// A parked connection has its task again, or is about to end.
    fn woken(&self, id: u64) {
        let _ = id;
    }

    /// A server could not accept a connection.
    fn not_accepted(&self, error: &io::Error) {
        let _ = error;
    }

    /// A request begins: its head was received (server), or it got its connection (client). The
    /// method is empty if the request cannot be read.
    fn began(&self, connection: &ConnectionInfo, method: &str) {
        let _ = (connection, method);
    }

    /// A request and its response are over, or will not be completed.
    fn exchanged(&self, exchange: &Exchanged<'_>) {
        let _ = exchange;
    }

    /// A client sends a request again, on a fresh connection; this became of the first attempt.
    fn repeated(&self, fate: Fate) {
        let _ = fate;
    }

    /// Whether [`bytes`](Self::bytes) is told, asked once of each connection. False by default: whoever looks
    /// at all bytes cannot have the kernel send files without reading them ([`Body::from_file`](crate::Body::from_file)).
    fn watches_bytes(&self) -> bool {
        false
    }

    /// Bytes of HTTP went over it (before encryption, after decryption). Only if
    /// [`watches_bytes`](Self::watches_bytes) says so.
    fn bytes(&self, id: u64, direction: Direction, bytes: &[u8]) {
        let _ = (id, direction, bytes);
    }
}
