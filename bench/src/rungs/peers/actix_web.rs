//! The peer actix-web: one worker, which has a current-thread tokio runtime of its own.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use ::actix_web::http::KeepAlive;
use ::actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};
use bytes::Bytes;
use http::Uri;

use crate::heads::CONTENT_TYPE;

/// No connection is to end between two measurements.
const KEEP: Duration = Duration::from_secs(3600);

/// Serves for ever; `content` is called at every request, as if `/` were asked for.
pub(super) fn run(
    listener: TcpListener,
    content: impl Fn(&Uri) -> Bytes + Copy + Send + Sync + 'static,
) -> io::Result<()> {
    let handler = move |_: HttpRequest| async move {
        HttpResponse::Ok().content_type(CONTENT_TYPE).body(content(&Uri::default()))
    };
    let app =
        move || App::new().route("/hello", web::get().to(handler)).route("/articles/{name}", web::get().to(handler));
    let server = HttpServer::new(app).workers(1).keep_alive(KeepAlive::Timeout(KEEP)).disable_signals();
    rt::System::new().block_on(server.listen(listener)?.run())
}
