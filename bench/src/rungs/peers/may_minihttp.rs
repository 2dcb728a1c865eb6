//! The peer may_minihttp: coroutines of its own on one worker thread. It knows `Connection: close` as little as
//! timeouts; its status line says `Ok`.

use std::io;
use std::net::TcpListener;

use ::may_minihttp::{HttpService, HttpServiceFactory, Request, Response};
use bytes::Bytes;
use http::Uri;

/// Makes one service for each connection.
struct Factory<F>(F);

struct Service<F>(F);

impl<F: Fn(&Uri) -> Bytes + Copy + Send + 'static> HttpServiceFactory for Factory<F> {
    type Service = Service<F>;

    fn new_service(&self, _: usize) -> Self::Service {
        Service(self.0)
    }
}

impl<F: Fn(&Uri) -> Bytes> HttpService for Service<F> {
    fn call(&mut self, _: Request<'_, '_, '_>, response: &mut Response<'_>) -> io::Result<()> {
        // As the crate's own examples do it.
        response.header("Content-Type: text/plain").body_mut().extend_from_slice(&(self.0)(&Uri::default()));
        Ok(())
    }
}

/// Serves for ever; `content` is called at every request, as if `/` were asked for. It cannot take a
/// socket that listens already, so it shares the port with `listener`, which then goes.
pub(super) fn run(
    listener: TcpListener,
    content: impl Fn(&Uri) -> Bytes + Copy + Send + Sync + 'static,
) -> io::Result<()> {
    ::may::config().set_workers(1);
    let server = Factory(content).start(listener.local_addr()?)?;
    drop(listener);
    server.join().map_err(|_| io::Error::other("may_minihttp has ended"))
}
