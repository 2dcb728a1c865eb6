//! The peer axum, on its own server.

use std::io;

use ::axum::serve::ListenerExt;
use bytes::Bytes;
use http::Uri;
use tokio::net::TcpListener;

use crate::rungs::axum_router::router;

/// Serves for ever; `content` is called at every request and says what it is answered with.
pub(super) async fn run(
    listener: TcpListener,
    content: impl Fn(&Uri) -> Bytes + Copy + Send + Sync + 'static,
) -> io::Result<()> {
    let listener = listener.tap_io(|stream| {
        // A connection that fails here is about to end anyway.
        let _ = stream.set_nodelay(true);
    });
    ::axum::serve(listener, router(content)).await
}
