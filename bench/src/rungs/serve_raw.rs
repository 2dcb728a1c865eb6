//! `tenure::server::Server`, with a handler that borrows.

use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use http::{StatusCode, Uri};
use tenure::server::{Server, raw};
use tokio::net::TcpListener;

use crate::heads::CONTENT_TYPE;

/// Serves for ever; `content` is called at every request, as if `/` were asked for.
pub(super) async fn run(
    listener: TcpListener,
    server: Server,
    content: impl Fn(&Uri) -> Bytes + Send + Sync + 'static,
) -> io::Result<()> {
    let root = Uri::default();
    let handler = move |_: &raw::Request<'_>, response: raw::Response<'_>| {
        response.send(StatusCode::OK, &[("content-type", CONTENT_TYPE.as_bytes())], &content(&root))
    };
    server.serve_raw(listener, handler, std::future::pending::<Infallible>()).await
}
