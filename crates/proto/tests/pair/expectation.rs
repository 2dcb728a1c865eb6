//! 100-continue, given and refused, and final responses that come before the request is whole.

use http::StatusCode;
use tenure_proto::{CloseReason, Framing, Persistence, Version};
use tenure_testkit::pair::{EMPTY, Pair, bytes};

use crate::pair;

/// A POST of five bytes whose client waits for 100 (Continue): only its head is sent.
fn expecting() -> Pair {
    let mut pair = pair();
    pair.client.request_head("POST", "/", Version::Http11, &[("expect", "100-continue")], Some(5)).unwrap();
    pair.run();
    let head = "head POST / HTTP/1.1, length 5 (rule 6), expects 100-continue";
    assert_eq!(pair.server.events(), [head]);
    assert!(pair.server.connection.expects_continue());
    pair
}

fn send_content(pair: &mut Pair) {
    pair.client.send_piece(b"hello").unwrap();
    pair.client.connection.send_end([], &mut pair.client.out).unwrap();
}

#[test]
fn continue_is_given() {
    let mut pair = expecting();
    pair.server.connection.send_interim(StatusCode::CONTINUE, [], &mut pair.server.out).unwrap();
    assert!(!pair.server.connection.expects_continue(), "said once");
    pair.run();
    assert_eq!(pair.client.events(), ["interim HTTP/1.1 100 Continue, no content (rule 1)"]);
    send_content(&mut pair);
    pair.run();
    assert_eq!(pair.server.events(), ["content \"hello\"", "end"]);
    pair.server.respond(201, &[], EMPTY).unwrap();
    pair.run();
    assert_eq!(pair.client.events(), ["head HTTP/1.1 201 Created, length 0 (rule 6)", "end"]);
    assert!(pair.client.connection.is_idle() && pair.server.connection.is_idle());
}

#[test]
fn continue_is_refused_and_the_client_sends_nothing() {
    let mut pair = expecting();
    pair.server.respond(417, &[], EMPTY).unwrap();
    pair.run();
    // Whether the content comes now or the next request, nobody could tell: so the server closes.
    assert!(pair.server.sent_text().contains("\r\nconnection: close\r\n"));
    assert_eq!(pair.client.events(), ["head HTTP/1.1 417 Expectation Failed, length 0 (rule 6)", "end"]);
    pair.run();
    assert_eq!(pair.client.closed(), Some(CloseReason::CloseOption));
    assert_eq!(pair.server.closed(), Some(CloseReason::UnreadContent));
    assert!(pair.client.error.is_none() && pair.server.error.is_none());
}

#[test]
fn continue_is_refused_while_the_client_had_lost_its_patience() {
    let mut pair = expecting();
    // RFC 9110 section 10.1.1: a client must not wait for ever. Both sides speak at once.
    pair.server.respond(417, &[], EMPTY).unwrap();
    send_content(&mut pair);
    pair.run();
    // The content is discarded, not read as a request.
    assert_eq!(pair.server.events(), [""; 0]);
    assert_eq!(pair.client.events(), ["head HTTP/1.1 417 Expectation Failed, length 0 (rule 6)", "end"]);
    assert_eq!(pair.client.closed(), Some(CloseReason::CloseOption));
    assert_eq!(pair.server.closed(), Some(CloseReason::UnreadContent));
}

#[test]
fn content_without_waiting_needs_no_100() {
    let mut pair = expecting();
    send_content(&mut pair);
    pair.run();
    assert_eq!(pair.server.events(), ["content \"hello\"", "end"]);
    assert!(!pair.server.connection.expects_continue(), "the content is here");
    pair.server.respond(204, &[], EMPTY).unwrap();
    pair.run();
    assert!(!pair.server.sent_text().contains("close"));
    assert!(pair.client.connection.is_idle() && pair.server.connection.is_idle());
}

#[test]
fn a_request_without_content_expects_nothing() {
    let mut pair = pair();
    pair.client.request("GET", "/", &[("expect", "100-continue")], EMPTY).unwrap();
    pair.run();
    assert!(!pair.server.connection.expects_continue());
    pair.server.respond(204, &[], EMPTY).unwrap();
    pair.run();
    assert!(pair.client.connection.is_idle() && pair.server.connection.is_idle());
}

