//! Request content that fails, or is not as long as it said.

use http::{HeaderMap, HeaderValue, Method};
use http_body_util::BodyExt;
use tenure::{Body, Client, CloseReason, Fate};

use super::{observed, read, request};
use crate::common::body::{Step, data, steps};
use crate::common::*;

/// Sends content whose later part comes only when the earlier one has arrived. The error, what
/// arrived of the content, and why the connection ended.
async fn send(
    length: Option<u64>,
    earlier: impl IntoIterator<Item = Step>,
    later: impl IntoIterator<Item = Step>,
) -> (tenure::Error, Vec<u8>, CloseReason) {
    let script = Script::new().await;
    let (client, log) = observed(Client::builder());
    let (go, wait) = tokio::sync::oneshot::channel();
    let body = steps(length, earlier.into_iter().chain([Step::Wait(wait)]).chain(later));
    let server = async {
        let mut peer = script.accept().await;
        peer.head().await;
        drop(go);
        peer.rest().await
    };
    let (answer, received) = tokio::join!(client.request(request(Method::POST, &script.url("/"), body)), server);
    let error = answer.unwrap_err();
    assert!(error.is_content(), "{error}");
    (error, received, log.closed(1).await[0])
}

/// The same for content whose fault is known before anything of it is sent.
async fn send_at_once(length: u64, pieces: impl IntoIterator<Item = Step>) -> tenure::Error {
    let script = Script::new().await;
    let client = Client::new();
    let body = steps(Some(length), pieces);
    let (answer, ()) = tokio::join!(client.request(request(Method::POST, &script.url("/"), body)), async {
        script.accept().await.end().await;
    });
    let error = answer.unwrap_err();
    assert!(error.is_content(), "{error}");
    error
}

#[test]
fn content_that_fails_is_never_ended() {
    run(async {
        for length in [Some(30_000), None] {
            let (error, received, why) = send(length, [data(vec![b'x'; 20_000])], [Step::Fail("torn page")]).await;
            assert!(error.to_string().contains("torn page"), "{error}");
            assert_eq!((error.fate(), why), (Fate::Incomplete, CloseReason::ApplicationFailed));
            assert!((20_000..30_000).contains(&received.len()) && !received.ends_with(b"0\r\n\r\n"));
        }
        let error = send_at_once(5, [Step::Fail("torn page")]).await;
        assert_eq!(error.fate(), Fate::NotSent);
    });
}

#[test]
fn content_shorter_than_its_length_is_never_whole() {
    run(async {
        let (error, received, _) = send(Some(10), [data("12345")], [data("6789")]).await;
        assert!(error.to_string().contains("1 byte"), "{error}");
        assert_eq!((error.fate(), received.len() < 10), (Fate::Incomplete, true));
        assert_eq!(send_at_once(10, [data("123456789")]).await.fate(), Fate::NotSent);
    });
}

#[test]
fn content_longer_than_its_length_does_not_run_into_the_next_message() {
    run(async {
        // One piece too long, and one piece too many.
        let (error, received, _) = send(Some(10), [data("01234")], [data("567890")]).await;
        assert_eq!((error.fate(), &received[..]), (Fate::Incomplete, &b"01234"[..]));
        assert_eq!(send_at_once(10, [data("01234567890")]).await.fate(), Fate::NotSent);
        assert_eq!(send_at_once(10, [data("0123456789"), data("0")]).await.fate(), Fate::NotSent);
        // All that was announced may be with the server before the rest is known.
        let (error, received, _) = send(Some(10), [data("0123456789")], [data("0")]).await;
        assert_eq!((error.fate(), &received[..]), (Fate::Unknown, &b"0123456789"[..]));
    });
}

#[test]
fn a_chunked_upload_with_trailers_and_a_conversation() {
    run(async {
        let served = serve(|request: http::Request<Body>| async { Ok(http::Response::new(request.into_body())) }).await;
        let client = Client::new();
        for _ in 0..2 {
            let (go, wait) = tokio::sync::oneshot::channel();
            let mut trailers = HeaderMap::new();
            trailers.insert("x-sum", HeaderValue::from_static("7"));
            let body = steps(None, [data("one"), Step::Wait(wait), data("two"), Step::Trailers(trailers)]);
            let mut echo = client.request(request(Method::POST, &served.url("/"), body)).await.unwrap().into_body();
            assert_eq!(echo.frame().await.unwrap().unwrap().into_data().unwrap(), "one", "while two is to come");
            drop(go);
            let rest = echo.collect().await.unwrap();
            assert_eq!(rest.trailers().unwrap()["x-sum"], "7");
            assert_eq!(rest.to_bytes(), "two");
        }
        assert_eq!(served.log.now().opened, 1);
    });
}

/// The answer to a last request says close, and begins before the content is all sent: that is no
/// refusal of the content.
#[test]
fn a_success_that_closes_does_not_stop_the_upload() {
    run(async {
        let echo = |request: http::Request<Body>| async {
            let mut response = http::Response::new(request.into_body());
            response.headers_mut().insert("connection", HeaderValue::from_static("close"));
            Ok(response)
        };
        let served = serve(echo).await;
        let client = Client::new();
        let (go, wait) = tokio::sync::oneshot::channel();
        let body = steps(None, [data("one"), Step::Wait(wait), data("two")]);
        let mut echo = client.request(request(Method::POST, &served.url("/"), body)).await.unwrap().into_body();
        assert_eq!(echo.frame().await.unwrap().unwrap().into_data().unwrap(), "one");
        drop(go);
        assert_eq!(echo.collect().await.unwrap().to_bytes(), "two");
    });
}

#[test]
fn a_large_upload_arrives_whole() {
    run_threads(async {
        let served = serve(|request: http::Request<Body>| async {
            let content = body::collect(request.into_body()).await?;
            let sound = content.iter().enumerate().all(|(at, byte)| *byte == (at % 251) as u8);
            Ok(http::Response::new(Body::from(format!("{} {sound}", content.len()))))
        });
        let served = served.await;
        let client = Client::new();
        let content: Vec<u8> = (0..10_000_000).map(|at| (at % 251) as u8).collect();
        // Whole, in large pieces and in pieces around the size where copying ends.
        let pieces = |size: usize| content.chunks(size).map(|c| data(c.to_vec())).collect::<Vec<_>>();
        for body in [
            Body::from(content.clone()),
            steps(None, pieces(100_000)),
            steps(Some(10_000_000), pieces(100_000)),
            steps(None, pieces(8 * 1024)),
            steps(None, pieces(8 * 1024 + 1)),
        ] {
            let answer = read(client.request(request(Method::POST, &served.url("/"), body)).await).await;
            assert_eq!(answer.unwrap().1, "10000000 true");
        }
        assert_eq!(served.log.now().opened, 1);
    });
}
