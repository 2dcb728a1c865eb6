//! A server under observation.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, Response};
use tenure::Body;
use tenure::server::{Server, raw};
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

/// Connections that have a task: all but the server's own two, its future and its acceptor.
pub(crate) fn connection_tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks().saturating_sub(2)
}

/// Waits until no connection has a task.
pub(crate) async fn all_parked() {
    while connection_tasks() > 0 {
        tokio::task::yield_now().await;
    }
}

pub(crate) async fn serve<F, R>(handler: F) -> Served
where
    F: Fn(Request<Body>) -> R + Clone + Send + 'static,
    R: Future<Output = Result<Response<Body>, BoxError>> + Send + 'static,
{
    serve_with(Server::new(), handler).await
}

/// Requests carry the facts of their connection.
pub(crate) async fn serve_with<F, R>(server: Server, handler: F) -> Served
where
    F: Fn(Request<Body>) -> R + Clone + Send + 'static,
    R: Future<Output = Result<Response<Body>, BoxError>> + Send + 'static,
{
    serve_logged(server, Log::new(), handler).await
}

/// With the bytes watched or not.
pub(crate) async fn serve_logged<F, R>(server: Server, log: Arc<Log>, handler: F) -> Served
where
    F: Fn(Request<Body>) -> R + Clone + Send + 'static,
    R: Future<Output = Result<Response<Body>, BoxError>> + Send + 'static,
{
    let server = server.connection_info(true);
    let serve = move |server: Server, listener, stopped| server.serve(listener, tower::service_fn(handler), stopped);
    start(server, log, serve).await
}

/// With a handler that borrows.
pub(crate) async fn serve_raw<H>(handler: H) -> Served
where
    H: Fn(&raw::Request<'_>, raw::Response<'_>) -> raw::Answered + Send + Sync + 'static,
{
    serve_raw_with(Server::new(), handler).await
}

pub(crate) async fn serve_raw_with<H>(server: Server, handler: H) -> Served
where
    H: Fn(&raw::Request<'_>, raw::Response<'_>) -> raw::Answered + Send + Sync + 'static,
{
    start(server, Log::new(), move |server, listener, stopped| server.serve_raw(listener, handler, stopped)).await
}

async fn start<T>(
    server: Server,
    log: Arc<Log>,
    serve: impl FnOnce(Server, TcpListener, oneshot::Receiver<()>) -> T,
) -> Served
where
    T: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = server.observer(Arc::clone(&log) as _);
    let task = tokio::spawn(serve(server, listener, stopped));
    Served { address, log, stop: Some(stop), task }
}