/// A POST whose content is under way: its head and three of its five bytes are sent.
fn under_way() -> Pair {
    let mut pair = pair();
    pair.client.request_head("POST", "/", Version::Http11, &[], Some(5)).unwrap();
    pair.client.send_piece(b"hel").unwrap();
    pair.run();
    assert_eq!(pair.server.events(), ["head POST / HTTP/1.1, length 5 (rule 6)", "content \"hel\""]);
    pair
}

#[test]
fn an_early_final_response_that_closes_stops_the_content() {
    let mut pair = under_way();
    pair.server.respond(413, &[("connection", "close")], EMPTY).unwrap();
    pair.run();
    assert_eq!(pair.client.events(), ["head HTTP/1.1 413 Payload Too Large, length 0 (rule 6)", "end"]);
    // RFC 9112 section 9.5: the client should stop at once and close.
    assert_eq!(pair.client.closed(), Some(CloseReason::CloseOption));
    assert_eq!(pair.server.closed(), Some(CloseReason::LastMessage));
    assert!(pair.server.error.is_none(), "content cut by the server's own close is no fault of the client");
}

#[test]
fn an_early_final_response_that_persists_waits_for_the_content() {
    let mut pair = under_way();
    pair.server.respond(200, &[], EMPTY).unwrap();
    pair.run();
    assert_eq!(pair.client.events(), ["head HTTP/1.1 200 OK, length 0 (rule 6)", "end"]);
    assert!(pair.client.connection.is_answering() && !pair.client.connection.is_idle());
    assert!(!pair.server.connection.is_idle());
    pair.client.send_piece(b"lo").unwrap();
    pair.client.connection.send_end([], &mut pair.client.out).unwrap();
    pair.run();
    assert_eq!(pair.server.events(), ["content \"lo\"", "end"]);
    assert!(pair.client.connection.is_idle() && pair.server.connection.is_idle());
    assert_eq!(pair.client.connection.persistence(), Persistence::Persist);
}

#[test]
fn an_early_final_response_lets_the_client_give_up_its_content() {
    let mut pair = under_way();
    pair.server.respond(200, &[], EMPTY).unwrap();
    pair.run();
    pair.client.connection.abandon_content();
    pair.run();
    assert_eq!(pair.client.closed(), Some(CloseReason::UnreadContent));
    assert_eq!(pair.server.closed(), Some(CloseReason::PeerFin), "the rest never came");
}

#[test]
fn content_given_up_before_the_response_ends_the_connection_after_it() {
    let mut pair = under_way();
    pair.client.connection.abandon_content();
    pair.run();
    assert_eq!(pair.client.closed(), None, "the response may still come");
    pair.server.respond(413, &[("connection", "close")], EMPTY).unwrap();
    pair.run();
    assert_eq!(pair.client.events(), ["head HTTP/1.1 413 Payload Too Large, length 0 (rule 6)", "end"]);
    assert_eq!(pair.client.closed(), Some(CloseReason::UnreadContent));
}

#[test]
fn a_response_may_begin_before_the_request_ends_and_end_after_it() {
    let mut pair = under_way();
    let framing = pair.server.connection.send_head(StatusCode::OK, bytes(&[]), None, &mut pair.server.out);
    assert_eq!(framing, Ok(Framing::Chunked));
    pair.server.send_piece(b"echo hel").unwrap();
    pair.run();
    assert_eq!(pair.client.events(), ["head HTTP/1.1 200 OK, chunked (rule 4)", "content \"echo hel\""]);
    pair.client.send_piece(b"lo").unwrap();
    pair.client.connection.send_end([], &mut pair.client.out).unwrap();
    pair.run();
    assert_eq!(pair.server.events(), ["content \"lo\"", "end"]);
    pair.server.send_piece(b"lo").unwrap();
    pair.server.connection.send_end([], &mut pair.server.out).unwrap();
    pair.run();
    assert_eq!(pair.client.events(), ["content \"lo\"", "end"]);
    assert!(pair.client.connection.is_idle() && pair.server.connection.is_idle());
}
