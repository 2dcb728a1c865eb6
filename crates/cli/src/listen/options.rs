//! The options of `serve` that are about connections, and about the end.

use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

use tenure::proto::{Config, Timeouts};
use tenure::server::Server;

/// How long connections live, and what they may take.
#[derive(clap::Args)]
#[command(next_help_heading = "Connections")]
pub(super) struct ConnectionOptions {
    /// How many seconds an idle connection is kept
    #[arg(long, value_name = "SECONDS", default_value_t = 75)]
    idle_timeout: u64,
    /// Do not announce the idle timeout (Keep-Alive: timeout=...). If it is announced, connections
    /// are closed five seconds later than that, so that no request crosses the close
    #[arg(long)]
    no_announce: bool,
    /// How many seconds a request's head may take from its first byte on (408)
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    head_timeout: u64,
    /// How many seconds an upload may pause (408)
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    content_timeout: u64,
    /// How many seconds a request may take from its head to the head of the answer, without the
    /// waits for the client (503) [default: no limit]
    #[arg(long, value_name = "SECONDS")]
    handler_timeout: Option<NonZeroU64>,
    /// Connections open at once, at most; the longest idle one makes room for a new one
    #[arg(long, value_name = "N")]
    max_connections: Option<NonZeroUsize>,
    /// Connections open at once from one address, at most; the longest idle one of the same address
    /// makes room for a new one, or else the new one is closed
    #[arg(long, value_name = "N")]
    max_connections_per_address: Option<NonZeroUsize>,
    /// Requests handled at once, at most; others wait their turn, within --handler-timeout (503 with
    /// Retry-After)
    #[arg(long, value_name = "N")]
    max_concurrent_requests: Option<NonZeroUsize>,
    /// Requests on one connection, at most; up to a tenth fewer, by chance
    #[arg(long, value_name = "N")]
    max_requests: Option<NonZeroU64>,
    /// How many seconds old a connection may become, so that clients spread over new replicas; up to a tenth less, by
    /// chance
    #[arg(long, value_name = "SECONDS")]
    max_age: Option<u64>,
}

impl ConnectionOptions {
    pub(super) fn apply(&self, config: Config) -> Server {
        let seconds = |n| Some(Duration::from_secs(n));
        let timeouts = Timeouts {
            idle: seconds(self.idle_timeout),
            head: seconds(self.head_timeout),
            content: seconds(self.content_timeout),
            ..config.timeouts
        };
        let mut server = Server::new().config(Config { timeouts, announce_idle: !self.no_announce, ..config });
        if let Some(most) = self.max_connections {
            server = server.max_connections(most.get());
        }
        if let Some(timeout) = self.handler_timeout {
            server = server.handler_timeout(seconds(timeout.get()));
        }
        if let Some(most) = self.max_connections_per_address {
            server = server.max_connections_per_address(most.get());
        }
        if let Some(most) = self.max_concurrent_requests {
            server = server.max_concurrent_requests(most.get());
        }
        if let Some(most) = self.max_requests {
            server = server.max_requests(most.get());
        }
        if let Some(age) = self.max_age {
            server = server.max_age(Duration::from_secs(age));
        }
        server
    }
}

/// How the server ends.
#[derive(clap::Args)]
#[command(next_help_heading = "Stop (Ctrl-C, SIGTERM) and restart (SIGUSR2)")]
pub(super) struct DrainOptions {
    /// How many seconds idle connections may still bring a request; those that were announced an
    /// idle timeout may until that has passed
    #[arg(long, value_name = "SECONDS", default_value_t = 1)]
    drain_grace: u64,
    /// After so many seconds everything still open is cut [default: 30, but at least 10 more than
    /// an announced idle timeout, which is 85]
    #[arg(long, value_name = "SECONDS")]
    drain_deadline: Option<u64>,
}

impl DrainOptions {
    pub(super) fn apply(&self, server: Server) -> Server {
        let server = server.drain_grace(Duration::from_secs(self.drain_grace));
        match self.drain_deadline {
            Some(deadline) => server.drain_deadline(Duration::from_secs(deadline)),
            None => server,
        }
    }
}
