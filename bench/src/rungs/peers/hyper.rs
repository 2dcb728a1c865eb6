//! The peer hyper: HTTP/1 with keep-alive and no timer, as its own examples set it up.

use std::convert::Infallible;
use std::io;

use ::hyper::body::Incoming;
use ::hyper::server::conn::http1;
use ::hyper::service::service_fn;
use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::rungs::response;

/// Serves for ever; `content` is called at every request and says what it is answered with.
pub(super) async fn run(
    listener: TcpListener,
    pipeline_flush: bool,
    content: impl Fn(&Uri) -> Bytes + Copy + Send + 'static,
) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = service_fn(move |request: Request<Incoming>| async move {
            Ok::<_, Infallible>(response(Full::new(content(request.uri()))))
        });
        let connection =
            http1::Builder::new().pipeline_flush(pipeline_flush).serve_connection(TokioIo::new(stream), service);
        // How a connection ends is the generator's affair.
        tokio::spawn(async { drop(connection.await) });
    }
}
