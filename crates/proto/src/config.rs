//! Settings shared by the connections of one server or client.

use std::time::Duration;

use crate::limits::Limits;

/// Settings of a [`Connection`](crate::Connection), shared by reference among all of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// Bounds on what the peer sends.
    pub limits: Limits,
    /// How long each wait may last.
    pub timeouts: Timeouts,
    /// Persist with HTTP/1.0 peers that say `keep-alive` (RFC 9112 section 9.3). Default true.
    pub http10_keep_alive: bool,
    /// Server: answer the simple request of HTTP/0.9 (`GET /path` and nothing else), then close.
    /// Default false: such a line is then a malformed request (400).
    pub http09: bool,
    /// Server: announce this idle time as `Keep-Alive: timeout=SECONDS`, together with the
    /// `keep-alive` connection option (RFC 9110 section 7.6.1). Default `None`.
    pub announce_idle: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            http10_keep_alive: true,
            http09: false,
            announce_idle: None,
        }
    }
}

/// The waits of RFC 9112 section 9.5, each apart. `None` waits for ever.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Timeouts {
    /// Server: from the last response (or the accept) to the first byte of the next request.
    /// A connection that ends by it closes without a response. Default 75 s, above the 60 s that
    /// load balancers keep idle connections.
    pub idle: Option<Duration>,
    /// Server: from a head's first byte to its last. Client: from the request's end to the
    /// response's head. Default 30 s for a server's use; a client sets its own.
    pub head: Option<Duration>,
    /// The longest gap between two pieces of content. Default 30 s.
    pub content: Option<Duration>,
    /// The longest stall while this side sends: the peer's window is full and it reads nothing.
    /// Kept by the caller, who knows when bytes leave. Default 30 s.
    pub send: Option<Duration>,
    /// How long a closed server side reads on, so that its last response is not lost to a reset
    /// (RFC 9112 section 9.6). Default 5 s.
    pub linger: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            idle: Some(Duration::from_secs(75)),
            head: Some(Duration::from_secs(30)),
            content: Some(Duration::from_secs(30)),
            send: Some(Duration::from_secs(30)),
            linger: Some(Duration::from_secs(5)),
        }
    }
}

impl Timeouts {
    /// Every wait for ever.
    pub const NONE: Self = Self { idle: None, head: None, content: None, send: None, linger: None };
}
