//! A server under observation.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, Response};
use tenure::Body;
use tenure::server::Server;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{BoxError, Log, Peer};

/// A running server.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) log: Arc<Log>,
    stop: Option<oneshot::Sender<()>>,
    pub(crate) task: JoinHandle<std::io::Result<()>>,
}

impl Served {
    pub(crate) async fn connect(&self) -> Peer {
        Peer::connect(self.address).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Starts the drain.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }
}

pub(crate) async fn serve<F, R>(handler: F) -> Served
where
    F: Fn(Request<Body>) -> R + Clone + Send + 'static,
    R: Future<Output = Result<Response<Body>, BoxError>> + Send + 'static,
{
    serve_with(Server::new(), handler).await
}

pub(crate) async fn serve_with<F, R>(server: Server, handler: F) -> Served
where
    F: Fn(Request<Body>) -> R + Clone + Send + 'static,
    R: Future<Output = Result<Response<Body>, BoxError>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let log = Log::new();
    let server = server.observer(Arc::clone(&log) as _);
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(server.serve(listener, tower::service_fn(handler), stopped));
    Served { address, log, stop: Some(stop), task }
}
