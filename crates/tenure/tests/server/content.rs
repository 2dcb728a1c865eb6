//! Request content on its way to the handler (RFC 9112 sections 6 to 8).

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::BodyExt;
use tenure::{Body, CloseReason};

use crate::common::*;

/// Answers with the content, and with the trailers as fields.
async fn echo(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    let collected = request.into_body().collect().await?;
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let mut response = Response::new(Body::from(collected.to_bytes()));
    response.headers_mut().extend(trailers);
    Ok(response)
}

async fn ignore(_: Request<Body>) -> Result<Response<Body>, BoxError> {
    Ok(Response::new(Body::from("ignored")))
}

#[test]
fn content_by_length_reaches_the_handler() {
    run(async {
        let served = serve(|request: Request<Body>| async move {
            assert_eq!(request.body().size_hint().exact(), Some(5));
            echo(request).await
        });
        let served = served.await;
        let mut peer = served.connect().await;
        for _ in 0..2 {
            peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe").await;
            peer.send("llo").await;
            assert_eq!(peer.response().await.text(), "hello");
        }
    });
}

#[test]
fn chunked_content_and_its_trailers_reach_the_handler() {
    run(async {
        let served = serve(echo).await;
        let mut peer = served.connect().await;
        for _ in 0..2 {
            peer.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            peer.send("3\r\nhel\r\n2\r\nlo\r\n0\r\nX-Digest: abc\r\nContent-Length: 9\r\n\r\n").await;
            let response = peer.response().await;
            assert_eq!((response.text(), response.field("x-digest")), ("hello", Some("abc")));
        }
    });
}

#[test]
fn a_small_content_that_nobody_reads_is_passed_over() {
    run(async {
        let served = serve(ignore).await;
        let mut peer = served.connect().await;
        for _ in 0..2 {
            let mut request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n".to_vec();
            request.resize(request.len() + 100_000, b'x');
            let response = peer.ask(request).await;
            assert_eq!((response.status(), response.connection().as_str()), (200, ""));
        }
        assert_eq!(served.log.now().opened, 1);
    });
}

/// Its length is not known before its end, so what counts is whether that has come.
#[test]
fn a_chunked_content_that_nobody_reads_is_passed_over_if_it_is_all_there() {
    run(async {
        const HEAD: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        let served = serve(ignore).await;
        let mut peer = served.connect().await;
        for _ in 0..2 {
            let response = peer.ask([HEAD, "3\r\nabc\r\n2\r\nde\r\n0\r\nx: y\r\n\r\n"].concat()).await;
            assert_eq!((response.text(), &*response.connection()), ("ignored", ""));
        }
        let response = peer.ask([HEAD, "3\r\nabc\r\n"].concat()).await;
        assert_eq!((response.text(), &*response.connection()), ("ignored", "close"), "there may be no end of it");
        // A fault in it is nothing to a handler that does not read it, but all to the next message.
        let mut peer = served.connect().await;
        let response = peer.ask([HEAD, "3\r\nabcdef"].concat()).await;
        assert_eq!((response.text(), &*response.connection()), ("ignored", "close"));
        peer.end().await;
    });
}

#[test]
fn a_content_partly_read_is_passed_over_too() {
    run(async {
        let served = serve(|request: Request<Body>| async move {
            let first = request.into_body().frame().await.ok_or("no frame")??;
            Ok(Response::new(Body::from(format!("{}", first.is_data()))))
        });
        let served = served.await;
        let mut peer = served.connect().await;
        for _ in 0..2 {
            let mut request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n".to_vec();
            request.resize(request.len() + 200_000, b'x');
            assert_eq!(peer.ask(request).await.text(), "true");
        }
    });
}

#[test]
fn a_large_content_that_nobody_reads_ends_the_connection_and_the_answer_says_so() {
    run(async {
        let served = serve(ignore).await;
        let mut peer = served.connect().await;
        peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n").await;
        let response = peer.response().await;
        assert_eq!((response.text(), &*response.connection()), ("ignored", "close"));
        peer.end().await;
        drop(peer);
        assert_eq!(served.log.closed(1).await, [CloseReason::UnreadContent]);
    });
}

