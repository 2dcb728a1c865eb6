//! The acceptor: from a listener to one task a connection, and the drain at the end.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tower_service::Service;

use super::Server;
use super::drive::Drive;
use crate::io::Tap;
use crate::{Body, BoxError, CloseReason};

/// How long the acceptor rests when the process has no file descriptor left: connections must end
/// first, and asking again at once would only spin.
const REST: Duration = Duration::from_millis(50);

pub(super) async fn run<V, B>(server: Server, listener: TcpListener, service: V, stop: impl Future) -> io::Result<()>
where
    V: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    V::Future: Send,
    V::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let config = Arc::new(server.config);
    let (draining, drain) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    let mut id = 0;
    loop {
        let accepted = tokio::select! {
            _ = &mut stop => break,
            Some(ended) = connections.join_next() => {
                report(ended);
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(e) if is_fatal(&e) => return Err(e),
            Err(e) => {
                tracing::warn!(error = %e, "cannot accept a connection");
                if !is_peers(&e) {
                    tokio::time::sleep(REST).await;
                }
                continue;
            }
        };
        // Small messages must not wait for the peer's acknowledgement of earlier ones.
        if let Err(e) = stream.set_nodelay(true) {
            tracing::debug!(error = %e, "TCP_NODELAY");
        }
        id += 1;
        let tap = Tap { observer: server.observer.clone(), id };
        let local = stream.local_addr().ok();
        let drive = Drive::new(stream, tap, Arc::clone(&config), Some(peer), local, drain.clone(), server.drain.grace);
        connections.spawn(drive.run(service.clone()));
    }
    drop(listener);
    draining.send_replace(true);
    let drained = async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    };
    if tokio::time::timeout(server.drain.deadline, drained).await.is_err() {
        tracing::warn!("the drain deadline has passed; connections are cut");
    }
    Ok(())
}

/// A handler's panic ends its connection, and nothing else.
fn report(ended: Result<CloseReason, JoinError>) {
    match ended {
        Ok(_) => {}
        Err(e) if e.is_panic() => tracing::error!("a handler panicked; its connection is closed"),
        Err(_) => {}
    }
}

/// The connection that was to be accepted is gone already: go on with the next.
fn is_peers(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(error.kind(), K::ConnectionAborted | K::ConnectionReset | K::ConnectionRefused | K::Interrupted)
}

/// The listener itself is unusable.
fn is_fatal(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::NotConnected)
}
