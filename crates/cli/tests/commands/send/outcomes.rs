//! What an answer makes of a file, and what a missing one does.

use crate::support::{Peer, write};
use std::fs;

use super::{CREATED, lines, send_in, three};

#[test]
fn only_2xx_counts_and_redirections_are_not_followed() {
    let dir = three();
    let peer = Peer::new(|accept| {
        let mut conn = accept.next();
        conn.answer("HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n");
        conn.answer("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        conn.answer("HTTP/1.1 204 No Content\r\n\r\n");
    });
    let ran = send_in(dir.path(), &["a", "b", "c", "--to", &peer.url("/"), "--json"]).expect(1);
    peer.end();
    let outcomes: Vec<String> =
        ran.json().iter().take(3).map(|line| format!("{} {}", line["outcome"], line["status"])).collect();
    assert_eq!(outcomes, ["\"failed\" 302", "\"failed\" 404", "\"stored\" 204"]);
    assert_eq!(ran.json()[0]["error"], "302 Found (it points to /login, and was not followed)");
    assert_eq!(ran.summary()["connections_opened"], 1, "a refusal costs no connection");
}

#[test]
fn a_busy_server_is_obeyed() {
    let dir = three();
    let busy = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 5\r\n\r\nbusy\n";
    let peer = Peer::new(move |accept| {
        let mut conn = accept.next();
        vec![conn.answer(busy), conn.answer(CREATED), conn.answer(CREATED)]
    });
    let ran = send_in(dir.path(), &["a", "b", "--to", &peer.url("/")]).expect(0);
    assert!(ran.err.contains("a: 503 Service Unavailable from the server, waiting"), "{}", ran.err);
    assert_eq!(lines(&peer.end()), ["POST /a HTTP/1.1", "POST /a HTTP/1.1", "POST /b HTTP/1.1"]);
}

#[test]
fn a_server_that_wants_too_much_time_is_not_waited_for() {
    let dir = three();
    let busy = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n";
    let peer = Peer::new(move |accept| {
        let mut conn = accept.next();
        vec![conn.answer(busy), conn.answer(CREATED)]
    });
    let ran = send_in(dir.path(), &["a", "b", "--to", &peer.url("/")]).expect(1);
    assert!(ran.out.contains("failed: a\n    429 Too Many Requests\n"), "{}", ran.out);
    assert!(ran.out.contains("3600 s") && ran.out.contains("--retry-wait"), "{}", ran.out);
    assert_eq!(peer.end().len(), 2);
}

#[test]
fn an_early_refusal_is_told_and_the_next_file_has_a_new_connection() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &[("big", &vec![7; 20_000_000]), ("small", b"small")]);
    let peer = Peer::new(|accept| {
        let mut first = accept.next();
        first.head().unwrap();
        first.send(
            "HTTP/1.1 413 Content Too Large\r\nContent-Length: 22\r\nConnection: close\r\n\r\nat most 1000 bytes\nxx\n",
        );
        let taken = first.drain();
        (taken, accept.next().answer(CREATED))
    });
    let ran = send_in(dir.path(), &["big", "small", "--to", &peer.url("/")]).expect(1);
    let (taken, second) = peer.end();
    assert!(taken < 20_000_000, "the client stops when it is refused");
    assert_eq!(second.content, b"small");
    assert!(
        ran.out.contains("failed: big\n    413 Payload Too Large: at most 1000 bytes\n    what to do: "),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("1 file stored over 2 connections, 1 failed"), "{}", ran.out);
}

#[test]
fn without_a_server_the_run_ends_early() {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..10 {
        fs::write(dir.path().join(i.to_string()), "x").unwrap();
    }
    // A port that was free a moment ago.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = send_in(dir.path(), &[".", "--to", &format!("http://{address}/")]).expect(1);
    assert!(ran.out.contains("what to do: is the server running, and the URL right?"), "{}", ran.out);
    assert!(ran.out.contains("0 files stored, 3 failed, 7 not begun"), "{}", ran.out);
}
