//! The client's settings.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tenure_proto::{Config, Timeouts};

use super::Client;
use super::drive::Rest;
use super::names::{Names, Resolve};
use super::pipeline::Pipelining;
use super::pool::Limits;
use super::shared::Shared;
use super::tls::Tls;
use crate::io::Probes;
use crate::observe::{self, Observer};

/// How long a server may take nothing of a request, if nobody says otherwise.
const SEND: Option<Duration> = Some(Duration::from_secs(60));

/// Settings of a [`Client`].
#[derive(Clone)]
pub struct Builder {
    pub(super) config: Config,
    pub(super) limits: Limits,
    pub(super) idle_timeout: Duration,
    pub(super) max_age: Option<Duration>,
    pub(super) max_requests: Option<u64>,
    pub(super) acquire_timeout: Option<Duration>,
    pub(super) names: Names,
    pub(super) connect_timeout: Duration,
    pub(super) response_timeout: Option<Duration>,
    pub(super) request_timeout: Option<Duration>,
    pub(super) repeat_undelivered: bool,
    pub(super) pipelining: Pipelining,
    pub(super) expect_above: Option<u64>,
    pub(super) rest: Rest,
    pub(super) probes: Probes,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) tls: Tls,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            config: Config { timeouts: Timeouts { send: SEND, ..Timeouts::NONE }, ..Config::default() },
            limits: Limits { per_origin: 6, total: usize::MAX, idle: 512 },
            idle_timeout: Duration::from_secs(90),
            max_age: Some(Duration::from_secs(600)),
            max_requests: None,
            acquire_timeout: Some(Duration::from_secs(30)),
            names: Names::default(),
            connect_timeout: Duration::from_secs(10),
            response_timeout: None,
            request_timeout: None,
            repeat_undelivered: true,
            pipelining: Pipelining::Off,
            expect_above: None,
            rest: Rest { bytes: 64 * 1024, time: Duration::from_millis(250) },
            probes: Probes::default(),
            observer: None,
            tls: Tls::default(),
        }
    }
}

impl Builder {
    /// Connections to one origin, at most. Default 6, at least 1. Further requests wait their turn,
    /// in the order of coming.
    pub const fn connections_per_origin(mut self, connections: usize) -> Self {
        self.limits.per_origin = connections;
        self
    }

    /// Open connections in all, at most. Default: no limit, at least 1. Where it is reached, the
    /// connection that has been idle longest makes room, whichever its origin; if none is idle, the
    /// request that has waited longest is next, whichever its origin.
    pub const fn max_connections(mut self, connections: usize) -> Self {
        self.limits.total = connections;
        self
    }

    /// Idle connections in all, at most; beyond that the longest idle one is closed. Default 512:
    /// half of the descriptors that a process usually may have. 0 keeps none.
    pub const fn max_idle(mut self, connections: usize) -> Self {
        self.limits.idle = connections;
        self
    }

    /// How long an idle connection is kept. Default 90 s, and less where the server announces less.
    /// An idle connection is watched: it goes at once when its server closes it.
    pub const fn idle_timeout(mut self, idle: Duration) -> Self {
        self.idle_timeout = idle;
        self
    }

    /// How old a connection may become, less up to a tenth, so that those that began together do not
    /// end together. It ends between two requests. Default 10 minutes, so that a name that has moved
    /// to other addresses is followed; `None`: no limit.
    pub const fn max_age(mut self, age: Option<Duration>) -> Self {
        self.max_age = age;
        self
    }

    /// How many requests a connection carries, less up to a tenth. Default `None`: no limit, but for
    /// what the server announces or was seen to do.
    pub const fn max_requests(mut self, requests: Option<u64>) -> Self {
        self.max_requests = requests;
        self
    }

