//! A response in one call, and lines that are encoded before.

use std::sync::Arc;

use http::StatusCode;
use tenure_proto::{Config, Connection, Event, FieldLine, Framing, MisuseError, Server};
use tenure_testkit::clock::Clock;
use tenure_testkit::pair::bytes;

use crate::{GET, server, server_with};

const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

fn date() -> FieldLine {
    let mut line = FieldLine::EMPTY;
    line.set(b"date", DATE.as_bytes()).expect("a field's value");
    line
}

/// Head, content and end by a call each, the line as a field behind the others.
fn in_steps(
    connection: &mut Connection<Server>,
    status: StatusCode,
    fields: &[(&str, &str)],
    content: &[u8],
    out: &mut Vec<u8>,
) -> Result<usize, MisuseError> {
    let fields = bytes(fields).chain([(&b"date"[..], DATE.as_bytes())]);
    let framing = connection.send_head(status, fields, Some(content.len() as u64), out)?;
    let written = if framing == Framing::Length(0) { &[] } else { content };
    if !written.is_empty() {
        connection.send_content(written.len())?;
        out.extend_from_slice(written);
    }
    connection.send_end([], out)?;
    Ok(written.len())
}

#[test]
fn a_response_in_one_call_is_the_one_of_three() {
    let requests = [
        GET,
        "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
        "GET /\r\n",
    ];
    let fields: [&[(&str, &str)]; 6] = [
        &[],
        &[("content-type", "text/plain")],
        &[("connection", "close")],
        &[("content-length", "5")],
        &[("x y", "z")],
        &[("x", "a\r\nb: c")],
    ];
    let mut sent = 0;
    for request in requests {
        for fields in fields {
            for status in [200, 204, 304, 404, 500, 101, 100] {
                for content in [&b""[..], b"x", b"hello", &[b'y'; 1000]] {
                    for announce_idle in [false, true] {
                        let config = Config { http09: true, announce_idle, ..Config::default() };
                        let [mut whole, mut steps] = [(); 2].map(|()| server_with(config.clone(), request));
                        let status = StatusCode::from_u16(status).expect("three digits");
                        let (mut out, mut expected) = (b"before".to_vec(), b"before".to_vec());
                        let result = whole.send_whole(status, bytes(fields), &date(), content, &mut out);
                        assert_eq!(result, in_steps(&mut steps, status, fields, content, &mut expected));
                        let what = format!("{request:?} {status} {fields:?} {content:?}");
                        assert_eq!(out.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{what}");
                        assert_eq!(format!("{whole:?}"), format!("{steps:?}"), "{what}");
                        sent += usize::from(result.is_ok());
                    }
                }
            }
        }
    }
    assert!(sent > 500, "{sent}");
}

#[test]
fn a_line_holds_one_field_that_is_the_callers() {
    let mut line = date();
    assert_eq!(line.as_bytes(), format!("date: {DATE}\r\n").as_bytes());
    for name in [
        "connection",
        "Content-Length",
        "keep-alive",
        "proxy-connection",
        "Transfer-Encoding",
        "upgrade",
        "",
        "a b",
        "a\r\nb",
        "a:",
    ] {
        assert!(line.set(name.as_bytes(), b"1").is_err(), "{name:?}");
        assert_eq!(line, FieldLine::EMPTY, "{name:?}");
    }
    for value in ["a\r\nb: c", "a\n", "\0", "a\rb"] {
        assert_eq!(line.set(b"a", value.as_bytes()), Err(MisuseError::InvalidField), "{value:?}");
        assert_eq!(line, FieldLine::EMPTY, "{value:?}");
    }
    line.set(b"Server", b"a").expect("a field");
    assert_eq!(line.as_bytes(), b"Server: a\r\n");
}

#[test]
fn a_length_is_written_in_its_digits() {
    for length in [1, 9, 10, 11, 99, 100, 101, 999, 1000, 1001, 65_536, u64::MAX] {
        let mut out = Vec::new();
        server(GET).send_head(StatusCode::OK, [], Some(length), &mut out).expect("due");
        let expected = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        assert_eq!(out.escape_ascii().to_string(), expected.escape_default().to_string());
    }
}

#[test]
fn a_message_ends_without_input_where_no_content_is_left() {
    let ends = |request: &str| {
        let mut connection = Connection::<Server>::new(Arc::default());
        let now = Clock::new().now();
        assert!(!connection.receive_end(), "nothing has begun");
        let (used, event) = connection.receive(request.as_bytes(), now).expect("a head");
        assert!(matches!(event, Event::Head(_)), "{event:?}");
        let with_head = connection.receive_end();
        let rest = &request.as_bytes()[used..];
        if !rest.is_empty() {
            connection.receive(rest, now).expect("content");
        }
        let ended = with_head || connection.receive_end();
        assert!(!connection.receive_end(), "once");
        assert_eq!(ended, matches!(connection.receive(b"", now), Ok((0, Event::Paused))), "{request:?}");
        (with_head, ended)
    };
    assert_eq!(ends(GET), (true, true));
    assert_eq!(ends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), (true, true));
    assert_eq!(ends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"), (false, true));
    assert_eq!(ends("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nh"), (false, false));
    // Only its last chunk ends it, and trailers may come with that.
    assert_eq!(ends("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"), (false, false));
}
