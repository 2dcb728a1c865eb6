//! Which request goes over which connection, and what it says about that.

use crate::support::{Got, Peer};

use super::{CREATED, lines, send_in, three};

const CREATED_CLOSE: &str = "HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

#[test]
fn only_the_last_request_says_close() {
    let dir = three();
    let peer = Peer::new(|accept| {
        let mut conn = accept.next();
        let got: Vec<Got> = (0..3).map(|_| conn.answer(CREATED)).collect();
        assert!(conn.is_closed());
        got
    });
    let to = peer.url("/in/");
    send_in(dir.path(), &["b", "./a", "c", "--to", &to, "-H", "X-Token: t", "-u", "me:secret"]).expect(0);
    let got = peer.end();
    assert_eq!(lines(&got), ["POST /in/b HTTP/1.1", "POST /in/a HTTP/1.1", "POST /in/c HTTP/1.1"]);
    let close: Vec<Option<&str>> = got.iter().map(|got| got.field("connection")).collect();
    assert_eq!(close, [None, None, Some("close")]);
    assert_eq!(got[0].content, b"second");
    for got in &got {
        assert_eq!(got.field("x-token"), Some("t"));
        assert_eq!(got.field("authorization"), Some("Basic bWU6c2VjcmV0"));
        assert_eq!(got.field("content-type"), Some("application/octet-stream"));
    }
}

#[test]
fn http_1_0_asks_for_persistence_and_uses_it() {
    let dir = three();
    let peer = Peer::new(|accept| {
        let answer = "HTTP/1.0 201 Created\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n";
        let mut conn = accept.next();
        [conn.answer(answer), conn.answer(answer)]
    });
    send_in(dir.path(), &["a", "b", "--to", &peer.url("/"), "--http1.0"]).expect(0);
    let asked = peer.end().map(|got| got.field("connection").map(str::to_owned));
    assert_eq!(asked, [Some("keep-alive".to_owned()), Some("close".to_owned())]);
}

#[test]
fn a_server_that_closes_after_each_answer_gets_every_file() {
    let dir = three();
    let peer = Peer::new(|accept| (0..3).map(|_| accept.next().answer(CREATED_CLOSE)).collect::<Vec<Got>>());
    let ran = send_in(dir.path(), &["a", "b", "c", "--to", &peer.url("/")]).expect(0);
    assert_eq!(peer.end().len(), 3);
    assert!(ran.out.contains("3 files stored over 3 connections, 0 failed"), "{}", ran.out);
    assert!(ran.out.contains("the peer said close"), "{}", ran.out);
}

#[test]
fn a_put_is_repeated_when_the_server_closes_without_a_word() {
    let dir = three();
    let peer = Peer::new(|accept| {
        let mut first = accept.next();
        first.answer(CREATED);
        // Read and not answered: only the method says that it may be sent again.
        first.request();
        drop(first);
        let mut second = accept.next();
        [second.answer(CREATED), second.answer(CREATED)]
    });
    let ran = send_in(dir.path(), &["a", "b", "c", "--to", &peer.url("/"), "--method", "PUT"]).expect(0);
    assert_eq!(lines(&peer.end()), ["PUT /b HTTP/1.1", "PUT /c HTTP/1.1"]);
    assert!(ran.out.contains("3 files stored over 2 connections, 0 failed"), "{}", ran.out);
}
