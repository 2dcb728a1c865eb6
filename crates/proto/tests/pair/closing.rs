//! Who closes, when, and what the other side makes of it (RFC 9112 sections 8, 9.3 and 9.6).

use tenure_proto::{CloseReason, Config, Directive, MisuseError, Persistence, Version};
use tenure_testkit::pair::{Body, EMPTY, Pair};

use crate::{pair, pipeline};

fn closed(pair: &Pair) -> (Option<CloseReason>, Option<CloseReason>) {
    (pair.client.closed(), pair.server.closed())
}

#[test]
fn the_client_says_close() {
    let mut pair = pair();
    pair.client.request("GET", "/", &[("connection", "close")], EMPTY).unwrap();
    assert_eq!(pair.client.request("GET", "/", &[], EMPTY), Err(MisuseError::NotOpen));
    pair.run();
    pair.server.respond(200, &[], Body::Length(b"bye")).unwrap();
    pair.run();
    assert!(pair.server.sent_text().contains("\r\nconnection: close\r\n"), "RFC 9112 section 9.6: SHOULD");
    let events = ["head HTTP/1.1 200 OK, length 3 (rule 6)", "content \"bye\"", "end"];
    assert_eq!(pair.client.events(), events);
    assert_eq!(closed(&pair), (Some(CloseReason::LastMessage), Some(CloseReason::CloseOption)));
}

#[test]
fn the_server_says_close() {
    let mut pair = pair();
    pair.client.request("GET", "/", &[], EMPTY).unwrap();
    pair.run();
    pair.server.respond(200, &[("Connection", "Close")], Body::Length(b"bye")).unwrap();
    pair.run();
    assert!(pair.server.sent_text().contains("\r\nconnection: close\r\n"));
    assert_eq!(closed(&pair), (Some(CloseReason::CloseOption), Some(CloseReason::LastMessage)));
    assert_eq!(pair.client.request("GET", "/", &[], EMPTY), Err(MisuseError::NotOpen));
}

#[test]
fn the_server_closes_in_stages() {
    let mut pair = pair();
    pair.client.request("GET", "/", &[], EMPTY).unwrap();
    pair.run();
    pair.server.connection.close_after_current(CloseReason::Shutdown);
    pair.server.respond(200, &[], EMPTY).unwrap();
    // RFC 9112 section 9.6: first the sending side only, so that no reset overtakes the response.
    assert_eq!(pair.server.connection.directive(), Directive::HalfClose(CloseReason::Shutdown));
    pair.server.connection.half_closed(pair.clock.now());
    assert_eq!(pair.server.connection.directive(), Directive::Linger(CloseReason::Shutdown));
    assert_eq!(pair.server.closed(), None);
    pair.run();
    assert_eq!(pair.client.closed(), Some(CloseReason::CloseOption));
    assert_eq!(pair.server.closed(), Some(CloseReason::Shutdown), "the client has closed too");
}

#[test]
fn a_shutdown_while_idle_lets_one_more_request_be_answered() {
    let mut pair = pair();
    pair.server.connection.close_after_current(CloseReason::Shutdown);
    assert_eq!(pair.server.connection.directive(), Directive::Proceed);
    pair.client.request("GET", "/", &[], EMPTY).unwrap();
    pair.run();
    pair.server.respond(204, &[], EMPTY).unwrap();
    pair.run();
    assert_eq!(closed(&pair), (Some(CloseReason::CloseOption), Some(CloseReason::Shutdown)));
}

#[test]
fn the_first_reason_stands() {
    let mut pair = pair();
    pair.client.request("GET", "/", &[("connection", "close")], EMPTY).unwrap();
    pair.run();
    pair.server.connection.close_after_current(CloseReason::Shutdown);
    pair.server.respond(204, &[], EMPTY).unwrap();
    pair.run();
    assert_eq!(pair.server.closed(), Some(CloseReason::CloseOption));
    assert_eq!(pair.server.connection.persistence(), Persistence::Close(CloseReason::CloseOption));
}

#[test]
fn idle_connections_end_quietly_from_either_side() {
    let mut by_client = pair();
    by_client.client.fin();
    by_client.run();
    assert_eq!(by_client.server.closed(), Some(CloseReason::PeerFin));
    assert!(by_client.server.error.is_none());

    let mut by_server = pair();
    by_server.client.request("GET", "/", &[], EMPTY).unwrap();
    by_server.run();
    by_server.server.respond(204, &[], EMPTY).unwrap();
    by_server.run();
    by_server.server.fin();
    by_server.run();
    assert_eq!(by_server.client.closed(), Some(CloseReason::PeerFin));
    assert!(by_server.client.error.is_none());
}

