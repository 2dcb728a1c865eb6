//! TLS by rustls: [`Certificates`] from files, resumption by tickets, ALPN, a closure alert at
//! every end.
//!
//! The handshake is the work of the connection's own task, within a timeout of its own, so that it
//! holds up nobody else.

mod certificates;
mod establish;
mod records;
mod stream;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::ServerConfig;

use super::drive::Engine;
use super::listener::Listener;
use super::shared::Shared;
use super::{Server, accept};
use crate::io::Socket;
use stream::TlsStream;

pub use certificates::Certificates;

/// How a server speaks TLS, if it does.
#[derive(Clone)]
pub(super) struct Tls {
    config: Option<Arc<ServerConfig>>,
    handshake_timeout: Duration,
}

impl Default for Tls {
    fn default() -> Self {
        Self { config: None, handshake_timeout: Duration::from_secs(10) }
    }
}

/// What each connection needs to begin.
#[derive(Clone)]
pub(super) struct Context {
    config: Arc<ServerConfig>,
    handshake_timeout: Duration,
}

/// What answers on every kind of connection that this server has.
pub(super) trait AnyEngine: Engine<Socket> + Engine<TlsStream> {}
impl<E: Engine<Socket> + Engine<TlsStream>> AnyEngine for E {}

impl Server {
    /// Speak TLS 1.2 and 1.3 with these certificates, and nothing else on this server's listeners.
    /// Clients resume their sessions by tickets, which cost the server no memory.
    pub fn tls(self, certificates: &Certificates) -> Self {
        self.rustls(certificates.config())
    }

    /// Speak TLS by this configuration, for what [`Server::tls`] does not offer (certificates of
    /// clients say). Its ALPN must name `http/1.1` and no other version of HTTP, or nothing. Early data is refused.
    pub fn rustls(mut self, config: Arc<ServerConfig>) -> Self {
        self.tls.config = Some(config);
        self
    }

    /// How long a TLS handshake may take from the first byte to the last. Default 10 s.
    pub const fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.tls.handshake_timeout = timeout;
        self
    }
}

impl Tls {
    pub(super) async fn run(
        self,
        shared: Shared,
        listener: Listener,
        engine: impl AnyEngine,
        stop: impl Future,
    ) -> io::Result<()> {
        let Some(config) = self.config else {
            return accept::run::<Socket, _>(shared, (), listener, engine, stop).await;
        };
        let context = Context { config, handshake_timeout: self.handshake_timeout };
        accept::run::<TlsStream, _>(shared, context, listener, engine, stop).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("handshake_timeout", &self.handshake_timeout).finish_non_exhaustive()
    }
}
