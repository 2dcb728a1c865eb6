//! Requests and responses of every framing, one after the other and pipelined.

use tenure_proto::{MisuseError, Version};
use tenure_testkit::pair::{Body, EMPTY};

use crate::{pair, pipeline};

#[test]
fn get_is_answered_and_the_connection_persists() {
    let mut pair = pair();
    for n in 1..=3 {
        pair.client.request("GET", "/", &[], EMPTY).unwrap();
        pair.run();
        assert_eq!(pair.server.events(), ["head GET / HTTP/1.1, no content (rule 7)", "end"]);
        pair.server.respond(200, &[], Body::Length(b"hi")).unwrap();
        pair.run();
        assert_eq!(pair.client.events(), ["head HTTP/1.1 200 OK, length 2 (rule 6)", "content \"hi\"", "end"]);
        assert!(pair.client.connection.is_idle() && pair.server.connection.is_idle());
        assert_eq!((pair.client.connection.exchanges(), pair.server.connection.exchanges()), (n, n));
    }
    let request = "GET / HTTP/1.1\r\nhost: a.example\r\n\r\n";
    assert_eq!(pair.client.sent_text(), request.repeat(3));
    assert_eq!(pair.server.sent_text(), "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi".repeat(3));
}

#[test]
fn post_with_a_length() {
    for piece in [1, 7, usize::MAX] {
        let mut pair = pair().in_pieces_of(piece);
        pair.client.request("POST", "/form", &[("content-type", "text/plain")], Body::Length(b"a=1\r\n\r\n")).unwrap();
        pair.run();
        let events = ["head POST /form HTTP/1.1, length 7 (rule 6)", "content \"a=1\\r\\n\\r\\n\"", "end"];
        assert_eq!(pair.server.events(), events);
        pair.server.respond(201, &[("location", "/1")], EMPTY).unwrap();
        pair.run();
        assert_eq!(pair.client.events(), ["head HTTP/1.1 201 Created, length 0 (rule 6)", "end"]);
        assert!(pair.client.connection.is_idle() && pair.server.connection.is_idle());
    }
}

#[test]
fn chunked_both_ways_with_trailers() {
    for piece in [1, 5, usize::MAX] {
        let mut pair = pair().in_pieces_of(piece);
        let up = Body::Pieces(&[b"hello", b"", b", ", b"world"], &[("x-sum", "1"), ("x-empty", "")]);
        pair.client.request("POST", "/", &[], up).unwrap();
        pair.run();
        let events = [
            "head POST / HTTP/1.1, chunked (rule 4)",
            "content \"hello, world\"",
            "trailer x-sum: 1",
            "trailer x-empty:",
            "end",
        ];
        assert_eq!(pair.server.events(), events);
        pair.server.respond(200, &[], Body::Pieces(&[b"0\r\n\r\n"], &[("x-sum", "2")])).unwrap();
        pair.run();
        let events = ["head HTTP/1.1 200 OK, chunked (rule 4)", "content \"0\\r\\n\\r\\n\"", "trailer x-sum: 2", "end"];
        assert_eq!(pair.client.events(), events);
        assert!(pair.client.connection.is_idle() && pair.server.connection.is_idle());
    }
}

#[test]
fn head_is_answered_without_content() {
    let mut pair = pair();
    pair.client.request("HEAD", "/", &[], EMPTY).unwrap();
    pair.run();
    pair.server.events();
    pair.server.respond(200, &[], Body::Length(b"not sent")).unwrap();
    pair.run();
    assert_eq!(pair.server.sent_text(), "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n");
    assert_eq!(pair.client.events(), ["head HTTP/1.1 200 OK, no content (rule 1)", "end"]);
    assert!(pair.client.connection.is_idle() && pair.server.connection.is_idle());
}

#[test]
fn sixteen_requests_in_a_row_are_answered_in_order() {
    for piece in [1, usize::MAX] {
        let mut pair = pipeline(16).in_pieces_of(piece);
        for n in 0..16 {
            pair.client.request("GET", &format!("/{n}"), &[], EMPTY).unwrap();
        }
        assert_eq!(pair.client.request("GET", "/16", &[], EMPTY), Err(MisuseError::PipelineFull));
        assert_eq!(pair.client.connection.outstanding(), 16);
        pair.run();
        for n in 0..16 {
            // The server takes one at a time; the others wait in its buffer.
            let head = format!("head GET /{n} HTTP/1.1, no content (rule 7)");
            assert_eq!(pair.server.events(), [head.as_str(), "end"]);
            pair.server.respond(200, &[], Body::Length(format!("answer {n}").as_bytes())).unwrap();
            pair.run();
            let answer = format!("content \"answer {n}\"");
            let head = if n < 10 {
                "head HTTP/1.1 200 OK, length 8 (rule 6)"
            } else {
                "head HTTP/1.1 200 OK, length 9 (rule 6)"
            };
            assert_eq!(pair.client.events(), [head, answer.as_str(), "end"]);
            assert_eq!(pair.client.connection.outstanding(), 15 - n);
        }
        assert!(pair.client.connection.is_idle() && pair.server.connection.is_idle());
    }
}

