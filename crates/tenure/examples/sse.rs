//! Server-sent events, each sent when it comes into being: `cargo run -p tenure --example sse`, then look at
//! http://127.0.0.1:8080/ or run `curl -N http://127.0.0.1:8080/events`.
//!
//! Nothing is to be set for it: content is collected only for as long as it comes without waiting.

use std::convert::Infallible;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::response::Html;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use futures_util::Stream;

const PAGE: &str = r#"<!DOCTYPE html>
<title>events</title>
<link rel="icon" href="data:,">
<pre id="log"></pre>
<script>
    const source = new EventSource('/events');
    source.onmessage = ({ data }) => {
        const [number, sent] = data.split(' ');
        const line = `event ${number} took ${Date.now() - sent} ms`;
        document.getElementById('log').append(line + '\n');
        console.log(line);
    };
</script>
"#;

/// An event each second, with its number and the time at which it was made, in milliseconds.
fn ticks() -> impl Stream<Item = Result<Event, Infallible>> {
    futures_util::stream::unfold(1_u64, |number| async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Some((Ok(Event::default().data(format!("{number} {now}"))), number + 1))
    })
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    let app = Router::new()
        .route("/", get(|| async { Html(PAGE) }))
        .route("/events", get(|| async { Sse::new(ticks()).keep_alive(KeepAlive::default()) }));
    // A client that stays is no reason to wait half a minute at the end.
    let server = tenure::server::Server::new().drain_grace(Duration::ZERO).drain_deadline(Duration::from_secs(1));
    server.serve(listener, app, tokio::signal::ctrl_c()).await
}
