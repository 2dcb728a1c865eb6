//! Content that is a part of a file: sent by the kernel where nobody else wants to see it, read where
//! somebody does, and the same bytes either way.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tenure::server::Server;
use tenure::{Body, Client, CloseReason};
use tokio::net::TcpSocket;
use tokio::time::advance;

use crate::common::*;

/// More than is sent at a time, and no multiple of it.
const LENGTH: usize = 2_500_000;
/// Few enough to be read behind the head.
const LITTLE: Range<u64> = 1000..5000;

fn pattern(range: Range<usize>) -> Vec<u8> {
    range.map(|at| (at % 251) as u8).collect()
}

fn file(content: &[u8]) -> Arc<File> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    Arc::new(file)
}

/// `/FIRST-LAST` is that part of a file of [`LENGTH`] bytes, `/wrapped/FIRST-LAST` the same within another body.
async fn parts(server: Server, log: Arc<Log>) -> Served {
    let file = file(&pattern(0..LENGTH));
    serve_logged(server, log, move |request: Request<Body>| {
        let file = Arc::clone(&file);
        async move {
            let path = request.uri().path();
            let (first, last) = path.rsplit('/').next().and_then(|range| range.split_once('-')).ok_or("which part?")?;
            let part = Body::from_file(file, first.parse::<u64>()?..=last.parse()?)?;
            let wraps = path.starts_with("/wrapped/");
            Ok(Response::new(if wraps { Body::stream(part.map_err(|error| error)) } else { part }))
        }
    })
    .await
}

fn get(part: &str) -> String {
    format!("GET /{part} HTTP/1.1\r\nHost: a\r\n\r\n")
}

