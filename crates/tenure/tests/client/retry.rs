//! What becomes of a request whose connection dies, and which are sent again (RFC 9110 section
//! 9.2.2, RFC 9112 section 9.3.1).

use http::Method;
use tenure::{Body, Client, Fate};

use super::{place, read, request};
use crate::common::body::{Step, data, steps};
use crate::common::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// How a server ends a connection after it has read a request.
#[derive(Clone, Copy, PartialEq, Debug)]
enum End {
    Fin,
    Reset,
}

/// Answers one request; reads the next and ends the connection; answers on further connections.
/// All requests it saw, the first aside.
async fn dies(script: Script, end: End, more: usize) -> Vec<Message> {
    let mut peer = script.accept().await;
    peer.request().await;
    peer.send(OK).await;
    let mut seen = vec![peer.request().await];
    match end {
        End::Fin => drop(peer),
        End::Reset => peer.reset(),
    }
    for _ in 0..more {
        let mut peer = script.accept().await;
        seen.push(peer.request().await);
        peer.send(OK).await;
        drop(peer.rest().await);
    }
    assert!(script.is_quiet(), "a connection too many");
    seen
}

#[test]
fn an_idempotent_request_is_sent_again_on_a_fresh_connection() {
    run(async {
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS] {
            for end in [End::Fin, End::Reset] {
                let script = Script::new().await;
                let url = script.url("/");
                let served = tokio::spawn(dies(script, end, 1));
                let client = Client::new();
                read(client.get(&url).await).await.unwrap();
                let response = client.request(request(method.clone(), &url, "content")).await.unwrap();
                assert_eq!(place(&response), (2, 1), "{method} {end:?}");
                assert_eq!(body::collect(response.into_body()).await.unwrap(), "ok");
                drop(client);
                let seen = served.await.unwrap();
                assert_eq!(seen.len(), 2);
                assert!(seen.iter().all(|r| r.text() == "content"), "{method} {end:?}");
            }
        }
    });
}

#[test]
fn a_post_is_not_and_its_fate_is_unknown() {
    run(async {
        for method in [Method::POST, Method::PATCH, Method::from_bytes(b"BREW").unwrap()] {
            for end in [End::Fin, End::Reset] {
                let script = Script::new().await;
                let url = script.url("/");
                let served = tokio::spawn(dies(script, end, 0));
                let client = Client::new();
                read(client.get(&url).await).await.unwrap();
                let error = client.request(request(method.clone(), &url, "content")).await.unwrap_err();
                assert_eq!(error.fate(), Fate::Unknown, "{method} {end:?}");
                assert!(!error.is_safe_to_retry());
                assert_eq!(served.await.unwrap().len(), 1, "never processed twice");
            }
        }
    });
}

#[test]
fn a_stream_cannot_be_sent_again_a_rewindable_body_and_a_file_can() {
    run(async {
        let script = Script::new().await;
        let url = script.url("/");
        let served = tokio::spawn(dies(script, End::Fin, 0));
        let client = Client::new();
        read(client.get(&url).await).await.unwrap();
        let error = client.request(request(Method::PUT, &url, steps(None, [data("once")]))).await.unwrap_err();
        assert_eq!(error.fate(), Fate::Unknown);
        assert_eq!(served.await.unwrap().len(), 1);

        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, b"and again").unwrap();
        let file = Body::from_file(file, 4..).unwrap();
        for body in [Body::rewindable(|| steps(Some(5), [data("again")])), file] {
            let script = Script::new().await;
            let url = script.url("/");
            let served = tokio::spawn(dies(script, End::Fin, 1));
            let client = Client::new();
            read(client.get(&url).await).await.unwrap();
            read(client.request(request(Method::PUT, &url, body)).await).await.unwrap();
            drop(client);
            assert!(served.await.unwrap().iter().all(|r| r.text() == "again"));
        }
    });
}

#[test]
fn a_fresh_connection_that_dies_is_no_race() {
    run(async {
        let script = Script::new().await;
        let client = Client::new();
        let (answer, ()) = tokio::join!(client.get(script.url("/")), async {
            script.accept().await.request().await;
        });
        let error = answer.unwrap_err();
        assert_eq!(error.fate(), Fate::Unknown);
        assert!(error.is_incomplete());
        assert!(script.is_quiet());
    });
}

#[test]
fn a_second_death_is_told_and_not_a_third_attempt() {
    run(async {
        let script = Script::new().await;
        let client = Client::new();
        let (answers, ()) = tokio::join!(
            async {
                read(client.get(script.url("/")).await).await.unwrap();
                client.get(script.url("/")).await
            },
            async {
                let mut peer = script.accept().await;
                peer.request().await;
                peer.send(OK).await;
                peer.request().await;
                drop(peer);
                script.accept().await.request().await;
            }
        );
        assert_eq!(answers.unwrap_err().fate(), Fate::Unknown);
        assert!(script.is_quiet());
    });
}

