//! `tenure::server::Server`, with an `axum::Router`.

use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use http::Uri;
use tenure::server::Server;
use tokio::net::TcpListener;

use super::axum_router::router;

/// Serves for ever; `content` is called at every request and says what it is answered with.
pub(super) async fn run(
    listener: TcpListener,
    server: Server,
    content: impl Fn(&Uri) -> Bytes + Copy + Send + Sync + 'static,
) -> io::Result<()> {
    server.serve(listener, router(content), std::future::pending::<Infallible>()).await
}
