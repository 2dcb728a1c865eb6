//! Raw handlers on the same loop: what they see, what they answer, how their connections end.

use std::time::Duration;

use http::StatusCode;
use tenure::CloseReason;
use tenure::server::{Server, raw};

use crate::common::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Answers with the target, or as it asks.
fn answer(request: &raw::Request<'_>, response: raw::Response<'_>) -> raw::Answered {
    let status = match request.target() {
        b"/panic" => panic!("on purpose"),
        b"/injects" => return response.send(StatusCode::OK, &[("a", b"b\r\nc: d")], b""),
        b"/interim" => StatusCode::CONTINUE,
        b"/switches" => StatusCode::SWITCHING_PROTOCOLS,
        b"/nothing" => StatusCode::NO_CONTENT,
        b"/unmodified" => StatusCode::NOT_MODIFIED,
        b"/closes" => return response.send(StatusCode::OK, &[("Connection", b"close")], b"last"),
        b"/dated" => return response.send(StatusCode::OK, &[("DATE", b"never")], b""),
        _ => StatusCode::OK,
    };
    response.send(status, &[("x-a", b"1"), ("x-a", b"2")], request.target())
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

#[test]
fn persists_until_it_says_close() {
    run(async {
        let served = serve_raw(answer).await;
        let mut peer = served.connect().await;
        for _ in 0..3 {
            let response = peer.ask(get("/a")).await;
            assert_eq!((response.status(), response.text(), response.field("connection")), (200, "/a", None));
            let own: Vec<_> = response.fields.iter().filter(|(name, _)| name == "x-a").map(|(_, v)| &**v).collect();
            assert_eq!(own, ["1", "2"]);
            assert!(response.field("date").unwrap().ends_with(" GMT"));
        }
        let last = peer.ask("GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert_eq!((last.text(), &*last.connection()), ("/b", "close"));
        peer.end().await;
        assert_eq!(served.log.closed(1).await, [CloseReason::CloseOption]);
        assert_eq!(served.log.now().closed[0].2, 4, "exchanges");
    });
}

#[test]
fn sixteen_pipelined_requests_cost_one_read_and_one_write() {
    run(async {
        let served = serve_raw(answer).await;
        let mut peer = served.connect().await;
        for round in 1..4 {
            let all: String = (0..16).map(|n| get(&format!("/{n}"))).collect();
            peer.send(all).await;
            for n in 0..16 {
                assert_eq!(peer.response().await.text(), format!("/{n}"));
            }
            let log = served.log.now();
            assert_eq!((log.reads, log.writes), (round, round));
        }
    });
}

#[test]
fn bytes_one_by_one_make_the_same_requests() {
    run(async {
        let served = serve_raw(answer).await;
        let mut peer = served.connect().await;
        let all = format!("\r\n{}{}", get("/a"), get("/b"));
        for (sent, byte) in all.bytes().enumerate() {
            peer.send([byte]).await;
            served.log.received(sent + 1).await;
        }
        assert_eq!(peer.response().await.text(), "/a");
        assert_eq!(peer.response().await.text(), "/b");
    });
}

#[test]
fn head_and_304_have_no_content_and_204_has_no_length() {
    run(async {
        let served = serve_raw(|request, response| match request.target() {
            b"/204" => response.send(StatusCode::NO_CONTENT, &[], b""),
            _ => answer(request, response),
        });
        let served = served.await;
        let mut peer = served.connect().await;
        peer.send("HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(peer.head().await.field("content-length"), Some("5"));
        assert_eq!(peer.ask(get("/unmodified")).await.status(), 304);
        let nothing = peer.ask(get("/204")).await;
        assert_eq!((nothing.status(), nothing.field("content-length")), (204, None));
        assert_eq!(peer.ask(get("/a")).await.text(), "/a");
    });
}

#[test]
fn http10_persists_if_asked_and_says_so() {
    run(async {
        let served = serve_raw(answer).await;
        let mut peer = served.connect().await;
        for _ in 0..3 {
            let response = peer.ask("GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").await;
            assert_eq!((response.text(), &*response.connection()), ("/a", "keep-alive"));
        }
        let last = peer.ask("GET /a HTTP/1.0\r\n\r\n").await;
        assert_eq!((last.text(), &*last.connection()), ("/a", "close"));
        peer.end().await;
    });
}

#[test]
fn the_handlers_close_closes_and_its_date_stands() {
    run(async {
        let served = serve_raw(answer).await;
        let mut peer = served.connect().await;
        let dated = peer.ask(get("/dated")).await;
        let dates: Vec<_> = dated.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("date")).collect();
        assert_eq!(dates.len(), 1, "{dates:?}");
        assert_eq!(dated.field("date"), Some("never"));
        let last = peer.ask(get("/closes")).await;
        assert_eq!((last.text(), &*last.connection()), ("last", "close"));
        peer.end().await;
    });
}

#[test]
fn an_answer_that_cannot_be_sent_is_500_and_close() {
    run(async {
        let served = serve_raw(answer).await;
        for path in ["/injects", "/interim", "/switches", "/nothing"] {
            let mut peer = served.connect().await;
            assert_eq!(peer.ask(get("/a")).await.text(), "/a");
            let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
            let response = peer.ask(request).await;
            assert_eq!((response.status(), &*response.connection()), (500, "close"), "{path}");
            peer.end().await;
        }
        let mut peer = served.connect().await;
        assert_eq!(peer.ask("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n").await.status(), 500, "no tunnel");
        peer.end().await;
        drop(peer);
        assert_eq!(served.log.closed(5).await, [CloseReason::ApplicationFailed; 5]);
    });
}

#[test]
fn a_panic_costs_one_connection() {
    run(async {
        let served = serve_raw(answer).await;
        let mut other = served.connect().await;
        assert_eq!(other.ask(GET).await.text(), "/");
        let mut peer = served.connect().await;
        assert_eq!(peer.ask(GET).await.text(), "/");
        peer.send(get("/panic")).await;
        peer.end().await;
        assert_eq!(other.ask(GET).await.text(), "/");
        assert_eq!(served.log.closed(1).await, [CloseReason::ApplicationFailed], "the observer hears of it");
    });
}

#[test]
fn a_malformed_request_is_refused() {
    run(async {
        let served = serve_raw(answer).await;
        let mut peer = served.connect().await;
        peer.send(format!("{GET}GET / HTTP/1.1\r\n\r\n")).await;
        assert_eq!(peer.response().await.status(), 200);
        let refused = peer.response().await;
        assert_eq!((refused.status(), &*refused.connection()), (400, "close"));
        peer.end().await;
        assert_eq!(served.log.closed(1).await, [CloseReason::Malformed]);
    });
}

/// More than is queued before a flush, and more than one answer of that size.
#[test]
fn large_answers_arrive_whole() {
    run(async {
        let content = vec![b'x'; 300_000];
        let expected = content.clone();
        let served = serve_raw(move |_, response| response.send(StatusCode::OK, &[], &content)).await;
        let mut peer = served.connect().await;
        peer.send([GET; 5].concat()).await;
        for _ in 0..5 {
            assert!(peer.response().await.content == expected);
        }
    });
}

#[test]
fn the_handler_knows_the_connection() {
    run(async {
        let served = serve_raw(|request, response| {
            let info = request.connection();
            response.send(StatusCode::OK, &[], format!("{} {} {:?}", info.id, info.request, info.peer).as_bytes())
        });
        let served = served.await;
        for id in 1..3 {
            let mut peer = served.connect().await;
            let local = peer.stream.local_addr().unwrap();
            for number in 1..4 {
                assert_eq!(peer.ask(GET).await.text(), format!("{id} {number} {:?}", Some(local)));
            }
        }
    });
}

#[test]
fn limits_and_the_drain_are_those_of_every_server() {
    run(async {
        let mut served = serve_raw_with(Server::new().max_requests(2), answer).await;
        let mut peer = served.connect().await;
        assert_eq!(peer.ask(GET).await.connection(), "");
        assert_eq!(peer.ask(GET).await.connection(), "close");
        peer.end().await;
        drop(peer);
        assert_eq!(served.log.closed(1).await, [CloseReason::RequestLimit]);

        let mut peer = served.connect().await;
        served.log.until(|log| log.opened == 2).await;
        served.stop();
        // The first is the last.
        assert_eq!(peer.ask(GET).await.connection(), "close");
        peer.end().await;
        drop(peer);
        served.task.await.unwrap().unwrap();
        assert_eq!(served.log.closed(2).await[1], CloseReason::Shutdown);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_parked_connection_wakes() {
    run(async {
        let served = serve_raw_with(Server::new().park_after(Some(Duration::ZERO)), answer).await;
        let mut peer = served.connect().await;
        for _ in 0..3 {
            assert_eq!(peer.ask(GET).await.text(), "/");
            all_parked().await;
        }
        drop(peer);
        served.log.closed(1).await;
        assert_eq!(served.log.now().closed[0].2, 3, "exchanges");
    });
}
