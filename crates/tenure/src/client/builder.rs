//! The client's settings.

use std::sync::Arc;
use std::time::Duration;

use tenure_proto::{Config, Timeouts};

use super::Client;
use super::drive::Rest;
use super::pipeline::Pipelining;
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
    pub(super) per_origin: usize,
    pub(super) idle_timeout: Duration,
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
            per_origin: 6,
            idle_timeout: Duration::from_secs(90),
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
    /// Connections to one origin, at most. Default 6, at least 1. Further requests wait their turn.
    pub const fn connections_per_origin(mut self, connections: usize) -> Self {
        self.per_origin = connections;
        self
    }

    /// How long an idle connection is kept. Default 90 s.
    pub const fn idle_timeout(mut self, idle: Duration) -> Self {
        self.idle_timeout = idle;
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
    /// the content was not sent, and the request is sent again. Default: never, since servers that do
    /// not know it cost that second each time.
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