/// A handler that keeps what came, and how it ended.
async fn keep(kept: Arc<Mutex<Vec<String>>>, request: Request<Body>) -> Result<Response<Body>, BoxError> {
    let mut body = request.into_body();
    let mut content = Vec::new();
    let end = loop {
        match body.frame().await {
            Some(Ok(frame)) => content.extend(frame.into_data().unwrap_or_default()),
            Some(Err(error)) => break format!("error, incomplete: {}", error.is_incomplete()),
            None => break "whole".to_owned(),
        }
    };
    kept.lock().unwrap().push(format!("{} then {end}", String::from_utf8(content)?));
    Ok(Response::new(Body::from("seen")))
}

#[test]
fn incomplete_content_is_an_error_and_never_a_short_success() {
    run(async {
        for request in [
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf",
            "POST / HTTP/1.0\r\nContent-Length: 10\r\n\r\nhalf",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\nt: v\r\n",
        ] {
            let kept = Arc::new(Mutex::new(Vec::new()));
            let keeper = Arc::clone(&kept);
            let served = serve(move |request| keep(Arc::clone(&keeper), request)).await;
            let mut peer = served.connect().await;
            peer.send(request).await;
            peer.fin().await;
            let response = peer.response().await;
            assert_eq!((response.text(), &*response.connection()), ("seen", "close"), "{request}");
            peer.end().await;
            assert_eq!(*kept.lock().unwrap(), ["half then error, incomplete: true"], "{request}");
        }
    });
}

#[test]
fn content_moved_to_another_task_errors_when_the_client_resets() {
    run(async {
        let (sender, mut ends) = tokio::sync::mpsc::unbounded_channel();
        let served = serve(move |request: Request<Body>| {
            let sender = sender.clone();
            async move {
                let reader = tokio::spawn(body::collect(request.into_body()));
                tokio::spawn(async move { sender.send(reader.await.unwrap()) });
                std::future::pending::<()>().await;
                Ok(Response::new(Body::empty()))
            }
        });
        let served = served.await;
        let mut peer = served.connect().await;
        let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf";
        peer.send(request).await;
        served.log.received(request.len()).await;
        peer.reset();
        let end = ends.recv().await.unwrap();
        assert!(end.unwrap_err().is_incomplete());
        assert_eq!(served.log.closed(1).await, [CloseReason::PeerReset]);
    });
}

#[test]
fn a_malformed_chunk_reaches_the_handler_as_an_error() {
    run(async {
        let served = serve(|request: Request<Body>| async move {
            let error = body::collect(request.into_body()).await.unwrap_err();
            let status = error.protocol().ok_or("no rule")?.status();
            Ok(Response::builder().status(status).body(Body::from(error.to_string()))?)
        });
        let served = served.await;
        let mut peer = served.connect().await;
        peer.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n").await;
        let response = peer.response().await;
        assert_eq!((response.status(), &*response.connection()), (400, "close"));
        assert!(response.text().contains("RFC 9112 section 7.1"), "{}", response.text());
        peer.end().await;
    });
}

/// A content that comes byte by byte must not cost a buffer per byte.
#[test]
fn many_small_pieces_share_their_buffers() {
    run(async {
        let served = serve(|request: Request<Body>| async move {
            let mut body = request.into_body();
            let mut pieces: Vec<Bytes> = Vec::new();
            while let Some(frame) = body.frame().await {
                pieces.extend(frame?.into_data());
            }
            // Pieces from one buffer lie close together; each from its own lie at least a buffer apart.
            let near = |pair: &&[Bytes]| pair[0].as_ptr().addr().abs_diff(pair[1].as_ptr().addr()) < 4096;
            let shared = pieces.windows(2).filter(near).count();
            Ok(Response::new(Body::from(format!("{} {shared}", pieces.len()))))
        });
        let served = served.await;
        let mut peer = served.connect().await;
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n";
        peer.send(head).await;
        for sent in 1..=500 {
            peer.send("x").await;
            served.log.received(head.len() + sent).await;
        }
        let response = peer.response().await;
        let (pieces, shared) = response.text().split_once(' ').unwrap();
        assert_eq!(pieces, "500");
        assert!(shared.parse::<u32>().unwrap() > 450, "{shared} of 499 next to each other");
    });
}
