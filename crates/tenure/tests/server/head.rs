//! HEAD: the head that GET would get, and never content (RFC 9110 section 9.3.2).

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use tenure::Body;

use crate::common::body::{Step, data, steps};
use crate::common::*;

fn long() -> Vec<u8> {
    vec![b'x'; 20_000]
}

async fn answer(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    let response = Response::builder();
    Ok(match request.uri().path() {
        "/whole" => Response::new(Body::from("content")),
        "/large" => Response::new(Body::from(vec![b'x'; 1_000_000])),
        "/empty" => Response::new(Body::empty()),
        "/length" => Response::new(steps(Some(20_000), [data(long())])),
        "/short-stream" => Response::new(steps(None, [data("con"), data("tent")])),
        "/long-stream" => Response::new(steps(None, [data(long()), data(long())])),
        "/trailers" => {
            let mut trailers = HeaderMap::new();
            trailers.insert("x-sum", HeaderValue::from_static("7"));
            Response::new(steps(None, [data("abc"), Step::Trailers(trailers)]))
        }
        "/204" => response.status(204).body(Body::empty())?,
        "/304" => response.status(304).header("etag", "\"a\"").body(Body::empty())?,
        "/404" => response.status(StatusCode::NOT_FOUND).body(Body::from("nothing"))?,
        "/echo" => Response::new(Body::from(body::collect(request.into_body()).await?)),
        "/close" => response.header("connection", "close").body(Body::from("content"))?,
        "/fails" => return Err("on purpose".into()),
        "/fails-at-once" => Response::new(steps(None, [Step::Fail("on purpose")])),
        path => panic!("{path}"),
    })
}

/// What HEAD must say just as GET does; not the date.
fn promises(message: &Message) -> (u16, String, Option<&str>, Option<&str>) {
    (message.status(), message.connection(), message.field("content-length"), message.field("etag"))
}

#[test]
fn head_says_what_get_says_and_the_connection_goes_on() {
    run(async {
        let served = serve(answer).await;
        let mut getter = served.connect().await;
        // One after the other on one connection, two at once: content would be the next head.
        let mut peer = served.connect().await;
        for path in ["whole", "large", "length", "short-stream", "long-stream", "trailers", "204", "304", "404"] {
            let got = getter.ask(format!("GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            peer.send(format!("HEAD /{path} HTTP/1.1\r\nHost: a\r\n\r\n").repeat(2)).await;
            for _ in 0..2 {
                assert_eq!(promises(&peer.head().await), promises(&got), "{path}");
            }
        }
        peer.fin().await;
        peer.end().await;
    });
}

#[test]
fn head_without_content_follows_the_rules_of_persistence() {
    run(async {
        let served = serve(answer).await;
        for path in ["close", "fails", "fails-at-once"] {
            let got = served.connect().await.ask(format!("GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            let mut peer = served.connect().await;
            peer.send(format!("HEAD /{path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            let head = peer.head().await;
            assert_eq!(promises(&head), promises(&got), "{path}");
            assert_eq!(head.connection(), "close", "{path}");
            peer.end().await;
        }
    });
}

/// Only the close ends such an answer to GET; an answer to HEAD has its end with its head.
#[test]
fn head_over_http10_keeps_its_connection_whatever_the_length() {
    run(async {
        let served = serve(answer).await;
        let mut peer = served.connect().await;
        for path in ["whole", "long-stream", "trailers", "304"] {
            peer.send(format!("HEAD /{path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")).await;
            let head = peer.head().await;
            assert_eq!((&*head.connection(), head.field("transfer-encoding")), ("keep-alive", None), "{path}");
        }
        peer.send("HEAD /whole HTTP/1.0\r\n\r\n").await;
        assert_eq!(peer.head().await.connection(), "close");
        peer.end().await;
    });
}

#[test]
fn content_of_a_head_request_is_not_the_next_request() {
    run(async {
        let served = serve(answer).await;
        let mut peer = served.connect().await;
        for path in ["whole", "echo", "large"] {
            for request in [
                "HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
                "HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            ] {
                peer.send(format!("HEAD /{path} {request}GET /404 HTTP/1.1\r\nHost: a\r\n\r\n")).await;
                assert_eq!(peer.head().await.status(), 200, "{path}");
                assert_eq!(peer.response().await.text(), "nothing", "{path}");
            }
        }
    });
}

#[test]
fn a_refusal_of_head_has_no_content() {
    run(async {
        let served = serve(answer).await;
        let mut peer = served.connect().await;
        peer.send("HEAD /whole HTTP/1.1\r\nHost: a\r\nExpect: coffee\r\n\r\n").await;
        assert_eq!(peer.head().await.status(), 417);
        peer.fin().await;
        peer.end().await;
    });
}

/// A handler may have left the content away because it is HEAD: an empty body says no length.
#[test]
fn head_claims_no_length_that_get_may_not_have() {
    run(async {
        let served = serve(answer).await;
        let mut peer = served.connect().await;
        for _ in 0..2 {
            peer.send("HEAD /empty HTTP/1.1\r\nHost: a\r\n\r\n").await;
            assert_eq!(peer.head().await.field("content-length"), None);
        }
    });
}