#[test]
fn a_pipeline_has_room_again_after_an_answer() {
    let mut pair = pipeline(2);
    pair.client.request("GET", "/1", &[], EMPTY).unwrap();
    pair.client.request("POST", "/2", &[], Body::Length(b"b")).unwrap();
    assert_eq!(pair.client.request("GET", "/3", &[], EMPTY), Err(MisuseError::PipelineFull));
    pair.run();
    pair.server.respond(204, &[], EMPTY).unwrap();
    pair.run();
    pair.client.request("GET", "/3", &[], EMPTY).unwrap();
    for _ in 0..2 {
        pair.server.respond(204, &[], EMPTY).unwrap();
        pair.run();
    }
    assert!(pair.client.connection.is_idle() && pair.server.connection.is_idle());
    assert_eq!(pair.server.connection.exchanges(), 3);
}

#[test]
fn without_a_pipeline_the_second_request_waits_for_the_first_response() {
    let mut pair = pair();
    pair.client.request("GET", "/1", &[], EMPTY).unwrap();
    assert_eq!(pair.client.request("GET", "/2", &[], EMPTY), Err(MisuseError::PipelineFull));
    pair.run();
    pair.server.respond(204, &[], EMPTY).unwrap();
    pair.run();
    pair.client.request("GET", "/2", &[], EMPTY).unwrap();
}

#[test]
fn http10_keep_alive_is_asked_for_and_echoed() {
    let mut pair = pair();
    for _ in 0..2 {
        let head = pair.client.request_head("GET", "/", Version::Http10, &[], Some(0));
        head.and_then(|_| pair.client.connection.send_end([], &mut pair.client.out)).unwrap();
        pair.run();
        assert_eq!(pair.server.events(), ["head GET / HTTP/1.0, no content (rule 7)", "end"]);
        pair.server.respond(200, &[], Body::Length(b"hi")).unwrap();
        pair.run();
    }
    assert_eq!(
        pair.client.sent_text(),
        "GET / HTTP/1.0\r\nhost: a.example\r\nconnection: keep-alive\r\n\r\n".repeat(2)
    );
    let response = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nhi";
    assert_eq!(pair.server.sent_text(), response.repeat(2));
    assert!(pair.client.connection.is_idle() && pair.server.connection.is_idle());
}

#[test]
fn interim_responses_come_before_the_final_one() {
    let mut pair = pair();
    pair.client.request("GET", "/", &[], EMPTY).unwrap();
    pair.run();
    let hints = [(&b"link"[..], &b"</a.css>; rel=preload"[..])];
    for _ in 0..2 {
        pair.server.connection.send_interim(http::StatusCode::EARLY_HINTS, hints, &mut pair.server.out).unwrap();
    }
    pair.server.respond(204, &[], EMPTY).unwrap();
    pair.run();
    let interim = "interim HTTP/1.1 103 Early Hints, no content (rule 1)";
    assert_eq!(pair.client.events(), [interim, interim, "head HTTP/1.1 204 No Content, no content (rule 1)", "end"]);
    assert!(pair.client.connection.is_idle() && pair.server.connection.is_idle());
}

#[test]
fn no_interim_response_goes_to_an_http10_client() {
    let mut pair = pair();
    let head = pair.client.request_head("GET", "/", Version::Http10, &[], Some(0));
    head.and_then(|_| pair.client.connection.send_end([], &mut pair.client.out)).unwrap();
    pair.run();
    pair.server.connection.send_interim(http::StatusCode::EARLY_HINTS, [], &mut pair.server.out).unwrap();
    assert!(pair.server.out.is_empty());
    pair.server.respond(204, &[], EMPTY).unwrap();
    pair.run();
    assert!(pair.client.connection.is_idle() && pair.server.connection.is_idle());
}