/// The second attempt cannot connect; what became of the first is as unknown as before.
#[test]
fn a_failed_repetition_does_not_forget_the_first_attempt() {
    run(async {
        let script = Script::new().await;
        let url = script.url("/");
        let client = Client::new();
        let server = async {
            let mut peer = script.accept().await;
            peer.request().await;
            peer.send(OK).await;
            peer.request().await;
            drop(script);
        };
        let (answer, ()) = tokio::join!(
            async {
                read(client.get(&url).await).await.unwrap();
                client.request(request(Method::DELETE, &url, "")).await
            },
            server
        );
        let error = answer.unwrap_err();
        assert!(error.is_connect(), "{error}");
        assert_eq!(error.fate(), Fate::Unknown, "{error}");
    });
}

#[test]
fn an_answer_in_part_is_never_sent_again() {
    run(async {
        for part in [
            "H",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal",
        ] {
            let script = Script::new().await;
            let client = Client::new();
            let (answer, ()) = tokio::join!(
                async {
                    read(client.get(script.url("/")).await).await.unwrap();
                    read(client.get(script.url("/")).await).await
                },
                async {
                    let mut peer = script.accept().await;
                    peer.request().await;
                    peer.send(OK).await;
                    peer.request().await;
                    peer.send(part).await;
                }
            );
            let error = answer.unwrap_err();
            assert_eq!(error.fate(), Fate::AnsweredInPart, "{part:?}");
            assert!(error.is_incomplete(), "{part:?}");
            assert!(script.is_quiet());
        }
    });
}

#[test]
fn a_request_that_was_not_sent_says_so() {
    run(async {
        let script = Script::new().await;
        let client = Client::new();
        let long = http::Request::post(script.url("/")).header("content-length", "7");
        let old = http::Request::post(script.url("/")).version(http::Version::HTTP_10);
        for (request, says) in [
            (request(Method::GET, "/path", ""), "absolute"),
            (request(Method::GET, "ftp://a/", ""), "ftp"),
            (long.body(Body::from("short")).unwrap(), "Content-Length"),
            (old.body(steps(None, [data("x")])).unwrap(), "HTTP/1.0"),
        ] {
            let error = client.request(request).await.unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
            assert_eq!(error.fate(), Fate::NotSent);
        }
    });
}

/// A body that has given all its bytes and not yet said that it has ended.
fn lingering(length: Option<u64>) -> (tokio::sync::oneshot::Sender<()>, Body) {
    let (go, wait) = tokio::sync::oneshot::channel();
    (go, steps(length, [data("hello"), Step::Wait(wait)]))
}

/// With its last byte the request is whole, whatever the body's end is waiting for.
#[test]
fn a_request_whose_bytes_all_went_out_is_not_incomplete() {
    run(async {
        let script = Script::new().await;
        let client = Client::new();
        let (_go, body) = lingering(Some(5));
        let (answer, seen) = tokio::join!(client.request(request(Method::POST, &script.url("/"), body)), async {
            script.accept().await.request().await
        });
        assert_eq!(seen.text(), "hello", "the server had all of it");
        let error = answer.unwrap_err();
        assert_eq!(error.fate(), Fate::Unknown, "{error}");
    });
}

/// Chunked content has no end before its last chunk.
#[test]
fn a_request_without_its_last_chunk_is_incomplete() {
    run(async {
        let script = Script::new().await;
        let client = Client::new();
        let (_go, body) = lingering(None);
        let (answer, ()) = tokio::join!(client.request(request(Method::POST, &script.url("/"), body)), async {
            let mut peer = script.accept().await;
            peer.head().await;
            assert_eq!(peer.exactly(10).await.unwrap(), b"5\r\nhello\r\n");
        });
        assert_eq!(answer.unwrap_err().fate(), Fate::Incomplete);
    });
}

/// An answer to the last byte must not find the connection still busy with the request's end.
#[test]
fn a_connection_is_used_again_though_the_bodys_end_came_late() {
    run(async {
        let script = Script::new().await;
        let client = Client::new();
        let server = async {
            let mut peer = script.accept().await;
            for _ in 0..2 {
                assert_eq!(peer.request().await.text(), "hello");
                peer.send(OK).await;
            }
        };
        let asked = async {
            for n in 1..3 {
                let (_go, body) = lingering(Some(5));
                let response = client.request(request(Method::POST, &script.url("/"), body)).await.unwrap();
                assert_eq!(place(&response), (1, n));
                assert_eq!(body::collect(response.into_body()).await.unwrap(), "ok");
            }
        };
        tokio::join!(asked, server);
    });
}
