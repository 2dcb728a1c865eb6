//! This client against this server: what the one does wrong the other must notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, Version};
use tenure::server::Server;
use tenure::{Body, Client, CloseReason, Fate};

use super::{observed, place, read, request};
use crate::common::body::{Step, data, steps};
use crate::common::*;

/// Content that is torn: by an error, by a panic, by an end that comes too early.
async fn torn(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    let begun = || data(vec![b'x'; 20_000]);
    let panics = futures_util::stream::once(async { panic!("on purpose") });
    Ok(Response::new(match request.uri().path() {
        "/fails" => steps(None, [begun(), Step::Fail("on purpose")]),
        "/fails-of-length" => steps(Some(30_000), [begun(), Step::Fail("on purpose")]),
        "/short" => steps(Some(30_000), [begun()]),
        "/panics" => Body::stream(http_body_util::StreamBody::new(futures_util::StreamExt::chain(
            futures_util::stream::iter([Ok::<_, BoxError>(http_body::Frame::data(vec![b'x'; 20_000].into()))]),
            panics,
        ))),
        _ => Body::from("whole"),
    }))
}

#[test]
fn torn_content_is_incomplete_for_the_client() {
    run(async {
        let served = serve(torn).await;
        let client = Client::new();
        for path in ["/fails", "/fails-of-length", "/short", "/panics"] {
            for version in [Version::HTTP_11, Version::HTTP_10] {
                let mut get = request(Method::GET, &served.url(path), "");
                *get.version_mut() = version;
                let error = read(client.request(get).await).await.expect_err(path);
                assert!(error.is_incomplete(), "{path} {version:?}: {error}");
                assert_eq!(error.fate(), Fate::AnsweredInPart, "{path} {version:?}");
                // And the next request does not notice.
                assert_eq!(read(client.get(served.url("/")).await).await.unwrap().1, "whole", "{path} {version:?}");
            }
        }
    });
}

#[test]
fn a_handler_that_panics_is_an_error_and_not_an_answer() {
    run(async {
        let calls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&calls);
        let served = serve(move |request: Request<Body>| {
            count.fetch_add(1, Ordering::Relaxed);
            async move {
                assert_ne!(request.uri().path(), "/panic", "on purpose");
                Ok(Response::new(Body::from("fine")))
            }
        });
        let served = served.await;
        let client = Client::new();
        for (method, attempts) in [(Method::POST, 1), (Method::GET, 2)] {
            assert_eq!(read(client.get(served.url("/")).await).await.unwrap().1, "fine");
            let before = calls.load(Ordering::Relaxed);
            let error = client.request(request(method, &served.url("/panic"), "")).await.unwrap_err();
            assert!(error.is_incomplete() && !error.is_safe_to_retry(), "{error}");
            assert_eq!(calls.load(Ordering::Relaxed) - before, attempts, "only what is idempotent is sent again");
        }
    });
}

#[test]
fn a_refused_upload_is_answered_200_of_200_times() {
    run_threads(async {
        let served = serve(|_| async {
            let refusal = Response::builder().status(StatusCode::PAYLOAD_TOO_LARGE);
            Ok(refusal.body(Body::from(vec![b'n'; 100_000]))?)
        });
        let served = served.await;
        let client = Client::new();
        let upload = bytes::Bytes::from(vec![b'x'; 10_000_000]);
        for round in 0..200 {
            let body = match round % 2 {
                0 => Body::from(upload.clone()),
                _ => steps(None, (0..200).map(|n| data(upload.slice(n * 50_000..(n + 1) * 50_000)))),
            };
            let (status, content) =
                read(client.request(request(Method::POST, &served.url("/"), body)).await).await.unwrap();
            assert_eq!((status, content.len()), (413, 100_000), "round {round}");
        }
    });
}

#[test]
fn content_that_nobody_reads_does_not_cost_the_connection() {
    run(async {
        let served = serve(|_| async { Ok(Response::new(Body::from("ignored"))) }).await;
        let client = Client::new();
        for round in 1..10 {
            let body = match round % 3 {
                0 => Body::from("small"),
                1 => Body::from(vec![b'x'; 100_000]),
                _ => steps(Some(100_000), (0..100).map(|_| data(vec![b'x'; 1000]))),
            };
            let response = client.request(request(Method::POST, &served.url("/"), body)).await.unwrap();
            assert_eq!(place(&response), (1, round));
            assert_eq!(body::collect(response.into_body()).await.unwrap(), "ignored");
        }
    });
}

#[test]
fn a_torn_upload_is_incomplete_for_the_handler() {
    run(async {
        let (sender, mut ends) = tokio::sync::mpsc::unbounded_channel();
        let served = serve(move |request: Request<Body>| {
            let sender = sender.clone();
            async move {
                let end = body::collect(request.into_body()).await;
                sender.send(end.map(|content| content.len()).map_err(|e| e.is_incomplete()))?;
                Ok(Response::new(Body::empty()))
            }
        });
        let served = served.await;
        let client = Client::new();
        for length in [Some(200_000), None] {
            let pieces = (0..100).map(|_| data(vec![b'x'; 1000])).chain([Step::Fail("on purpose")]);
            let post = request(Method::POST, &served.url("/"), steps(length, pieces));
            assert!(client.request(post).await.unwrap_err().is_content());
            assert_eq!(ends.recv().await.unwrap(), Err(true));
        }
    });
}

#[test]
fn a_small_message_is_one_write() {
    run(async {
        let served = serve(|request: Request<Body>| async {
            Ok(Response::new(Body::from(body::collect(request.into_body()).await?)))
        });
        let served = served.await;
        let (client, log) = observed(Client::builder());
        for round in 1..5 {
            let post = request(Method::POST, &served.url("/"), vec![b'x'; 4000]);
            assert_eq!(read(client.request(post).await).await.unwrap().1.len(), 4000);
            assert_eq!((log.now().writes, served.log.now().writes), (round, round));
        }
    });
}

/// Clients that know nothing of the end: each request is answered, or was certainly never sent.
#[test]
fn a_drain_loses_no_request() {
    run_threads(async {
        let answered = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&answered);
        let server = Server::new().drain_grace(Duration::from_secs(20)).drain_deadline(Duration::from_secs(40));
        let mut served = serve_with(server, move |request: Request<Body>| {
            let count = Arc::clone(&count);
            async move {
                let content = body::collect(request.into_body()).await?;
                count.fetch_add(1, Ordering::Relaxed);
                Ok(Response::new(Body::from(content)))
            }
        })
        .await;
        let (client, log) = observed(Client::builder().connections_per_origin(8));
        let all: Vec<_> = (0..16)
            .map(|_| {
                let (client, url) = (client.clone(), served.url("/"));
                tokio::spawn(async move {
                    let mut asked = 0;
                    loop {
                        match read(client.request(request(Method::POST, &url, "content")).await).await {
                            Ok(answer) => assert_eq!(answer, (200, "content".to_owned())),
                            Err(error) => {
                                assert!(error.is_connect(), "{error}");
                                break asked;
                            }
                        }
                        asked += 1;
                    }
                })
            })
            .collect();
        served.log.until(|log| log.received > 100_000).await;
        served.stop();
        let mut asked = 0;
        for one in all {
            asked += one.await.unwrap();
        }
        assert_eq!(asked, answered.load(Ordering::Relaxed), "no request was acted on unheard");
        drop(served.task.await.unwrap());
        let reasons = log.now().closed;
        assert!(reasons.iter().all(|(_, why, _)| *why == CloseReason::CloseOption), "{reasons:?}");
    });
}
