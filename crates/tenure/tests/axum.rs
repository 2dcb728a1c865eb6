//! An `axum::Router` as it is, on this server: what its users rely on, over real sockets.

mod common;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, DefaultBodyLimit, Extension, Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use futures_util::{SinkExt, StreamExt, stream};
use tenure::ConnectionInfo;
use tenure::server::{OnUpgrade, Server};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::{Message, protocol::Role};
use tokio_tungstenite::{WebSocketStream, client_async};
use tower::ServiceBuilder;
use tower::util::MapRequestLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use common::{Peer, run, run_paused};

async fn start(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(Server::new().connection_info(true).serve(listener, app, std::future::pending::<()>()));
    address
}

fn get_(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

fn post_(path: &str, fields: &str, content: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n{fields}\r\n{content}", content.len())
}

#[test]
fn extractors_state_and_nested_routers() {
    run(async {
        let inner =
            Router::new().route("/state", get(|State(n): State<u8>| async move { n.to_string() })).with_state(7);
        let app = Router::new()
            .route("/state", get(|State(name): State<&'static str>| async move { name }))
            .route("/path/{a}/{b}", get(|Path((a, b)): Path<(String, u32)>| async move { format!("{a} {}", b + 1) }))
            .route("/query", get(|Query(all): Query<Vec<(String, String)>>| async move { format!("{all:?}") }))
            .route("/json", post(|Json(n): Json<Vec<u32>>| async move { Json(n.iter().sum::<u32>()) }))
            .route("/text", post(|text: String| async move { text.to_uppercase() }))
            .with_state("outer")
            .nest("/inner", inner);
        let mut peer = Peer::connect(start(app).await).await;
        for (request, status, text) in [
            (get_("/state"), 200, "outer"),
            (get_("/inner/state"), 200, "7"),
            (get_("/path/x%20y/41"), 200, "x y 42"),
            (get_("/path/x/y"), 400, ""),
            (get_("/query?a=1&b=%26"), 200, r#"[("a", "1"), ("b", "&")]"#),
            (post_("/json", "Content-Type: application/json\r\n", "[1,2,39]"), 200, "42"),
            (post_("/json", "", "[1]"), 415, ""),
            (post_("/text", "", "abc"), 200, "ABC"),
            (get_("/none"), 404, ""),
            (get_("/json"), 405, ""),
        ] {
            let answer = peer.ask(&request).await;
            assert_eq!(answer.status(), status, "{request}");
            if status == 200 {
                assert_eq!(answer.text(), text, "{request}");
            }
            assert_eq!(answer.connection(), "", "they share a connection");
        }
        peer.send("HEAD /state HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(peer.head().await.field("content-length"), Some("5"));
        assert_eq!(peer.ask(get_("/state")).await.text(), "outer", "no content came after the head");
    });
}

/// As in `examples/axum.rs`.
fn connect_info(mut request: Request) -> Request {
    if let Some(peer) = request.extensions().get().and_then(|info: &ConnectionInfo| info.peer) {
        request.extensions_mut().insert(ConnectInfo(peer));
    }
    request
}

#[test]
fn handlers_know_their_connection() {
    run(async {
        let app = Router::new()
            .route("/peer", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() }))
            .route(
                "/all",
                get(|Extension(of): Extension<ConnectionInfo>| async move { format!("{} {}", of.id, of.request) }),
            )
            .layer(MapRequestLayer::new(connect_info));
        let mut peer = Peer::connect(start(app).await).await;
        let address = peer.stream.local_addr().unwrap().to_string();
        assert_eq!(peer.ask(get_("/peer")).await.text(), address);
        assert_eq!(peer.ask(get_("/all")).await.text(), "1 2");
    });
}

#[test]
fn tower_http_layers_compress_and_trace() {
    run(async {
        let layers = ServiceBuilder::new().layer(TraceLayer::new_for_http()).layer(CompressionLayer::new());
        let lines = |n| get(move || async move { "the same line again\n".repeat(n) });
        let app = Router::new().route("/small", lines(200)).route("/large", lines(500_000)).layer(layers);
        let mut peer = Peer::connect(start(app).await).await;
        for path in ["/small", "/large"] {
            let answer = peer.ask(format!("GET {path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")).await;
            assert_eq!(answer.field("content-encoding"), Some("gzip"));
            // Nobody knows the length of what is compressed as it goes; little of it is measured, more is chunked.
            assert_eq!(answer.field("content-length").is_some(), path == "/small");
            assert!(answer.content.starts_with(&[0x1f, 0x8b]) && answer.content.len() < 50_000);
        }
        let plain = peer.ask(get_("/small")).await;
        assert_eq!((plain.field("content-encoding"), plain.content.len()), (None, 4000));
    });
}

#[test]
fn the_timeout_layer_answers_and_the_connection_goes_on() {
    run_paused(async {
        let (begun, mut begins) = mpsc::unbounded_channel();
        let never = move || {
            begun.send(()).unwrap();
            std::future::pending::<()>()
        };
        let layer = TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(10));
        let app = Router::new().route("/never", get(never)).route("/now", get(|| async { "now" })).layer(layer);
        let mut peer = Peer::connect(start(app).await).await;
        peer.send(get_("/never")).await;
        begins.recv().await.unwrap();
        assert!(peer.is_quiet());
        tokio::time::advance(Duration::from_secs(11)).await;
        assert_eq!(peer.response().await.status(), 504);
        assert_eq!(peer.ask(get_("/now")).await.text(), "now");
    });
}

#[test]
fn content_beyond_a_limit_is_413() {
    run(async {
        let count = |content: Bytes| async move { content.len().to_string() };
        let layered = Router::new().route("/layer", post(count)).layer(RequestBodyLimitLayer::new(1000));
        let app = Router::new().route("/extractor", post(count)).layer(DefaultBodyLimit::max(1000)).merge(layered);
        let address = start(app).await;
        for path in ["/layer", "/extractor"] {
            let mut peer = Peer::connect(address).await;
            assert_eq!(peer.ask(post_(path, "", &"x".repeat(1000))).await.text(), "1000", "{path}: at the limit");
            assert_eq!(peer.ask(post_(path, "", &"x".repeat(1001))).await.status(), 413, "{path}: one above");
            let chunked = format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
            let chunks = format!("3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001));
            assert_eq!(peer.ask(chunked + &chunks).await.status(), 413, "{path}: chunked");
        }
        // Ten million bytes are not read to their end; the answer is not lost to a reset.
        let mut peer = Peer::connect(address).await;
        peer.send("POST /layer HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n").await;
        let answer = peer.ask(vec![b'x'; 1_000_000]).await;
        assert_eq!((answer.status(), &*answer.connection()), (413, "close"));
    });
}

#[test]
fn content_streams_both_ways() {
    run(async {
        let app = Router::new()
            .route("/", post(|request: Request| async { Body::from_stream(request.into_body().into_data_stream()) }));
        let mut peer = Peer::connect(start(app).await).await;
        peer.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        peer.send("3\r\none\r\n").await;
        assert_eq!(peer.head().await.field("transfer-encoding"), Some("chunked"));
        assert_eq!(peer.exactly(8).await.unwrap(), b"3\r\none\r\n", "while the request is under way");
        peer.send("5\r\nthree\r\n").await;
        assert_eq!(peer.exactly(10).await.unwrap(), b"5\r\nthree\r\n");
        peer.send("0\r\n\r\n").await;
        assert_eq!(peer.exactly(5).await.unwrap(), b"0\r\n\r\n");
    });
}

#[test]
fn each_event_is_sent_when_it_comes() {
    run(async {
        let (events, receiver) = mpsc::unbounded_channel::<&str>();
        let receiver = std::sync::Arc::new(tokio::sync::Mutex::new(receiver));
        let source = move || {
            let events = stream::unfold(receiver, |receiver| async {
                let data = receiver.lock().await.recv().await?;
                Some((Ok::<_, Infallible>(Event::default().data(data)), receiver))
            });
            async { Sse::new(events) }
        };
        let mut peer = Peer::connect(start(Router::new().route("/", get(source))).await).await;
        peer.send(get_("/")).await;
        assert_eq!(peer.head().await.field("content-type"), Some("text/event-stream"));
        for data in ["a", "b", "c"] {
            events.send(data).unwrap();
            let expected = format!("9\r\ndata: {data}\n\n\r\n");
            assert_eq!(peer.exactly(expected.len()).await.unwrap(), expected.as_bytes(), "before the next is made");
        }
        drop(events);
        assert_eq!(peer.exactly(5).await.unwrap(), b"0\r\n\r\n");
    });
}

#[test]
fn a_panic_costs_a_request_with_catch_panic_and_a_connection_without() {
    run(async {
        let app = Router::new().route(
            "/caught",
            get(|| async {
                if true {
                    panic!("on purpose")
                }
            }),
        );
        let app = app.layer(CatchPanicLayer::new());
        let app = app
            .route(
                "/",
                get(|| async {
                    if true {
                        panic!("on purpose")
                    }
                }),
            )
            .route("/ok", get(|| async { "ok" }));
        let address = start(app).await;
        let mut caught = Peer::connect(address).await;
        assert_eq!(caught.ask(get_("/caught")).await.status(), 500);
        let mut cut = Peer::connect(address).await;
        cut.send(get_("/")).await;
        assert!(cut.try_response().await.is_err(), "no answer");
        assert_eq!(caught.ask(get_("/ok")).await.text(), "ok", "the other connection goes on");
    });
}

#[test]
fn content_that_fails_is_never_a_short_success() {
    run(async {
        let parts = || stream::iter([Ok(Bytes::from(vec![b'x'; 10_000])), Err(std::io::Error::other("on purpose"))]);
        let app = Router::new().route("/", get(move || async move { Body::from_stream(parts()).into_response() }));
        let mut peer = Peer::connect(start(app).await).await;
        peer.send(get_("/")).await;
        let error = peer.try_response().await.unwrap_err();
        assert!(error.to_string().starts_with("cut after"), "{error}");
    });
}

/// As in `examples/websocket.rs`, with a task that sends each message back once.
async fn socket(Extension(offer): Extension<OnUpgrade>, request: Request) -> axum::response::Response {
    let response = create_response_with_body(&request, Body::empty).unwrap();
    tokio::spawn(async move {
        let stream = offer.upgraded().await.unwrap();
        let (sink, messages) = WebSocketStream::from_raw_socket(stream, Role::Server, None).await.split();
        messages.forward(sink).await.unwrap();
    });
    response
}

#[test]
fn a_websocket_by_on_upgrade() {
    run(async {
        let address = start(Router::new().route("/socket", any(socket))).await;
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut socket, response) = client_async(format!("ws://{address}/socket"), stream).await.unwrap();
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        for text in ["hello", &"long ".repeat(50_000)] {
            socket.send(Message::text(text)).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
        }
        socket.close(None).await.unwrap();
        assert!(socket.next().await.unwrap().unwrap().is_close());
        assert!(socket.next().await.is_none());
    });
}