#[test]
fn a_half_close_after_a_whole_request_is_answered() {
    for body in [EMPTY, Body::Length(b"content"), Body::Pieces(&[b"con", b"tent"], &[])] {
        for piece in [1, usize::MAX] {
            let mut pair = pair().in_pieces_of(piece);
            pair.client.request("POST", "/", &[], body).unwrap();
            pair.client.fin();
            pair.run();
            assert!(pair.server.events().ends_with(&["end".to_owned()]));
            assert_eq!(pair.server.closed(), None, "RFC 9112 section 9.6: the client still wants the response");
            pair.server.respond(200, &[], Body::Length(b"late")).unwrap();
            pair.run();
            let events = ["head HTTP/1.1 200 OK, length 4 (rule 6)", "content \"late\"", "end"];
            assert_eq!(pair.client.events(), events);
            assert_eq!(closed(&pair), (Some(CloseReason::CloseOption), Some(CloseReason::PeerFin)));
            assert!(pair.client.error.is_none() && pair.server.error.is_none());
        }
    }
}

#[test]
fn a_half_close_known_before_the_end_is_not_forgotten() {
    // The driver reads head and FIN at once, and asks the core about both before the handler runs.
    let mut connection = tenure_proto::Connection::<tenure_proto::Server>::new(std::sync::Arc::default());
    let input = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let now = std::time::Instant::now();
    let (used, _) = connection.receive(input, now).unwrap();
    assert_eq!(used, input.len());
    assert!(matches!(connection.receive_eof(), Ok(tenure_proto::Event::End(_))));
    let mut out = Vec::new();
    connection.send_head(http::StatusCode::NO_CONTENT, [], Some(0), &mut out).unwrap();
    connection.send_end([], &mut out).unwrap();
    assert_eq!(connection.directive(), Directive::Close(CloseReason::PeerFin));
    assert!(String::from_utf8_lossy(&out).contains("\r\nConnection: close\r\n"));
}

#[test]
fn a_half_close_behind_a_pipeline_answers_all_of_it() {
    let mut pair = pipeline(3);
    for target in ["/1", "/2", "/3"] {
        pair.client.request("GET", target, &[], EMPTY).unwrap();
    }
    pair.client.fin();
    pair.run();
    for _ in 0..3 {
        assert_eq!(pair.server.closed(), None);
        pair.server.respond(204, &[], EMPTY).unwrap();
        pair.run();
    }
    assert_eq!(pair.client.connection.exchanges(), 3);
    assert_eq!(closed(&pair), (Some(CloseReason::CloseOption), Some(CloseReason::PeerFin)));
}

#[test]
fn the_server_dies_before_it_answers() {
    let mut pair = pair();
    pair.client.request("GET", "/", &[], EMPTY).unwrap();
    pair.run();
    pair.server.fin();
    pair.run();
    assert_eq!(pair.client.events(), ["error no-response at 0"]);
    assert_eq!(pair.client.closed(), Some(CloseReason::PeerFin));
}

#[test]
fn the_server_dies_in_its_answer() {
    for (body, sent) in [(Some(10), "length 10 (rule 6)"), (None, "chunked (rule 4)")] {
        let mut pair = pair();
        pair.client.request("GET", "/", &[], EMPTY).unwrap();
        pair.run();
        pair.server.connection.send_head(http::StatusCode::OK, [], body, &mut pair.server.out).unwrap();
        pair.server.send_piece(b"half").unwrap();
        pair.server.fin();
        pair.run();
        let error = pair.client.error.map(|e| e.kind().name());
        assert_eq!(error, Some("incomplete-content"), "{:?}", pair.client.error);
        assert_eq!(pair.client.events()[0], format!("head HTTP/1.1 200 OK, {sent}"));
        assert_eq!(pair.client.closed(), Some(CloseReason::PeerFin));
    }
}

#[test]
fn the_client_dies_in_its_request() {
    let mut pair = pair();
    pair.client.request_head("POST", "/", Version::Http11, &[], Some(10)).unwrap();
    pair.client.send_piece(b"half").unwrap();
    pair.client.fin();
    pair.run();
    assert_eq!(pair.server.error.map(|e| e.kind().name()), Some("incomplete-content"));
    // A server may answer; whoever still listens gets it, and then the connection is over.
    pair.server.respond(400, &[], EMPTY).unwrap();
    pair.run();
    assert_eq!(pair.server.closed(), Some(CloseReason::PeerFin));
}