    /// How long a request waits for a connection while no other request to its origin gets one: a
    /// queue that moves may take as long as it takes. Default 30 s, since all connections may be held
    /// by responses that never end (server-sent events), and waiting behind them would look like a
    /// server that does not answer; `None`: for ever. The error says so
    /// ([`Error::is_timeout`](crate::Error::is_timeout)), and nothing was sent.
    pub const fn acquire_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.acquire_timeout = timeout;
        self
    }

    /// Look names up with this instead of the system's resolver. It is asked for every new connection.
    pub fn resolver(mut self, resolver: Arc<dyn Resolve>) -> Self {
        self.names.resolver = Some(resolver);
        self
    }

    /// Connect to these addresses for the name `host`, whatever a resolver says: for tests, and for
    /// names that nobody knows. Port 0 stands for the URI's own port. `Host` and TLS keep the name.
    pub fn resolve(mut self, host: &str, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.names.given.insert(host.to_ascii_lowercase(), addresses.into_iter().collect());
        self
    }

    /// How long making a connection may take, TLS included. Default 10 s.
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long the server may take from the end of a request to the head of its response.
    /// Default: no limit.
    pub const fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = Some(timeout);
        self
    }

    /// How long a request may take from the call to the head of its response, with everything on the
    /// way: the wait for a connection, sending, a repetition. Default: no limit.
    pub const fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = Some(timeout);
        self
    }

    /// How long the server may take nothing of a request that is being sent. It ends a stall, not a
    /// slow transfer. Default 60 s; `None`: no limit. The fate of what it ends is
    /// [`Fate::Incomplete`](crate::Fate::Incomplete).
    pub const fn send_timeout(mut self, stall: Option<Duration>) -> Self {
        self.config.timeouts.send = stall;
        self
    }

    /// How long the server may pause within a response's content. Default: no limit.
    pub const fn content_timeout(mut self, timeout: Duration) -> Self {
        self.config.timeouts.content = Some(timeout);
        self
    }

    /// Whether a request counts as undelivered, and any method is sent again, when the server's FIN
    /// came first, then a reset, and no byte of the request was acknowledged. Default true. It
    /// rests on the server processing nothing after it has closed its side (RFC 9112 section 9.6).
    pub const fn repeat_undelivered(mut self, repeat: bool) -> Self {
        self.repeat_undelivered = repeat;
        self
    }

    /// Whether requests go out before the responses to earlier ones have come. Default off.
    pub const fn pipelining(mut self, pipelining: Pipelining) -> Self {
        self.pipelining = pipelining;
        self
    }

    /// Send `Expect: 100-continue` with requests that are not idempotent and have content of more than
    /// `above` bytes, or of unknown length, and hold the content back until the server asks for it,
    /// for a second at most (RFC 9110 section 10.1.1). A connection that dies meanwhile costs nothing:
    /// the content was not sent, and the request is sent again. A server that answered without having
    /// asked is remembered for 10 minutes, and gets its requests as if nothing were set meanwhile.
    /// Default: never, since the first request to such a server costs that second.
    pub const fn expect_continue(mut self, above: u64) -> Self {
        self.expect_above = Some(above);
        self
    }

    /// How much is done in the background to keep the connection of a response that was dropped
    /// unread, or of a request that was answered before it was sent: so many bytes, both ways
    /// together, in so much time. Default 64 KiB in 250 ms. What is more is cut by a close
    /// ([`CloseReason::Abandoned`](crate::CloseReason::Abandoned)); zero bytes cut whatever is left.
    pub const fn drain(mut self, bytes: u64, time: Duration) -> Self {
        self.rest = Rest { bytes, time };
        self
    }

    /// The kernel's own probes of a silent peer (`SO_KEEPALIVE`), which keep nothing alive in HTTP:
    /// they find hosts that are gone, and a NAT or firewall that forgets silent connections sees
    /// traffic. Default after 60 s of silence, or after half of
    /// [`tcp_user_timeout`](Self::tcp_user_timeout) if that is sooner; `None` sends none.
    pub const fn tcp_keep_alive(mut self, after: Option<Duration>) -> Self {
        self.probes.keep_alive = after;
        self
    }

    /// How long sent bytes, or the probes, may stay unacknowledged before the kernel gives the
    /// connection up (`TCP_USER_TIMEOUT`, Linux). Default 120 s; `None` leaves it to the kernel (about 15 minutes).
    pub const fn tcp_user_timeout(mut self, unacknowledged: Option<Duration>) -> Self {
        self.probes.unacknowledged = unacknowledged;
        self
    }

    /// Who is told what the connections do. Called again it adds another.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observe::add(self.observer, observer));
        self
    }

    /// The client.
    pub fn build(self) -> Client {
        Client { shared: Arc::new(Shared::new(self)) }
    }
}
