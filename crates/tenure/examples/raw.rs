//! A handler that borrows, and allocates nothing: `cargo run -p tenure --release --example raw`.

use http::StatusCode;
use tenure::server::{Server, raw};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    Server::new().serve_raw(listener, answer, tokio::signal::ctrl_c()).await
}

fn answer(request: &raw::Request<'_>, response: raw::Response<'_>) -> raw::Answered {
    match (request.method(), request.target()) {
        (b"GET" | b"HEAD", b"/") => response.send(StatusCode::OK, &[("content-type", b"text/plain")], b"hello\n"),
        (b"POST", b"/echo") => response.send(StatusCode::OK, &[], request.content()),
        (_, b"/" | b"/echo") => response.send(StatusCode::METHOD_NOT_ALLOWED, &[("allow", b"GET, HEAD, POST")], b""),
        _ => response.send(StatusCode::NOT_FOUND, &[], b""),
    }
}
