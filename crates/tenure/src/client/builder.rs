//! The client's settings.

use std::sync::Arc;
use std::time::Duration;

use tenure_proto::{Config, Timeouts};

use super::Client;
use super::pipeline::Pipelining;
use super::shared::Shared;
use super::tls::Tls;
use crate::observe::{self, Observer};

/// Settings of a [`Client`].
#[derive(Clone)]
pub struct Builder {
    pub(super) config: Config,
    pub(super) per_origin: usize,
    pub(super) idle_timeout: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) response_timeout: Option<Duration>,
    pub(super) repeat_undelivered: bool,
    pub(super) pipelining: Pipelining,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) tls: Tls,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            config: Config { timeouts: Timeouts::NONE, ..Config::default() },
            per_origin: 6,
            idle_timeout: Duration::from_secs(90),
            connect_timeout: Duration::from_secs(10),
            response_timeout: None,
            repeat_undelivered: true,
            pipelining: Pipelining::Off,
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
