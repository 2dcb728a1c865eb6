//! `tenure::server::Server`, with a tower service.

use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use http::{Request, Uri};
use tenure::Body;
use tenure::server::Server;
use tokio::net::TcpListener;

use super::response;

/// Serves for ever; `content` is called at every request and says what it is answered with.
pub(super) async fn run(
    listener: TcpListener,
    server: Server,
    content: impl Fn(&Uri) -> Bytes + Copy + Send + 'static,
) -> io::Result<()> {
    let service = tower::service_fn(move |request: Request<Body>| async move {
        Ok::<_, Infallible>(response(Body::from(content(request.uri()))))
    });
    server.serve(listener, service, std::future::pending::<Infallible>()).await
}
