//! What an observer is told, call by call.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tenure::Body;
use tenure::server::Server;

use crate::common::*;

const GET: &str = "GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n";

async fn moody(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    match request.uri().path() {
        "/panic" => panic!("on purpose"),
        "/half" => Ok(Response::new(body::steps(None, [body::data("x".repeat(5000)), body::Step::Fail("on purpose")]))),
        _ => Ok(Response::new(Body::from(body::collect(request.into_body()).await?))),
    }
}

async fn told() -> (Served, Arc<Story>) {
    let story = Story::new();
    (serve_with(Server::new().observer(Arc::clone(&story) as _), moody).await, story)
}

#[test]
fn each_exchange_is_told_with_its_facts() {
    run(async {
        let (served, story) = told().await;
        let mut peer = served.connect().await;
        peer.ask(GET).await;
        peer.ask("POST /b HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello").await;
        peer.ask("POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n2\r\n, \r\n0\r\n\r\n")
            .await;
        drop(peer);
        let expected = [
            "opened 1",
            "began 1.1 GET",
            "exchanged 1.1 'GET /a?b HTTP/1.1' 200 in 0 out 0 whole",
            "began 1.2 POST",
            "exchanged 1.2 'POST /b HTTP/1.0' 200 in 5 out 5 whole",
            "began 1.3 POST",
            "exchanged 1.3 'POST /c HTTP/1.1' 200 in 7 out 7 whole",
            "closed 1 peer-fin 3",
        ];
        assert_eq!(story.until("closed 1").await, expected);
        assert_eq!(served.log.closed(1).await.len(), 1, "the second observer hears of it too");
    });
}

#[test]
fn what_fails_is_told_before_its_connection_ends() {
    run(async {
        for (request, exchange) in [
            ("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n", "exchanged 1.1 'GET /panic HTTP/1.1' 0 in 0 out 0 cut"),
            ("GET /half HTTP/1.1\r\nHost: a\r\n\r\n", "exchanged 1.1 'GET /half HTTP/1.1' 200 in 0 out 5000 cut"),
        ] {
            let (served, story) = told().await;
            let mut peer = served.connect().await;
            peer.send(request).await;
            let lines = story.until("closed").await;
            assert_eq!(lines[..3], ["opened 1", "began 1.1 GET", exchange]);
            assert!(lines[3].starts_with("closed 1 application-failed"), "{lines:?}");
        }
    });
}

#[test]
fn what_is_no_request_is_told_without_its_head() {
    run(async {
        let (served, story) = told().await;
        let mut peer = served.connect().await;
        let answer = peer.ask("GET  / HTTP/1.1\r\n\r\n").await;
        assert_eq!(answer.status(), 400);
        let lines = story.until("exchanged").await;
        let out = answer.content.len();
        assert_eq!(
            lines[1..],
            ["began 1.1 ".to_owned(), format!("exchanged 1.1 '  HTTP/1.1' 400 in 0 out {out} whole")]
        );
    });
}

#[test]
#[cfg(target_os = "linux")]
fn parking_is_told_and_what_is_parked_wakes_to_end() {
    run_paused(async {
        let (served, story) = told().await;
        let mut peer = served.connect().await;
        peer.ask(GET).await;
        tokio::time::advance(Duration::from_millis(1_001)).await;
        assert_eq!(story.until("parked").await[3..], ["parked 1"]);
        peer.ask(GET).await;
        assert_eq!(story.now()[4..6], ["woken 1", "began 1.2 GET"]);
        tokio::time::advance(Duration::from_millis(1_001)).await;
        story.until("exchanged 1.2").await;
        while story.now().iter().filter(|line| *line == "parked 1").count() < 2 {
            tokio::task::yield_now().await;
        }
        tokio::time::advance(Duration::from_secs(75)).await;
        let lines = story.until("closed").await;
        assert_eq!(lines[lines.len() - 3..], ["parked 1", "woken 1", "closed 1 idle 2"]);
    });
}
