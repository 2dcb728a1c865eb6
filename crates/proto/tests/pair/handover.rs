//! 101 and CONNECT: from there on the bytes belong to another protocol, those already read too.

use tenure_proto::{Directive, MisuseError};
use tenure_testkit::pair::{Body, EMPTY, Pair};

use crate::{pair, pipeline};

const UPGRADE: &[(&str, &str)] = &[("upgrade", "example")];

fn handed_over(pair: &Pair) -> (Option<&[u8]>, Option<&[u8]>) {
    (pair.client.handed_over.as_deref(), pair.server.handed_over.as_deref())
}

#[test]
fn an_upgrade_hands_over_what_was_already_read() {
    for piece in [1, 3, usize::MAX] {
        let mut pair = pair().in_pieces_of(piece);
        pair.client.request("GET", "/chat", UPGRADE, EMPTY).unwrap();
        // A client that knows the answer sends the new protocol's bytes at once.
        pair.client.out.extend_from_slice(b"\x81first");
        pair.run();
        assert_eq!(pair.server.events(), ["head GET /chat HTTP/1.1, no content (rule 7), upgrade", "end"]);
        pair.server.respond(101, UPGRADE, EMPTY).unwrap();
        pair.server.out.extend_from_slice(b"\x82welcome");
        pair.run();
        assert_eq!(pair.client.events(), ["head HTTP/1.1 101 Switching Protocols, no content (rule 1)"]);
        assert_eq!(handed_over(&pair), (Some(&b"\x82welcome"[..]), Some(&b"\x81first"[..])));
        assert_eq!(pair.client.connection.directive(), Directive::HandOver);
        assert_eq!(pair.server.connection.directive(), Directive::HandOver);
        // Later bytes look like HTTP and are not.
        pair.client.out.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n");
        pair.run();
        assert_eq!(pair.server.handed_over.as_deref(), Some(&b"\x81firstGET / HTTP/1.1\r\n\r\n"[..]));
        assert_eq!(pair.client.request("GET", "/", &[], EMPTY), Err(MisuseError::NotOpen));
    }
}

#[test]
fn an_upgrade_names_itself_in_connection_on_both_sides() {
    let mut pair = pair();
    pair.client.request("GET", "/", UPGRADE, EMPTY).unwrap();
    pair.run();
    pair.server.respond(101, UPGRADE, EMPTY).unwrap();
    pair.run();
    let request = "GET / HTTP/1.1\r\nhost: a.example\r\nupgrade: example\r\nconnection: upgrade\r\n\r\n";
    assert_eq!(pair.client.sent_text(), request);
    let response = "HTTP/1.1 101 Switching Protocols\r\nupgrade: example\r\nconnection: upgrade\r\n\r\n";
    assert_eq!(pair.server.sent_text(), response);
}

#[test]
fn an_upgrade_that_is_not_granted_leaves_the_connection_as_it_was() {
    let mut pair = pair();
    pair.client.request("GET", "/", UPGRADE, EMPTY).unwrap();
    pair.run();
    pair.server.respond(200, &[], Body::Length(b"no")).unwrap();
    pair.run();
    assert_eq!(handed_over(&pair), (None, None));
    assert!(pair.client.connection.is_idle() && pair.server.connection.is_idle());
}

#[test]
fn an_upgrade_with_content_is_granted_only_when_the_content_is_read() {
    let mut pair = pair();
    pair.client.request_head("POST", "/", tenure_proto::Version::Http11, UPGRADE, Some(2)).unwrap();
    pair.run();
    assert_eq!(pair.server.respond(101, UPGRADE, EMPTY), Err(MisuseError::HeadOutOfTurn));
    pair.client.send_piece(b"hi").unwrap();
    pair.client.connection.send_end([], &mut pair.client.out).unwrap();
    pair.run();
    pair.server.respond(101, UPGRADE, EMPTY).unwrap();
    pair.run();
    assert_eq!(handed_over(&pair), (Some(&b""[..]), Some(&b""[..])));
}

#[test]
fn nobody_switches_unasked() {
    let mut pair = pair();
    pair.client.request("GET", "/", &[], EMPTY).unwrap();
    pair.run();
    assert_eq!(pair.server.respond(101, UPGRADE, EMPTY), Err(MisuseError::WrongStatusClass));
    assert!(pair.server.out.is_empty());
    pair.server.respond(200, &[], EMPTY).unwrap();
    pair.run();
    assert!(pair.client.connection.is_idle() && pair.server.connection.is_idle());
}

#[test]
fn connect_opens_a_tunnel() {
    for piece in [1, usize::MAX] {
        let mut pair = pair().in_pieces_of(piece);
        pair.client.request("CONNECT", "a.example:443", &[], EMPTY).unwrap();
        pair.run();
        assert_eq!(pair.server.events(), ["head CONNECT a.example:443 HTTP/1.1, no content (rule 7)", "end"]);
        pair.server.respond(200, &[], EMPTY).unwrap();
        pair.server.out.extend_from_slice(b"\x16\x03\x03");
        pair.run();
        assert_eq!(pair.server.sent_text(), "HTTP/1.1 200 OK\r\n\r\n\u{16}\u{3}\u{3}", "no length in a tunnel's head");
        assert_eq!(pair.client.events(), ["head HTTP/1.1 200 OK, tunnel (rule 2)"]);
        pair.client.out.extend_from_slice(b"\x16\x03\x01");
        pair.run();
        assert_eq!(handed_over(&pair), (Some(&b"\x16\x03\x03"[..]), Some(&b"\x16\x03\x01"[..])));
    }
}

#[test]
fn a_refused_connect_leaves_the_connection_as_it_was() {
    let mut pair = pair();
    pair.client.request("CONNECT", "a.example:443", &[], EMPTY).unwrap();
    pair.run();
    pair.server.respond(407, &[("proxy-authenticate", "Basic")], Body::Length(b"who?")).unwrap();
    pair.run();
    pair.client.request("CONNECT", "a.example:443", &[("proxy-authorization", "Basic eA==")], EMPTY).unwrap();
    pair.run();
    pair.server.respond(200, &[], EMPTY).unwrap();
    pair.run();
    assert_eq!(handed_over(&pair), (Some(&b""[..]), Some(&b""[..])));
}

#[test]
fn a_tunnel_behind_a_pipelined_request() {
    let mut pair = pipeline(2);
    pair.client.request("GET", "/", &[], EMPTY).unwrap();
    pair.client.request("CONNECT", "a.example:443", &[], EMPTY).unwrap();
    pair.client.out.extend_from_slice(b"tunnel");
    pair.run();
    for _ in 0..2 {
        pair.server.respond(200, &[], EMPTY).unwrap();
        pair.run();
    }
    let events = ["head HTTP/1.1 200 OK, length 0 (rule 6)", "end", "head HTTP/1.1 200 OK, tunnel (rule 2)"];
    assert_eq!(pair.client.events(), events);
    assert_eq!(handed_over(&pair), (Some(&b""[..]), Some(&b"tunnel"[..])));
}
