//! From a name to its addresses: the system's resolver, or one's own.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use super::origin::Origin;

/// Addresses, in the order in which they are to be preferred (RFC 6724).
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Looks up names in place of the system's resolver
/// ([`Builder::resolver`](super::Builder::resolver)). It is asked for each new connection, so
/// whatever it caches it must refresh.
///
/// Any `Fn(&str, u16) -> Resolving` is one.
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of `host`, in lower case and never an address itself, for connections to `port`.
    fn resolve(&self, host: &str, port: u16) -> Resolving;
}

impl<F> Resolve for F
where
    F: Fn(&str, u16) -> Resolving + Send + Sync + 'static,
{
    fn resolve(&self, host: &str, port: u16) -> Resolving {
        self(host, port)
    }
}

/// Who knows the addresses of names.
#[derive(Clone, Default)]
pub(super) struct Names {
    pub(super) resolver: Option<Arc<dyn Resolve>>,
    /// Names whose addresses are given, in lower case.
    pub(super) given: HashMap<String, Vec<SocketAddr>>,
}

impl Names {
    pub(super) async fn look_up(&self, origin: &Origin) -> io::Result<Vec<SocketAddr>> {
        let (host, port) = (origin.host(), origin.port());
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        if let Some(given) = self.given.get(host) {
            let with_port = |&address: &SocketAddr| match address.port() {
                0 => SocketAddr::new(address.ip(), port),
                _ => address,
            };
            return Ok(given.iter().map(with_port).collect());
        }
        match &self.resolver {
            Some(resolver) => resolver.resolve(host, port).await,
            None => tokio::net::lookup_host((host, port)).await.map(Iterator::collect),
        }
    }
}
