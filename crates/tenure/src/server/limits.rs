//! What one connection, or all of them together, may take; and the settings for it.

use std::time::Duration;

use tenure_proto::Timeouts;

use super::Server;
use crate::io::Probes;

/// `None` is no limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connections: Option<usize>,
    pub(crate) per_address: Option<usize>,
    pub(crate) requests: Option<u64>,
    pub(crate) age: Option<Duration>,
    /// Requests whose handlers run at once.
    pub(crate) concurrent: Option<usize>,
    /// From a request's head to its response's.
    pub(crate) handler: Option<Duration>,
    /// Content of unknown length that is collected before the head is sent, in bytes.
    pub(crate) collect: usize,
    pub(crate) probes: Probes,
}

impl Limits {
    pub(crate) const fn new(probes: Probes) -> Self {
        Self {
            connections: None,
            per_address: None,
            requests: None,
            age: None,
            concurrent: None,
            handler: None,
            collect: 4 * 1024,
            probes,
        }
    }
}

impl Server {
    /// Connections open at once, at most. Default no limit. When it is reached, the longest idle
    /// connection is closed for a new one, and from three quarters on the idle timeout shrinks;
    /// while all are busy, new ones wait.
    pub const fn max_connections(mut self, connections: usize) -> Self {
        self.limits.connections = Some(connections);
        self
    }

    /// Connections open at once from one IP address, at most (0 is taken as 1). Default no limit. At
    /// the limit a new connection takes the place of the address's own longest idle one that is
    /// parked ([`park_after`](Self::park_after)). If none is, the new one is closed at once, unread:
    /// an answer would have to wait for a request, and would hold what is to be saved. Both are told
    /// as [`CloseReason::AddressLimit`](crate::CloseReason::AddressLimit).
    ///
    /// `::ffff:192.0.2.1` is the address 192.0.2.1. Many clients may share one address, and one
    /// client of IPv6 may have many. Peers on Unix sockets are not counted. Behind a proxy that
    /// says whose connections it brings ([`proxy_protocol`](Self::proxy_protocol)) the client's
    /// address counts, and at the limit its new connection is closed even if others are parked.
    pub const fn max_connections_per_address(mut self, connections: usize) -> Self {
        self.limits.per_address = Some(connections);
        self
    }

    /// Requests on one connection, at most; the last response says `close`. Default no limit. Up to
    /// a tenth fewer, by chance, so that connections that began together do not end together.
    pub const fn max_requests(mut self, requests: u64) -> Self {
        self.limits.requests = Some(requests);
        self
    }

    /// How old a connection may become: from then on its next response says `close`. Default no
    /// limit. Up to a tenth less, by chance, so that clients move to new replicas one by one.
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.limits.age = Some(age);
        self
    }

    /// Requests whose handlers run at once, over all connections, at most (0 is taken as 1). Default
    /// no limit. Further requests wait their turn in the order in which they came, and nothing more
    /// is read from their connections meanwhile, so that TCP slows their clients down. A turn lasts
    /// from the call of the service until it returns a response: content that is still to be sent
    /// does not count, or a client that reads slowly would keep all others waiting.
    ///
    /// The wait counts as the handler's time: with [`handler_timeout`](Self::handler_timeout), a
    /// request whose turn does not come within it is answered 503 (Service Unavailable, RFC 9110
    /// section 15.6.4). No handler has seen that request, so the answer invites to repeat it:
    /// `Retry-After`, with the timeout in seconds.
    pub const fn max_concurrent_requests(mut self, requests: usize) -> Self {
        self.limits.concurrent = Some(requests);
        self
    }

    /// How long a handler may take: from its request's head to its response's head. Default `None`,
    /// no limit: long polls and large reports take their time, and a handler that is stopped midway
    /// may leave its work half done; only the application knows what is too long.
    ///
    /// Time spent waiting for the client to send more of the content does not count: that has
    /// limits of its own, [`Timeouts::content`] and [`Timeouts::content_rate`]. A handler that runs
    /// longer is stopped where it waits (its future is dropped; work it has spawned goes on), and
    /// its request is answered 503 (Service Unavailable). Not 504: that is about a server behind a
    /// gateway (RFC 9110 section 15.6.5). Without `Retry-After`: nobody knows how far the handler
    /// came. The connection persists if what is left of the request's content is small.
    pub const fn handler_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.limits.handler = timeout;
        self
    }

    /// Content of unknown length is collected before the head is sent, for as long as it comes
    /// without waiting and stays within this many bytes: what ends there gets a `Content-Length`,
    /// and an HTTP/1.0 client keeps its connection. At the first wait, or beyond the bound, what
    /// there is goes out at once: chunked, or for HTTP/1.0 up to the close. Default 4,096; 0
    /// collects nothing, and only content that is empty gets its length.
    pub const fn collect(mut self, bytes: usize) -> Self {
        self.limits.collect = bytes;
        self
    }

    /// How long each wait for the client may last. Each is documented, with its default, in
    /// [`Timeouts`]; [`idle_timeout`](Self::idle_timeout) sets one of them.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use tenure::proto::Timeouts;
    /// let patient = Timeouts { head: Some(Duration::from_secs(60)), content_rate: None, ..Timeouts::default() };
    /// let server = tenure::server::Server::new().timeouts(patient);
    /// ```
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.config.timeouts = timeouts;
        self
    }

    /// Answer 408 (Request Timeout) before an idle connection is closed. Default false: it is
    /// closed without a word, since the answer may cross the next request and be taken for its
    /// answer: see [`Config::answer_idle`](tenure_proto::Config::answer_idle).
    pub const fn answer_idle(mut self, answer: bool) -> Self {
        self.config.answer_idle = answer;
        self
    }
}
