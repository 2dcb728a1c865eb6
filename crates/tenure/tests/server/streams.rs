//! Content in both directions at once, and connections that do not stop each other.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame};
use tenure::Body;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::common::*;

const TOTAL: usize = 50_000_000;
/// What one connection may hold between its two halves: a read or two, and a full send queue.
const BOUND: u64 = 512 * 1024;

async fn echo(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    Ok(Response::new(request.into_body()))
}

fn pattern(at: usize) -> u8 {
    (at % 251) as u8
}

#[test]
fn fifty_megabytes_are_echoed_with_flat_buffers() {
    run_threads(async {
        let served = serve(echo).await;
        let mut peer = served.connect().await;
        let (mut reader, mut writer) = peer.stream.split();
        let send = async {
            writer
                .write_all(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {TOTAL}\r\n\r\n").as_bytes())
                .await?;
            let all: Vec<u8> = (0..TOTAL).map(pattern).collect();
            writer.write_all(&all).await
        };
        let receive = async {
            let mut all = Vec::with_capacity(TOTAL + 1000);
            while !all.ends_with(b"\r\n\r\n") {
                all.push(reader.read_u8().await?);
            }
            let head = all.len();
            while all.len() < head + TOTAL {
                reader.read_buf(&mut all).await?;
            }
            Ok(all.split_off(head))
        };
        let (_, echoed): (_, Vec<u8>) = tokio::try_join!(send, receive).map_err(|e: std::io::Error| e).unwrap();
        assert!(echoed.iter().enumerate().all(|(at, byte)| *byte == pattern(at)), "as it was sent");
        let held = served.log.now().held;
        assert!(held < BOUND, "{held} bytes were held at once");
        assert_eq!(peer.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.status(), 200, "and the connection goes on");
    });
}

/// An endless body that counts what was taken from it.
struct Endless(tokio::sync::watch::Sender<usize>);

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.send_modify(|taken| *taken += 65_536);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 65_536])))))
    }
}

#[test]
fn a_slow_reader_stops_neither_the_server_nor_itself() {
    run(async {
        let (taken, mut watch) = tokio::sync::watch::channel(0);
        let served = serve(move |request: Request<Body>| {
            let taken = taken.clone();
            async move {
                Ok(Response::new(match request.uri().path() {
                    "/endless" => Body::stream(Endless(taken)),
                    _ => Body::from("quick"),
                }))
            }
        });
        let served = served.await;
        let mut slow = served.connect().await;
        slow.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await;
        watch.changed().await.unwrap();
        let mut quick = served.connect().await;
        for _ in 0..100 {
            assert_eq!(quick.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.text(), "quick");
        }
        // Nobody reads: the body is asked for what the sockets hold, and then no more.
        let mut before = 0;
        while *watch.borrow_and_update() != before {
            before = *watch.borrow();
            for _ in 0..100 {
                assert_eq!(quick.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.text(), "quick");
            }
        }
        assert!(before < 20_000_000, "{before}");
        // It reads on, and more comes.
        slow.exactly(before + 1_000_000).await.unwrap();
    });
}

/// A handler may answer while its content is still coming, piece by piece.
#[test]
fn a_conversation_on_one_exchange() {
    run(async {
        let served = serve(echo).await;
        let mut peer = served.connect().await;
        peer.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        peer.head().await;
        for word in ["one", "two", "six"] {
            peer.send(format!("3\r\n{word}\r\n")).await;
            assert_eq!(peer.exactly(8).await.unwrap(), format!("3\r\n{word}\r\n").into_bytes());
        }
        peer.send("0\r\n\r\n").await;
        assert_eq!(peer.exactly(5).await.unwrap(), b"0\r\n\r\n");
        assert_eq!(peer.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.status(), 200);
    });
}

/// The handler's readiness may be long in coming; what was answered before must not wait for it.
#[test]
fn answers_are_flushed_before_waiting_for_the_service() {
    run(async {
        #[derive(Clone)]
        struct Once(usize);
        impl tower::Service<Request<Body>> for Once {
            type Response = Response<Body>;
            type Error = BoxError;
            type Future = std::future::Ready<Result<Response<Body>, BoxError>>;
            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
                if self.0 == 0 { Poll::Ready(Ok(())) } else { Poll::Pending }
            }
            fn call(&mut self, _: Request<Body>) -> Self::Future {
                self.0 += 1;
                std::future::ready(Ok(Response::new(Body::from("first"))))
            }
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(tenure::server::serve(listener, Once(0)));
        let mut peer = Peer::connect(address).await;
        peer.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(peer.response().await.text(), "first");
        let more = poll_fn(|cx| Poll::Ready(Pin::new(&mut std::pin::pin!(peer.fill())).poll(cx).is_ready())).await;
        assert!(!more, "the second waits for the service");
    });
}
