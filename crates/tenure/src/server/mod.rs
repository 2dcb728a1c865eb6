//! The server: one loop a connection; the handler is any `tower` service, or a [`raw`] closure.

mod accept;
mod berth;
mod content;
mod drive;
mod entry;
mod exchange;
mod facts;
pub mod forwarded;
mod handling;
mod introduce;
mod limits;
mod listener;
pub mod network;
mod observed;
mod parked;
pub mod proxy_protocol;
pub mod raw;
mod request;
mod respond;
mod service;
mod shared;
mod spare_map;
mod stream;
mod teardown;
mod upgrade;
#[cfg(unix)]
mod workers;

#[cfg(feature = "tls")]
pub mod tls;
#[cfg(not(feature = "tls"))]
#[path = "tls_off.rs"]
mod tls;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tenure_proto::Config;
use tower_service::Service;

use crate::io::Probes;
use crate::observe::{self, Observer};
use crate::{Body, BoxError};
use forwarded::{ForwardedField, Forwarding};
use limits::Limits;
use network::TrustedPeer;
use proxy_protocol::ProxyProtocol;
use service::ServiceEngine;
use shared::Shared;
use tls::Tls;

pub use listener::Listener;
pub use upgrade::{OnUpgrade, Upgraded};

/// Serves `service` on `listener` with default settings, for ever. See [`Server`] for settings and
/// for a graceful end.
///
/// # Errors
/// The listener failed for good. Running out of file descriptors is waited out.
pub async fn serve<V, B>(listener: impl Into<Listener>, service: V) -> io::Result<()>
where
    V: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    V::Future: Send,
    V::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    Server::new().serve(listener, service, std::future::pending::<Infallible>()).await
}

/// Settings of a server.
///
/// ```no_run
/// # async fn run(listener: tokio::net::TcpListener) -> std::io::Result<()> {
/// # let service = tower::service_fn(|_: http::Request<tenure::Body>| async { Ok::<_, std::convert::Infallible>(http::Response::new(tenure::Body::empty())) });
/// let stop = tokio::signal::ctrl_c();
/// tenure::server::Server::new()
///     .idle_timeout(std::time::Duration::from_secs(20))
///     .serve(listener, service, stop)
///     .await
/// # }
/// ```
#[derive(Clone)]
pub struct Server {
    config: Config,
    limits: Limits,
    observer: Option<Arc<dyn Observer>>,
    connection_info: bool,
    park_after: Option<Duration>,
    drain: Drain,
    proxy: ProxyProtocol,
    forwarding: Option<Forwarding>,
    /// Set where several acceptors make one server.
    place: Option<shared::Place>,
    tls: Tls,
}

/// How a graceful end proceeds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drain {
    /// Idle connections wait this long for one more request.
    pub(crate) grace: Duration,
    /// Then everything still open is cut. `None`: as long as what was announced needs.
    pub(crate) deadline: Option<Duration>,
}

impl Default for Server {
    fn default() -> Self {
        let drain = Drain { grace: Duration::from_secs(1), deadline: None };
        let limits = Limits::new(Probes::default());
        let park_after = Some(Duration::from_secs(1));
        let config = Config::default();
        let (proxy, tls) = (ProxyProtocol::Off, Tls::default());
        Self {
            config,
            limits,
            observer: None,
            connection_info: false,
            park_after,
            drain,
            proxy,
            forwarding: None,
            place: None,
            tls,
        }
    }
}

impl Server {
    /// Default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Limits, timeouts and protocol settings of every connection.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// How long an idle connection is kept. Default 75 s: above the 60 s of the usual load
    /// balancers, so that it is they who close first.
    pub const fn idle_timeout(mut self, idle: Duration) -> Self {
        self.config.timeouts.idle = Some(idle);
        self
    }

    /// Announce the idle timeout as `Keep-Alive: timeout=SECONDS` (RFC 9110 section 7.6.1) and close
    /// idle connections only a grace later: a client that obeys never meets the close. Default
    /// false, since most clients do not read it and it makes each response 48 bytes longer.
    pub const fn announce_idle(mut self, announce: bool) -> Self {
        self.config.announce_idle = announce;
        self
    }

    /// When a connection that is idle gives up its task and buffers and is parked: it then costs 56
    /// bytes. Default after 1 s, sooner while more than a thousand connections have tasks (after 100 ms
    /// at ten thousand), so that a burst of them holds little memory; `None` never. Linux; elsewhere connections keep their tasks. A
    /// connection that wakes is served by a fresh clone of the service. Under TLS its keys stay, about
    /// 3.3 KB (no buffers; `tests/parked_heap_tls.rs` measures it).
    pub const fn park_after(mut self, quiet: Option<Duration>) -> Self {
        self.park_after = quiet;
        self
    }

    /// The kernel's own probes of a silent peer (`SO_KEEPALIVE`), which keep nothing alive in HTTP:
    /// they find hosts that are gone. Default after 60 s of silence, or after half of
    /// [`tcp_user_timeout`](Self::tcp_user_timeout) if that is sooner, and then more often, so that
    /// one may be lost; `None` sends none. A parked connection is probed only if it has no idle
    /// timeout.
    pub const fn tcp_keep_alive(mut self, after: Option<Duration>) -> Self {
        self.limits.probes.keep_alive = after;
        self
    }

