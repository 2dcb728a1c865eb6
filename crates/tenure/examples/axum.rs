//! An axum application on this server: `cargo run -p tenure --example axum`. Only `main`'s last lines differ from
//! `axum::serve(listener, app)`, and they bring every timeout, a limit and a drain (docs/from-axum-and-hyper.md).

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::{Router, routing::get};
use tower::util::MapRequestLayer;

async fn hello(ConnectInfo(peer): ConnectInfo<SocketAddr>) -> String {
    format!("hello, {peer}\n")
}

/// What `into_make_service_with_connect_info` does for `axum::serve`.
fn connect_info(mut request: Request) -> Request {
    if let Some(peer) = request.extensions().get().and_then(|info: &tenure::ConnectionInfo| info.peer) {
        request.extensions_mut().insert(ConnectInfo(peer));
    }
    request
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let app = Router::new().route("/", get(hello)).layer(MapRequestLayer::new(connect_info));
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let server = tenure::server::Server::new().connection_info(true).max_connections(10_000);
    server.serve(listener, app, tokio::signal::ctrl_c()).await
}
