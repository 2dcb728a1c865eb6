//! Content for raw handlers: whole or not at all, however it comes.

use std::time::Duration;

use http::StatusCode;
use tenure::CloseReason;
use tenure::proto::Config;
use tenure::server::{Server, raw};

use crate::common::*;

/// Answers with head and content as they were seen.
fn echo(request: &raw::Request<'_>, response: raw::Response<'_>) -> raw::Answered {
    let token = request.fields().get("x-token").unwrap_or_default();
    let seen = [request.method(), b" ", request.target(), b" ", &token, b" ", request.content()].concat();
    response.send(StatusCode::OK, &[], &seen)
}

fn post(length: usize) -> String {
    format!("POST /p HTTP/1.1\r\nHost: a\r\nX-Token: t\r\nContent-Length: {length}\r\n\r\n")
}

const CHUNKED: &str = "POST /c HTTP/1.1\r\nHost: a\r\nX-Token: t\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn content_in_one_piece_and_what_follows_it() {
    run(async {
        let served = serve_raw(echo).await;
        let mut peer = served.connect().await;
        let all = format!(
            "{}hello{}{}{CHUNKED}3\r\nabc\r\n2\r\nde\r\n0\r\nx: y\r\n\r\n{}z",
            post(5),
            post(0),
            post(3),
            post(1)
        );
        let all = all.replacen(&format!("{}{CHUNKED}", post(3)), &format!("{}123{CHUNKED}", post(3)), 1);
        peer.send(all).await;
        for expected in ["POST /p t hello", "POST /p t ", "POST /p t 123", "POST /c t abcde", "POST /p t z"] {
            assert_eq!(peer.response().await.text(), expected);
        }
        assert_eq!(served.log.now().writes, 1);
    });
}

#[test]
fn bytes_one_by_one_make_the_same_content() {
    run(async {
        let served = serve_raw(echo).await;
        let mut peer = served.connect().await;
        let all = format!("\r\n{}hello{CHUNKED}3;e\r\nabc\r\n2\r\nde\r\n0\r\nx: y\r\n\r\n{}", post(5), post(0));
        for (sent, byte) in all.bytes().enumerate() {
            peer.send([byte]).await;
            served.log.received(sent + 1).await;
        }
        for expected in ["POST /p t hello", "POST /c t abcde", "POST /p t "] {
            assert_eq!(peer.response().await.text(), expected);
        }
    });
}

/// 64 KiB where nothing is set, and what is set otherwise; one below, at and one above.
#[test]
fn content_is_bounded() {
    run(async {
        let mut config = Config::default();
        config.limits.content = 100_000;
        for (server, limit) in [(Server::new(), 65_536), (Server::new().config(config), 100_000)] {
            let served = serve_raw_with(server, echo).await;
            let mut peer = served.connect().await;
            for length in [limit - 1, limit] {
                let content = "x".repeat(length);
                let response = peer.ask(format!("{}{content}", post(length))).await;
                assert_eq!((response.status(), response.content.len()), (200, "POST /p t ".len() + length));
                let chunks = format!("{CHUNKED}{length:x}\r\n{content}\r\n0\r\n\r\n");
                assert_eq!(peer.ask(chunks).await.content.len(), "POST /c t ".len() + length);
            }
            // Refused by its head, before the content.
            let refused = peer.ask(post(limit + 1)).await;
            assert_eq!((refused.status(), &*refused.connection()), (413, "close"));
            let mut peer = served.connect().await;
            let refused = peer.ask(format!("{CHUNKED}1\r\nx\r\n{limit:x}\r\n")).await;
            assert_eq!((refused.status(), &*refused.connection()), (413, "close"));
            peer.fin().await;
            peer.end().await;
        }
    });
}

#[test]
fn a_client_that_waits_is_told_to_continue() {
    run(async {
        let served = serve_raw(echo).await;
        let mut peer = served.connect().await;
        let head = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
        for _ in 0..2 {
            peer.send(head).await;
            assert_eq!(peer.head().await.start, "HTTP/1.1 100 Continue");
            assert!(peer.unread.is_empty(), "nothing but the interim response");
            let response = peer.ask("hello").await;
            assert_eq!((response.text(), response.field("connection")), ("POST /p  hello", None));
        }
        // Nobody who has sent the content needs to hear it.
        assert_eq!(peer.ask(format!("{head}hello")).await.text(), "POST /p  hello");
        // Too much is refused before it is sent.
        let large = head.replace(": 5", ": 100000");
        assert_eq!(peer.ask(large).await.status(), 413);
        peer.end().await;
    });
}

#[test]
fn an_unknown_expectation_is_refused() {
    run(async {
        let served = serve_raw(echo).await;
        let mut peer = served.connect().await;
        assert_eq!(peer.ask("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n").await.status(), 417);
        assert_eq!(peer.ask("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await.text(), "GET /a  ");
    });
}

#[test]
fn content_that_does_not_come_is_408() {
    run_paused(async {
        let served = serve_raw(echo).await;
        let mut peer = served.connect().await;
        let request = format!("{}hel", post(5));
        peer.send(&request).await;
        served.log.received(request.len()).await;
        tokio::task::yield_now().await;
        tokio::time::advance(Duration::from_secs(31)).await;
        let response = peer.response().await;
        assert_eq!((response.status(), &*response.connection()), (408, "close"));
        peer.fin().await;
        peer.end().await;
        assert_eq!(served.log.closed(1).await, [CloseReason::TimedOut]);
    });
}

/// Never a short success: the handler does not see it.
#[test]
fn content_cut_short_reaches_no_handler() {
    run(async {
        let served = serve_raw(|_, _| panic!("called")).await;
        for request in [format!("{}hel", post(5)), format!("{CHUNKED}3\r\nabc\r\n")] {
            let mut peer = served.connect().await;
            peer.send(request).await;
            peer.fin().await;
            assert_eq!(peer.response().await.status(), 400);
            peer.end().await;
        }
        assert_eq!(served.log.closed(2).await, [CloseReason::PeerFin; 2]);
    });
}
