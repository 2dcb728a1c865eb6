//! tenure's server with large content, on a current-thread runtime: a process of its own.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tenure::Body;
use tenure::server::Server;
use tower::ServiceExt;
use tower_http::services::ServeFile;

use crate::{cores, server};

/// What a handler gives at a time, as tower-http reads files.
const CHUNK: usize = 64 * 1024;

/// Serves until the parent closes the pipe.
pub(crate) fn run(file: &Path, core: usize) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    server::attend(&listener)?;
    cores::pin(core)?;
    listener.set_nonblocking(true)?;
    let own: Arc<Path> = file.into();
    let file = ServeFile::new_with_mime(file, &"application/octet-stream".parse().map_err(io::Error::other)?);
    let service = tower::service_fn(move |request| answer(Arc::clone(&own), file.clone(), request));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        Server::new().serve(listener, service, std::future::pending::<Infallible>()).await
    })
}

async fn answer(own: Arc<Path>, file: ServeFile, request: Request<Body>) -> Result<Response<Body>, Infallible> {
    if request.method() == Method::POST {
        let mut content = request.into_body();
        while let Some(frame) = content.frame().await {
            if frame.is_err() {
                return Ok(status(StatusCode::BAD_REQUEST));
            }
        }
        return Ok(Response::new(Body::from("done")));
    }
    if request.uri().path() == "/file" {
        let response = file.oneshot(request).await;
        return Ok(response.map_or_else(|e| match e {}, |response| response.map(Body::stream)));
    }
    // As many bytes as the range asks for.
    let range = request.headers().get(header::RANGE).and_then(|range| range.to_str().ok());
    let last = range.and_then(|range| range.strip_prefix("bytes=0-")?.parse::<u64>().ok());
    let Some(last) = last else { return Ok(status(StatusCode::RANGE_NOT_SATISFIABLE)) };
    if request.uri().path() == "/own-file" {
        // As nginx does: each request opens it, in this thread.
        let part = File::open(own).and_then(|file| Body::from_file(file, ..=last));
        return Ok(part.map_or_else(|_| status(StatusCode::RANGE_NOT_SATISFIABLE), Response::new));
    }
    Ok(Response::new(Body::stream(Repeated { left: last + 1, chunk: Bytes::from(vec![0; CHUNK]) })))
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// The same chunk again and again.
struct Repeated {
    left: u64,
    chunk: Bytes,
}

impl HttpBody for Repeated {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let n = self.left.min(CHUNK as u64);
        self.left -= n;
        let chunk = self.chunk.slice(..n as usize);
        Poll::Ready((n > 0).then(|| Ok(Frame::data(chunk))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
