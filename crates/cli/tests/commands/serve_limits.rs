//! `tenure serve`: limits, and who is asking behind proxies.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use socket2::{Domain, Socket, Type};

use crate::support::{Serve, tenure};

fn address(server: &Serve) -> SocketAddr {
    server.url.strip_prefix("http://").unwrap().parse().unwrap()
}

/// Begins an upload of six bytes; when this returns, its handler runs and waits for them.
fn upload(server: &Serve) -> TcpStream {
    let mut upload = TcpStream::connect(address(server)).unwrap();
    upload.write_all(b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n").unwrap();
    let mut interim = [0; 25];
    upload.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    upload
}

fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn finish(mut upload: TcpStream) {
    upload.write_all(b"abcdefGET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
    let answers = rest(upload);
    assert!(answers.starts_with("HTTP/1.1 201 ") && answers.contains("HTTP/1.1 200 "), "{answers}");
}

#[test]
fn a_request_waits_its_turn_within_the_time_of_its_handler() {
    let dir = tempfile::tempdir().unwrap();
    let served = dir.path().to_str().unwrap();
    let limits = ["--uploads", served, "--max-concurrent-requests", "1", "--handler-timeout", "1"];
    let server = Serve::start(limits);
    let upload = upload(&server);
    let mut waiting = TcpStream::connect(address(&server)).unwrap();
    waiting.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
    let answer = rest(waiting).to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 503 ") && answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
    // The upload was longer under way, but it was its client who was waited for.
    finish(upload);
}

#[test]
fn an_address_at_its_limit_gets_no_further_connection() {
    let dir = tempfile::tempdir().unwrap();
    let server = Serve::start(["--uploads", dir.path().to_str().unwrap(), "--max-connections-per-address", "1"]);
    let upload = upload(&server);
    let second = TcpStream::connect(address(&server)).unwrap();
    assert_eq!(rest(second), "", "closed at once");
    assert!(ask_from("127.0.0.2", &server, b"").starts_with("HTTP/1.1 404 "), "another address is served");
    finish(upload);
}

/// Everything answered to `before` and a request that says close; empty if it is a reset.
fn ask_from(from: &str, server: &Serve, before: &[u8]) -> String {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(from.parse().unwrap(), 0).into()).unwrap();
    socket.connect(&address(server).into()).unwrap();
    let mut stream = TcpStream::from(socket);
    let request = b"GET /a HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 6.6.6.6, 203.0.113.5\r\nConnection: close\r\n\r\n";
    // Who is not trusted may be closed before all is written.
    let _ = stream.write_all(&[before, request].concat());
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    String::from_utf8(text).unwrap()
}

/// The clients that the access log names.
fn logged(server: Serve, log: &Path) -> Vec<String> {
    server.interrupt();
    assert_eq!(server.end(), Some(0));
    let text = fs::read_to_string(log).unwrap();
    text.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn a_trusted_proxy_says_who_connects() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let server = Serve::start([
        dir.path().to_str().unwrap(),
        "--proxy-protocol",
        "--trusted-proxy",
        "127.0.0.1",
        "--trusted-proxy",
        "10.0.0.0/8",
        &format!("--access-log={}", log.display()),
    ]);
    let header = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n";
    assert!(ask_from("127.0.0.1", &server, header).starts_with("HTTP/1.1 404 "));
    assert_eq!(ask_from("127.0.0.2", &server, header), "", "not trusted");
    assert_eq!(ask_from("127.0.0.1", &server, b""), "", "no header");
    assert_eq!(logged(server, &log), ["192.0.2.7"]);
}

#[test]
fn a_trusted_proxy_says_for_whom_it_asks() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let server = Serve::start([
        dir.path().to_str().unwrap(),
        "--forwarded",
        "x-forwarded-for",
        "--trusted-proxy",
        "127.0.0.1",
        &format!("--access-log={}", log.display()),
    ]);
    for from in ["127.0.0.1", "127.0.0.2"] {
        assert!(ask_from(from, &server, b"").starts_with("HTTP/1.1 404 "));
    }
    assert_eq!(logged(server, &log), ["203.0.113.5", "127.0.0.2"]);
}

#[test]
fn proxies_without_a_purpose_are_wrong_use() {
    for (args, says) in [
        (&["--trusted-proxy", "127.0.0.1"][..], "--forwarded"),
        (&["--proxy-protocol"], "--trusted-proxy"),
        (&["--forwarded", "forwarded"], "--trusted-proxy"),
        (&["--trusted-proxy", "10.1.2.3/8", "--proxy-protocol"], "10.0.0.0/8"),
        (&["--forwarded", "via", "--trusted-proxy", "unix"], "x-forwarded-for"),
    ] {
        let ran = tenure(["serve"].iter().chain(args)).expect(2);
        assert!(ran.err.contains(says), "{args:?}: {}", ran.err);
    }
}
