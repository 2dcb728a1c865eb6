//! The client's loop and its pool against scripted servers on real sockets.

#[path = "../common/mod.rs"]
mod common;

mod advance;
mod cancel;
mod connect;
mod early;
mod expect;
mod guard;
mod interim;
mod learn;
mod let_go;
mod limits;
mod observed;
mod peek;
mod pipeline;
mod pool;
mod race;
mod retry;
mod reuse;
mod stray;
mod timeouts;
mod timing;
mod truncated;
mod upload;
mod watch;
mod with_server;

#[cfg(feature = "tls")]
mod tls;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::{Method, Request, Response};
use tenure::client::Builder;
use tenure::{Body, Client, Error, ResponseExt as _};

use common::Log;

/// A client under observation.
fn observed(builder: Builder) -> (Client, Arc<Log>) {
    let log = Log::new();
    (builder.observer(Arc::clone(&log) as _).build(), log)
}

fn request(method: Method, uri: &str, body: impl Into<Body>) -> Request<Body> {
    Request::builder().method(method).uri(uri).body(body.into()).unwrap()
}

/// Polls a future once.
fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Status and whole content.
async fn read(response: Result<Response<Body>, Error>) -> Result<(u16, String), Error> {
    let response = response?;
    let status = response.status().as_u16();
    let content = common::body::collect(response.into_body()).await?;
    Ok((status, String::from_utf8(content.to_vec()).unwrap()))
}

/// On which connection, and as which request on it, a response came.
fn place(response: &Response<Body>) -> (u64, u64) {
    let info = response.connection().unwrap();
    (info.id, info.request)
}