#[test]
fn an_answer_of_unknown_length_to_http10_ends_with_the_connection() {
    let mut pair = pair();
    let head = pair.client.request_head("GET", "/", Version::Http10, &[], Some(0));
    head.and_then(|_| pair.client.connection.send_end([], &mut pair.client.out)).unwrap();
    pair.run();
    pair.server.respond(200, &[], Body::Pieces(&[b"how ", b"long?"], &[("x-sum", "lost")])).unwrap();
    pair.run();
    assert_eq!(pair.server.sent_text(), "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhow long?");
    let events = ["head HTTP/1.1 200 OK, until close (rule 8)", "content \"how long?\"", "end"];
    assert_eq!(pair.client.events(), events);
    assert_eq!(closed(&pair), (Some(CloseReason::CloseOption), Some(CloseReason::CloseDelimited)));
}

#[test]
fn http10_where_keep_alive_is_not_honoured() {
    let server = Config { http10_keep_alive: false, ..Config::default() };
    let mut pair = Pair::new(Config::default(), server);
    let head = pair.client.request_head("GET", "/", Version::Http10, &[], Some(0));
    head.and_then(|_| pair.client.connection.send_end([], &mut pair.client.out)).unwrap();
    pair.run();
    pair.server.respond(204, &[], EMPTY).unwrap();
    pair.run();
    assert_eq!(closed(&pair), (Some(CloseReason::CloseOption), Some(CloseReason::Http10)));
}

#[test]
fn close_in_the_middle_of_a_pipeline_leaves_the_rest_unanswered() {
    let mut pair = pipeline(3);
    for target in ["/1", "/2", "/3"] {
        pair.client.request("GET", target, &[], EMPTY).unwrap();
    }
    pair.run();
    pair.server.respond(204, &[], EMPTY).unwrap();
    pair.run();
    pair.server.respond(204, &[("connection", "close")], EMPTY).unwrap();
    pair.run();
    // RFC 9112 section 9.6: the server must not process the third one.
    assert_eq!(pair.server.events().iter().filter(|e| e.starts_with("head")).count(), 2);
    assert_eq!(pair.client.connection.outstanding(), 1);
    assert_eq!(closed(&pair), (Some(CloseReason::CloseOption), Some(CloseReason::LastMessage)));
}

#[test]
fn close_on_the_last_request_of_a_pipeline_is_about_that_one() {
    let mut pair = pipeline(2);
    pair.client.request("GET", "/1", &[], EMPTY).unwrap();
    pair.client.request("GET", "/2", &[("connection", "close")], EMPTY).unwrap();
    pair.run();
    pair.server.respond(204, &[], EMPTY).unwrap();
    pair.run();
    assert_eq!(closed(&pair), (None, None));
    pair.server.respond(204, &[], EMPTY).unwrap();
    pair.run();
    assert_eq!(pair.client.connection.exchanges(), 2);
    assert_eq!(closed(&pair), (Some(CloseReason::LastMessage), Some(CloseReason::CloseOption)));
}

#[test]
fn the_last_request_keeps_its_content_when_the_one_before_is_answered() {
    let mut pair = pipeline(2);
    pair.client.request("GET", "/1", &[], EMPTY).unwrap();
    pair.client.request_head("POST", "/2", Version::Http11, &[("connection", "close")], Some(5)).unwrap();
    pair.run();
    pair.server.respond(204, &[], EMPTY).unwrap();
    pair.run();
    assert_eq!(pair.client.events(), ["head HTTP/1.1 204 No Content, no content (rule 1)", "end"]);
    pair.client.send_piece(b"hello").unwrap();
    pair.client.connection.send_end([], &mut pair.client.out).unwrap();
    pair.run();
    assert_eq!(pair.server.events()[2..], ["head POST /2 HTTP/1.1, length 5 (rule 6)", "content \"hello\"", "end"]);
    pair.server.respond(204, &[], EMPTY).unwrap();
    pair.run();
    assert_eq!(closed(&pair), (Some(CloseReason::LastMessage), Some(CloseReason::CloseOption)));
}

#[test]
fn an_immediate_close_discards_what_is_under_way() {
    let mut pair = pair();
    pair.client.request("GET", "/", &[], EMPTY).unwrap();
    pair.run();
    pair.server.connection.close(CloseReason::Pressure);
    assert_eq!(pair.server.respond(204, &[], EMPTY), Err(MisuseError::NotOpen));
    pair.run();
    assert_eq!(closed(&pair), (Some(CloseReason::PeerFin), Some(CloseReason::Pressure)));
    assert_eq!(pair.client.error.map(|e| e.kind().name()), Some("no-response"));
}