    /// How long sent bytes, or the probes, may stay unacknowledged before the kernel gives the
    /// connection up (`TCP_USER_TIMEOUT`, Linux). Default 120 s; `None` leaves it to the kernel (about 15 minutes).
    pub const fn tcp_user_timeout(mut self, unacknowledged: Option<Duration>) -> Self {
        self.limits.probes.unacknowledged = unacknowledged;
        self
    }

    /// Who is told what the connections do. Called again it adds another.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observe::add(self.observer, observer));
        self
    }

    /// Whether each request carries a [`ConnectionInfo`](crate::ConnectionInfo) in its extensions, for
    /// handlers that ask about their connection. Default false: it takes three allocations a request.
    /// Raw handlers ask without it ([`raw::Request::connection`]), and observers are always told.
    pub const fn connection_info(mut self, carried: bool) -> Self {
        self.connection_info = carried;
        self
    }

    /// When the server stops: how long idle connections may still bring one more request, which is
    /// answered with `Connection: close`. Default 1 s. Those to which an idle time was announced may
    /// until that is over ([`announce_idle`](Self::announce_idle)).
    pub const fn drain_grace(mut self, grace: Duration) -> Self {
        self.drain.grace = grace;
        self
    }

    /// When the server stops: how long requests under way and idle connections are given before the
    /// rest is cut. Default 30 s; but where idle times are announced 5 s more than those last at
    /// least, which is 85 s with the default [`idle_timeout`](Self::idle_timeout). A shorter deadline
    /// breaks what was promised to clients; who must be gone sooner announces less.
    pub const fn drain_deadline(mut self, deadline: Duration) -> Self {
        self.drain.deadline = Some(deadline);
        self
    }

    /// Whether connections begin with a PROXY protocol header, which says whose they are. Default
    /// [`ProxyProtocol::Off`]. Where it is required, peers that are not trusted are closed unread
    /// ([`CloseReason::Untrusted`](crate::CloseReason::Untrusted)), and the header must come within
    /// the time for the first byte ([`Timeouts::first`](tenure_proto::Timeouts::first), which then
    /// begins anew for the request); one that is broken ends the connection without an answer. The
    /// ends it names stand in [`ConnectionInfo`](crate::ConnectionInfo), for as long as the
    /// connection lives; [`Opened::peer`](crate::Opened::peer) is the proxy.
    ///
    /// ```
    /// use tenure::server::{Server, proxy_protocol::ProxyProtocol};
    /// let server = Server::new().proxy_protocol(ProxyProtocol::Required { trusted: vec!["10.0.0.0/8".parse()?] });
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn proxy_protocol(mut self, policy: ProxyProtocol) -> Self {
        self.proxy = policy;
        self
    }

    /// Whom these proxies say that they ask for: their word, in this one field, makes
    /// [`ConnectionInfo::client`](crate::ConnectionInfo::client) of each request, and with it what
    /// logs and spans show. Default: nobody is believed, and the client is the peer. See
    /// [`forwarded`] for how far the word of a proxy goes. Behind
    /// [`proxy_protocol`](Self::proxy_protocol), the client that its header names is the peer here.
    ///
    /// ```
    /// use tenure::server::{Server, forwarded::ForwardedField};
    /// let server = Server::new().forwarded(ForwardedField::XForwardedFor, vec!["10.0.0.0/8".parse()?]);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn forwarded(mut self, field: ForwardedField, trusted: Vec<TrustedPeer>) -> Self {
        self.forwarding = Some(Forwarding { field, trusted });
        self
    }

    /// Serves until `stop` is ready, then drains.
    ///
    /// # Errors
    /// The listener failed for good. Running out of file descriptors is waited out.
    pub async fn serve<V, B>(self, listener: impl Into<Listener>, service: V, stop: impl Future) -> io::Result<()>
    where
        V: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
        V::Future: Send,
        V::Error: Into<BoxError>,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let listener = listener.into();
        let shared = Shared::new(&self, listener.local());
        self.tls.run(shared, listener, ServiceEngine(service), stop).await
    }

    /// Serves with a handler that borrows the requests, until `stop` is ready, then drains. All
    /// settings, limits and endings are those of [`Server::serve`]; see [`raw`] for what differs.
    ///
    /// # Errors
    /// The listener failed for good. Running out of file descriptors is waited out.
    pub async fn serve_raw<H>(mut self, listener: impl Into<Listener>, handler: H, stop: impl Future) -> io::Result<()>
    where
        H: Fn(&raw::Request<'_>, raw::Response<'_>) -> raw::Answered + Send + Sync + 'static,
    {
        let content = &mut self.config.limits.content;
        if *content == Config::default().limits.content {
            *content = raw::CONTENT;
        }
        let listener = listener.into();
        let shared = Shared::new(&self, listener.local());
        self.tls.run(shared, listener, raw::RawEngine::new(handler), stop).await
    }
}
