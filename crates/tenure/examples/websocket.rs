//! A WebSocket (RFC 6455) beside an axum application: `cargo run -p tenure --example websocket`, then look at
//! http://127.0.0.1:8080/.
//!
//! axum's own extractor `WebSocketUpgrade` wants a type that only hyper can make. Its replacement is
//! [`OnUpgrade`], which gives the connection itself, and tokio-tungstenite, which axum builds on too.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use tenure::server::{OnUpgrade, Upgraded};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::Role;

const PAGE: &str = r#"<!DOCTYPE html>
<title>echo</title>
<link rel="icon" href="data:,">
<pre id="log"></pre>
<script>
    const socket = new WebSocket(`ws://${location.host}/socket`);
    socket.onopen = () => socket.send('hello');
    socket.onmessage = ({ data }) => {
        document.getElementById('log').append(`${data}\n`);
        console.log(`echo: ${data}`);
    };
</script>
"#;

/// The handshake of RFC 6455 section 4.2. The stream comes when the answer is sent, so it is awaited in a task.
async fn socket(mut request: Request) -> Response {
    let offer = request.extensions_mut().remove::<OnUpgrade>();
    let (Some(offer), Ok(response)) = (offer, create_response_with_body(&request, Body::empty)) else {
        let fields = [(header::UPGRADE, "websocket"), (header::SEC_WEBSOCKET_VERSION, "13")];
        return (StatusCode::UPGRADE_REQUIRED, fields, "a WebSocket of version 13 is expected\n").into_response();
    };
    tokio::spawn(async move {
        let Some(stream) = offer.upgraded().await else { return };
        if let Err(error) = echo(stream).await {
            eprintln!("websocket: {error}");
        }
    });
    response
}

async fn echo(stream: Upgraded) -> Result<(), Error> {
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    let app = Router::new().route("/", get(|| async { Html(PAGE) })).route("/socket", get(socket));
    tenure::server::Server::new().serve(listener, app, tokio::signal::ctrl_c()).await
}