#[cfg(target_os = "linux")]
#[test]
fn the_kernel_sends_it_and_the_connection_goes_on() {
    // Whatever needs the pool stands still.
    run_with_busy_pool(async |pool| {
        let served = parts(Server::new(), Log::blind()).await;
        let mut peer = served.connect().await;
        for part in ["0-2499999", "7-2000000", "2499999-2499999", "1000-4999", "100-20000"] {
            let (first, last) = part.split_once('-').unwrap();
            let expected = pattern(first.parse().unwrap()..last.parse::<usize>().unwrap() + 1);
            assert!(peer.ask(get(part)).await.content == expected, "{part}");
        }
        // Requests behind it are answered in their turn.
        peer.send(get("1-2400000") + &get("1000-4999") + &get("5-2200000")).await;
        for part in [1..2_400_001, 1000..5000, 5..2_200_001] {
            assert!(peer.response().await.content == pattern(part.clone()), "{part:?}");
        }
        drop(peer);
        assert_eq!(served.log.until(|log| log.closed.len() == 1).await.closed[0].2, 8, "on one connection");
        drop(pool);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn whoever_may_look_at_its_bytes_has_it_read() {
    run_with_busy_pool(async |pool| {
        let blind = parts(Server::new(), Log::blind()).await;
        let watched = parts(Server::new(), Log::new()).await;
        let mut wrapped = blind.connect().await;
        wrapped.send(get("wrapped/0-2499999")).await;
        let mut seen = watched.connect().await;
        seen.send(get("0-2499999")).await;
        for peer in [&mut wrapped, &mut seen] {
            assert_eq!(peer.head().await.field("content-length"), Some("2500000"));
        }
        // Another goes by.
        assert_eq!(blind.connect().await.ask(get("0-2499999")).await.content.len(), LENGTH);
        for peer in [&wrapped, &seen] {
            assert!(peer.unread.is_empty() && peer.is_quiet(), "nothing was read, so nothing was sent");
        }
        drop(pool);
        for peer in [&mut wrapped, &mut seen] {
            assert!(peer.exactly(LENGTH).await.unwrap() == pattern(0..LENGTH));
        }
        assert!(watched.log.now().sent > LENGTH as u64, "all of it was seen");
    });
}

#[test]
fn it_is_sent_on_a_unix_socket() {
    run_threads(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let file = file(&pattern(0..LENGTH));
        let service = tower::service_fn(move |_: Request<Body>| {
            let part = Body::from_file(Arc::clone(&file), ..);
            async move { part.map(Response::new) }
        });
        tokio::spawn(Server::new().serve(listener, service, std::future::pending::<()>()));
        let mut peer = Peer::over(tokio::net::UnixStream::connect(&path).await.unwrap());
        for _ in 0..2 {
            assert!(peer.ask(get("")).await.content == pattern(0..LENGTH));
        }
    });
}

#[test]
fn what_has_no_content_sends_none_of_it() {
    run(async {
        let file = file(&pattern(0..LENGTH));
        let served = serve_logged(Server::new(), Log::blind(), move |request: Request<Body>| {
            let part = Body::from_file(Arc::clone(&file), ..);
            async move {
                let mut response = Response::new(part?);
                if request.uri().path() == "/304" {
                    *response.status_mut() = StatusCode::NOT_MODIFIED;
                }
                Ok(response)
            }
        })
        .await;
        let mut peer = served.connect().await;
        for _ in 0..2 {
            peer.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
            assert_eq!(peer.head().await.field("content-length"), Some("2500000"));
            assert_eq!(peer.ask(get("304")).await.status(), 304);
        }
        let response = peer.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
        assert!(response.content == pattern(0..LENGTH) && response.connection() == "keep-alive");
        let response = peer.ask("GET / HTTP/1.0\r\n\r\n").await;
        assert!(response.content == pattern(0..LENGTH) && response.connection() == "close");
        peer.end().await;
        assert_eq!(served.log.closed(1).await, [CloseReason::Http10]);
    });
}

#[test]
fn a_file_that_is_cut_cuts_the_message() {
    const WHOLE: usize = 48 << 20;
    const LEFT: usize = 1 << 20;
    for wraps in [false, true] {
        run_threads(async move {
            let file = file(&vec![b'x'; WHOLE]);
            let served = serve_logged(Server::new(), Log::blind(), {
                let file = Arc::clone(&file);
                move |_| {
                    let part = Body::from_file(Arc::clone(&file), ..);
                    let body = part.map(|part| if wraps { Body::stream(part.map_err(|error| error)) } else { part });
                    async move { Ok(Response::new(body?)) }
                }
            })
            .await;
            let mut peer = served.connect().await;
            peer.send(get("")).await;
            assert_eq!(peer.head().await.field("content-length"), Some("50331648"));
            file.set_len(LEFT as u64).unwrap();
            let content = peer.rest().await;
            assert!(content.len() < WHOLE, "the end shows that it is not whole");
            let (left, lent) = content.split_at(LEFT.min(content.len()));
            assert!(left.iter().all(|&byte| byte == b'x'));
            // What the socket was lent is emptied with the file, where the kernel had not sent it yet.
            let is_whole = |byte: &u8| *byte == b'x' || (!wraps && *byte == 0);
            assert!(lent.iter().all(is_whole), "nothing else stands for what is missing");
            let reasons = served.log.closed(1).await;
            assert_eq!((reasons, served.log.now().closed[0].2), (vec![CloseReason::ApplicationFailed], 0));
        });
    }
}

#[test]
fn a_little_file_that_is_cut_before_its_head_leaves_cuts_the_message() {
    run(async {
        let story = Story::new();
        let server = Server::new().observer(Arc::clone(&story) as _);
        let served = serve_logged(server, Log::blind(), |_| async {
            let file = file(&pattern(0..LENGTH));
            let part = Body::from_file(Arc::clone(&file), LITTLE)?;
            file.set_len(LITTLE.start + 1)?;
            Ok(Response::new(part))
        })
        .await;
        let mut peer = served.connect().await;
        peer.send(get("")).await;
        assert_eq!(peer.head().await.field("content-length"), Some("4000"));
        peer.end().await;
        assert_eq!(story.until("closed").await.last().unwrap(), "closed 1 application-failed 0");
    });
}

#[test]
fn a_file_that_grows_is_sent_as_it_was_announced() {
    run(async {
        let file = file(b"0123456789");
        let served = serve_logged(Server::new(), Log::blind(), move |_| {
            let file = Arc::clone(&file);
            async move {
                let part = Body::from_file(Arc::clone(&file), ..)?;
                let len = file.metadata()?.len();
                // Sparse, and soon more than is read behind a head.
                file.set_len(len * 100)?;
                Ok(Response::new(part))
            }
        })
        .await;
        let mut peer = served.connect().await;
        for length in [10, 1000, 100_000, 10_000_000] {
            let response = peer.ask(get("")).await;
            assert_eq!((response.content.len(), response.content[9]), (length, b'9'));
        }
        assert!(peer.is_quiet());
    });
}

#[test]
fn each_byte_is_told_as_content() {
    run(async {
        let story = Story::new();
        let served = parts(Server::new().observer(Arc::clone(&story) as _), Log::blind()).await;
        let mut peer = served.connect().await;
        peer.ask(get("0-2499999")).await;
        peer.ask(get("1000-4999")).await;
        drop(peer);
        let lines = story.until("closed 1").await;
        assert!(lines.iter().any(|line| line.ends_with("200 in 0 out 2500000 whole")), "{lines:?}");
        assert!(lines.iter().any(|line| line.ends_with("200 in 0 out 4000 whole")), "{lines:?}");
    });
}

#[test]
fn a_client_that_takes_no_more_of_it_loses_its_connection_in_time() {
    const SEND: Duration = Duration::from_secs(30);
    const MS: Duration = Duration::from_millis(1);
    // More than the kernel holds between the two ends: who has read so much made the server send.
    const TAKEN: usize = 40 << 20;
    run_paused(async {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 40).unwrap();
        let file = Arc::new(file);
        let served = serve_logged(Server::new(), Log::blind(), move |_| {
            let part = Body::from_file(Arc::clone(&file), ..);
            async move { Ok(Response::new(part?)) }
        })
        .await;
        let mut peer = served.connect().await;
        peer.send(get("")).await;
        peer.head().await;
        for _ in 0..3 {
            peer.exactly(TAKEN).await.unwrap();
            advance(SEND - MS).await;
            settle().await;
            assert_eq!(served.log.now().closed, [], "too early");
        }
        // As long as the kernel finds room, the wait begins anew.
        while served.log.now().closed.is_empty() {
            advance(SEND).await;
            settle().await;
        }
        assert_eq!(served.log.closed(1).await, [CloseReason::TimedOut]);
        let error = loop {
            match peer.fill().await {
                Ok(more) => assert!(more, "a FIN would be a promise that all was sent"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

/// Of a file's bytes more may wait in the kernel than of others: until its last piece.
#[cfg(target_os = "linux")]
#[test]
fn behind_a_file_the_kernel_holds_as_little_as_ever() {
    const CHUNK: usize = 64 * 1024;
    const FILE: usize = 16 << 20;
    run_paused(async {
        let file = tempfile::tempfile().unwrap();
        file.set_len(FILE as u64).unwrap();
        let (file, taken) = (Arc::new(file), Arc::new(AtomicUsize::new(0)));
        let served = serve_logged(Server::new(), Log::blind(), {
            let taken = Arc::clone(&taken);
            move |request: Request<Body>| {
                let (file, taken) = (Arc::clone(&file), Arc::clone(&taken));
                async move {
                    if request.uri().path() == "/file" {
                        return Ok(Response::new(Body::from_file(file, ..)?));
                    }
                    let endless = stream::repeat_with(move || {
                        taken.fetch_add(CHUNK, Ordering::Relaxed);
                        Ok::<_, BoxError>(Frame::data(Bytes::from_static(&[0; CHUNK])))
                    });
                    Ok(Response::new(Body::stream(StreamBody::new(endless))))
                }
            }
        })
        .await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(CHUNK as u32).unwrap();
        let mut peer = Peer::over(socket.connect(served.address).await.unwrap());
        assert_eq!(peer.ask(get("file")).await.content.len(), FILE);
        peer.send(get("endless")).await;
        peer.head().await;
        while served.log.now().closed.is_empty() {
            advance(Duration::from_secs(30)).await;
            settle().await;
        }
        let taken = taken.load(Ordering::Relaxed);
        assert!(taken <= 12 * CHUNK, "{taken} bytes left the server");
    });
}

#[test]
fn a_request_can_have_it_too() {
    run_threads(async {
        let served = serve(|request| async {
            let content = body::collect(request.into_body()).await?;
            Ok(Response::new(Body::from(content)))
        })
        .await;
        let content = Body::from_file(file(&pattern(0..LENGTH)), 5..).unwrap();
        let request = Request::post(served.url("/")).body(content).unwrap();
        let response = Client::new().request(request).await.unwrap();
        assert!(body::collect(response.into_body()).await.unwrap() == pattern(5..LENGTH));
    });
}

#[test]
fn only_a_regular_file_and_only_what_lies_in_it() {
    let file = file(b"0123456789");
    let fails = |body: std::io::Result<Body>| body.map(drop).unwrap_err().kind() == ErrorKind::InvalidInput;
    let folder = tempfile::tempdir().unwrap();
    assert!(fails(Body::from_file(File::open(folder.path()).unwrap(), ..)));
    assert!(fails(Body::from_file(Arc::clone(&file), ..11)));
    assert!(fails(Body::from_file(Arc::clone(&file), 11..)));
    #[expect(clippy::reversed_empty_ranges, reason = "what is refused")]
    let reversed = 5..3;
    assert!(fails(Body::from_file(Arc::clone(&file), reversed)));
    assert!(fails(Body::from_file(Arc::clone(&file), 0..=u64::MAX)));
    let len = |body: std::io::Result<Body>| http_body::Body::size_hint(&body.unwrap()).exact().unwrap();
    assert_eq!(len(Body::from_file(Arc::clone(&file), ..)), 10);
    assert_eq!(len(Body::from_file(Arc::clone(&file), 10..)), 0);
    assert_eq!(len(Body::from_file(Arc::clone(&file), 2..=4)), 3);
    assert_eq!(len(Body::from_file(file, ..10)), 10);
}
