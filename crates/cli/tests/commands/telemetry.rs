//! `tenure serve --metrics --access-log`: what is told of requests that a raw client makes.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{Serve, eventually};

/// Everything the server at `url` answers to `request`, which must end the connection.
fn ask(url: &str, request: &str) -> String {
    let address = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn started(more: &str, folder: &std::path::Path) -> (Serve, String) {
    fs::write(folder.join("a"), "hello").unwrap();
    let server = Serve::start([folder.to_str().unwrap(), "--metrics", "127.0.0.1:0", more]);
    let line = server.says();
    let metrics = line.strip_prefix("metrics on ").unwrap_or_else(|| panic!("{line}")).to_owned();
    (server, metrics)
}

const TWO: &str =
    "GET /a HTTP/1.1\r\nHost: h\r\nUser-Agent: me\"\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

#[test]
fn a_scrape_shows_requests_connections_and_why_they_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (server, metrics) = started("--verbose", folder.path());
    assert_eq!(ask(&server.url, TWO).matches("HTTP/1.1 ").count(), 2);
    assert_eq!(server.says().split(':').next(), Some("connection 1"));
    assert!(server.says().starts_with("connection 1: closed after 2 requests"));
    let labels = "http_request_method=\"GET\",url_scheme=\"http\",http_response_status_code=\"200\",network_protocol_version=\"1.1\"";
    let expected = [
        format!("http_server_request_duration_seconds_count{{{labels}}} 1"),
        format!("http_server_request_duration_seconds_bucket{{{labels},le=\"10\"}} 1"),
        format!("http_server_response_body_size_bytes_sum{{{labels}}} 5"),
        "http_server_active_requests{http_request_method=\"GET\",url_scheme=\"http\"} 0".to_owned(),
        "http_server_open_connections{http_connection_state=\"idle\"} 0".to_owned(),
        "http_server_open_connections{http_connection_state=\"active\"} 0".to_owned(),
        "http_server_connection_requests_sum 2".to_owned(),
        "tenure_connection_closed_total{role=\"server\",reason=\"close-option\"} 1".to_owned(),
    ];
    let missing = |text: &str| expected.iter().find(|line| !text.lines().any(|l| l == **line));
    // That line tells of the connection's end; its figures follow one by one, and a scrape may come between two of them.
    let scrape = || ask(&metrics, "GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    let mut text = String::new();
    let all = eventually(|| {
        text = scrape();
        missing(&text).is_none()
    });
    assert!(all, "{:?} is not in\n{text}", missing(&text));
    assert!(text.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{text}");
    assert!(ask(&metrics, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 404 "));
    assert!(
        ask(&metrics, "PUT /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 405 ")
    );
}

#[test]
fn the_access_log_has_a_line_for_each_request() {
    let folder = tempfile::tempdir().unwrap();
    let log = tempfile::tempdir().unwrap();
    let log = log.path().join("log");
    let (server, _) = started(&format!("--access-log={}", log.display()), folder.path());
    ask(&server.url, TWO);
    assert!(ask(&server.url, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
    server.interrupt();
    assert_eq!(server.end(), Some(0));
    let text = fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let expected = [
        ("\"GET /a HTTP/1.1\" 200 5 \"-\" \"me\\x22\" connection=1 request=1 reused=no ", " received=0 end=complete"),
        ("\"GET /b HTTP/1.1\" 404 ", " received=0 end=complete"),
        ("\"-\" 400 ", " end=complete"),
    ];
    assert_eq!(lines.len(), expected.len(), "{text}");
    for (line, (begins, ends)) in lines.iter().zip(expected) {
        let request = line.strip_prefix("127.0.0.1 - - [").and_then(|rest| rest.split_once("+0000] "));
        assert!(request.is_some_and(|(_, request)| request.starts_with(begins)) && line.ends_with(ends), "{line}");
    }
    assert!(lines[1].contains(" connection=1 request=2 reused=yes "), "{text}");
}

#[test]
fn a_log_that_cannot_be_opened_is_a_failure_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let ran = crate::support::tenure([
        "serve",
        folder.path().to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
        "--access-log=/missing/log",
    ])
    .expect(1);
    assert!(ran.err.contains("cannot open /missing/log: "), "{}", ran.err);
}
