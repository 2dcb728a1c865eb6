//! `tenure::server::Server`, with its default settings.

use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use http::Request;
use tenure::Body;
use tokio::net::TcpListener;

use super::response;
use crate::heads::CONTENT;

/// Serves for ever, calling `each` at every request.
pub(super) async fn run(listener: TcpListener, each: impl Fn() + Copy + Send + 'static) -> io::Result<()> {
    let service = tower::service_fn(move |_: Request<Body>| async move {
        each();
        Ok::<_, Infallible>(response(Body::from(Bytes::from_static(CONTENT))))
    });
    tenure::server::serve(listener, service).await
}
