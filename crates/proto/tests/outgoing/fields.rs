//! The fields that belong to the core, and content as long as they say.

use std::sync::Arc;

use http::StatusCode;
use tenure_proto::{CloseReason, Config, Connection, Framing, MisuseError, RequestLine, Server, Version};
use tenure_testkit::pair::bytes;

use crate::{GET, client, server, server_with, text};

type Fields<'f> = &'f [(&'f str, &'f str)];

/// The framing fields of a request with this content.
fn framed(
    method: &str,
    version: Version,
    fields: &[(&str, &str)],
    content: Option<u64>,
) -> Result<String, MisuseError> {
    let mut out = Vec::new();
    let line = RequestLine { method, target: "/", version };
    client().send_head(line, bytes(fields), content, &mut out)?;
    let text = text(&out);
    Ok(text.lines().filter(|l| l.starts_with("content-length: ") || l.starts_with("transfer-encoding: ")).collect())
}

#[test]
fn a_request_says_its_length() {
    let v11 = Version::Http11;
    let length = |n: u64| Ok(format!("content-length: {n}"));
    let none = || Ok(String::new());
    assert_eq!(framed("POST", v11, &[], Some(5)), length(5));
    assert_eq!(framed("GET", v11, &[], Some(5)), length(5));
    // RFC 9110 section 8.6: zero is said where the method anticipates content, and only there.
    for method in ["POST", "PUT", "PATCH"] {
        assert_eq!(framed(method, v11, &[], Some(0)), length(0));
    }
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "post"] {
        assert_eq!(framed(method, v11, &[], Some(0)), none());
    }
    assert_eq!(framed("POST", v11, &[], None), Ok("transfer-encoding: chunked".into()));
    // RFC 9112 section 6.1: an HTTP/1.0 server knows no chunks.
    assert_eq!(framed("POST", Version::Http10, &[], None), Err(MisuseError::LengthRequired));
    assert_eq!(framed("POST", Version::Http10, &[], Some(5)), length(5));
    assert_eq!(framed("POST", v11, &[], Some(u64::MAX)), length(u64::MAX));
}

#[test]
fn the_callers_framing_fields_are_understood_and_written_once() {
    let v11 = Version::Http11;
    let length = |n: u64| Ok(format!("content-length: {n}"));
    assert_eq!(framed("POST", v11, &[("Content-Length", "5")], Some(5)), length(5));
    assert_eq!(framed("POST", v11, &[("content-length", "5")], None), length(5));
    assert_eq!(framed("POST", v11, &[("content-length", "5"), ("content-length", "5")], None), length(5));
    let chunked = Ok("transfer-encoding: chunked".to_owned());
    assert_eq!(framed("POST", v11, &[("transfer-encoding", "Chunked")], None), chunked);
    let mismatch = Err(MisuseError::LengthMismatch);
    assert_eq!(framed("POST", v11, &[("content-length", "5")], Some(6)), mismatch);
    assert_eq!(framed("POST", v11, &[("content-length", "5"), ("content-length", "6")], None), mismatch);
    assert_eq!(framed("POST", v11, &[("content-length", "5"), ("transfer-encoding", "chunked")], None), mismatch);
    for value in ["", "+5", "5, 5", "0x5", " 5", "5 ", "18446744073709551616", "five"] {
        assert_eq!(framed("POST", v11, &[("content-length", value)], None), mismatch, "{value:?}");
    }
    for value in ["gzip", "gzip, chunked", "identity", "", "chunked, chunked"] {
        let unsupported = Err(MisuseError::UnsupportedCoding);
        assert_eq!(framed("POST", v11, &[("transfer-encoding", value)], None), unsupported, "{value:?}");
    }
}

/// The framing and connection fields of a response.
fn answered(request: &str, status: u16, fields: &[(&str, &str)], content: Option<u64>) -> Result<String, MisuseError> {
    let mut out = Vec::new();
    let status = StatusCode::from_u16(status).expect("three digits");
    server(request).send_head(status, bytes(fields), content, &mut out)?;
    let text = text(&out);
    Ok(text.lines().skip(1).filter(|l| !l.is_empty()).collect::<Vec<_>>().join("; "))
}

#[test]
fn a_response_says_its_length_where_it_has_content() {
    let head = GET.replace("GET", "HEAD");
    let old = "GET / HTTP/1.0\r\n\r\n";
    let rows: [(&str, u16, Fields<'_>, Option<u64>, &str); 16] = [
        (GET, 200, &[], Some(5), "content-length: 5"),
        (GET, 200, &[], Some(0), "content-length: 0"),
        (GET, 200, &[], None, "transfer-encoding: chunked"),
        (GET, 200, &[("content-length", "5")], None, "content-length: 5"),
        (GET, 404, &[], Some(5), "content-length: 5"),
        // RFC 9112 section 6.3 rule 1 and RFC 9110 section 8.6.
        (GET, 204, &[], Some(0), ""),
        (GET, 204, &[], None, ""),
        (GET, 304, &[], Some(0), ""),
        (GET, 304, &[("content-length", "5")], Some(0), "content-length: 5"),
        (&head, 200, &[], Some(5), "content-length: 5"),
        (&head, 200, &[("content-length", "5")], Some(0), "content-length: 5"),
        (&head, 200, &[], None, ""),
        // An empty body of a handler says nothing about the length that GET would have had.
        (&head, 200, &[], Some(0), ""),
        // RFC 9112 section 6.1: no coding for an HTTP/1.0 client; the close ends the content.
        (old, 200, &[], None, "connection: close"),
        (old, 200, &[], Some(5), "content-length: 5; connection: close"),
        (old, 200, &[("transfer-encoding", "chunked")], None, "connection: close"),
    ];
    for (request, status, fields, content, expected) in rows {
        assert_eq!(
            answered(request, status, fields, content).as_deref(),
            Ok(expected),
            "{request:?} {status} {fields:?}"
        );
    }
    assert_eq!(answered(GET, 204, &[], Some(5)), Err(MisuseError::ContentForbidden));
    assert_eq!(answered(GET, 200, &[("content-length", "5")], Some(6)), Err(MisuseError::LengthMismatch));
    assert_eq!(answered(GET, 200, &[("transfer-encoding", "gzip")], None), Err(MisuseError::UnsupportedCoding));
    assert_eq!(answered(GET, 103, &[], Some(0)), Err(MisuseError::WrongStatusClass));
}

#[test]
fn connection_is_the_cores_to_write() {
    let keep = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    let close = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let rows: [(&str, Fields<'_>, &str); 9] = [
        (GET, &[], ""),
        (close, &[], "connection: close"),
        (keep, &[], "connection: keep-alive"),
        (GET, &[("connection", "close")], "connection: close"),
        // A caller's keep-alive cannot take back a close.
        (close, &[("connection", "keep-alive")], "connection: close"),
        // Neither is ever sent: one describes what the core enforces, the other was never a good idea.
        (GET, &[("keep-alive", "timeout=5"), ("proxy-connection", "keep-alive")], ""),
        (GET, &[("connection", "x-hop")], "connection: x-hop"),
        (close, &[("connection", "x-hop, Close , x-other")], "connection: close, x-hop, x-other"),
        (GET, &[("connection", "x-hop"), ("connection", "close")], "connection: close, x-hop"),
    ];
    for (request, fields, expected) in rows {
        let written = answered(request, 204, fields, Some(0));
        assert_eq!(written.as_deref(), Ok(expected), "{request:?} {fields:?}");
    }
}

#[test]
fn an_interim_response_frames_nothing() {
    let mut out = Vec::new();
    let fields = [
        ("content-length", "5"),
        ("transfer-encoding", "chunked"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "close"),
        ("link", "</a.css>"),
    ];
    server(GET).send_interim(StatusCode::EARLY_HINTS, bytes(&fields), &mut out).expect("a response is due");
    assert_eq!(text(&out), "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n");
}

#[test]
fn a_simple_request_gets_content_and_nothing_else() {
    let config = Config { http09: true, ..Config::default() };
    let mut connection = server_with(config, "GET /old\r\n");
    let mut out = Vec::new();
    let framing = connection.send_head(StatusCode::OK, bytes(&[("x", "y")]), Some(5), &mut out);
    assert_eq!((framing, out.as_slice()), (Ok(Framing::CloseDelimited), &b""[..]));
    let around = connection.send_content(5).expect("content is due");
    assert!(around.before().is_empty() && around.after().is_empty());
    connection.send_end([], &mut out).expect("whole");
    assert!(out.is_empty());
    assert_eq!(connection.directive().reason().map(CloseReason::name), Some("http-0.9"));
}

#[test]
fn content_must_be_as_long_as_its_head_says() {
    let mut out = Vec::new();
    let mut connection = server(GET);
    assert_eq!(connection.send_content(1), Err(MisuseError::ContentOutOfTurn));
    assert_eq!(connection.send_end([], &mut out), Err(MisuseError::ContentOutOfTurn));
    connection.send_head(StatusCode::OK, [], Some(5), &mut out).expect("a response is due");
    assert_eq!(connection.send_head(StatusCode::OK, [], Some(5), &mut out), Err(MisuseError::HeadOutOfTurn));
    assert_eq!(connection.send_content(6), Err(MisuseError::TooMuchContent));
    assert!(connection.send_content(4).is_ok());
    assert_eq!(connection.send_end([], &mut out), Err(MisuseError::ContentTooShort { left: 1 }));
    assert_eq!(connection.send_content(2), Err(MisuseError::TooMuchContent));
    assert!(connection.send_content(1).is_ok());
    assert_eq!(connection.send_end([], &mut out), Ok(()));
    assert_eq!(connection.send_content(1), Err(MisuseError::ContentOutOfTurn));
    assert!(connection.is_idle());
}

#[test]
fn nothing_is_sent_out_of_turn() {
    let mut out = Vec::new();
    let mut idle = Connection::<Server>::new(Arc::default());
    assert_eq!(idle.send_head(StatusCode::OK, [], Some(0), &mut out), Err(MisuseError::HeadOutOfTurn));
    assert_eq!(idle.send_interim(StatusCode::CONTINUE, [], &mut out), Err(MisuseError::HeadOutOfTurn));
    let mut connection = server(GET);
    assert_eq!(connection.send_interim(StatusCode::OK, [], &mut out), Err(MisuseError::WrongStatusClass));
    assert_eq!(
        connection.send_interim(StatusCode::SWITCHING_PROTOCOLS, [], &mut out),
        Err(MisuseError::WrongStatusClass)
    );
    let mut connection = client();
    let line = RequestLine { method: "POST", target: "/", version: Version::Http11 };
    connection.send_head(line, [], Some(1), &mut Vec::new()).expect("idle");
    assert_eq!(connection.send_head(line, [], Some(1), &mut out), Err(MisuseError::HeadOutOfTurn));
    assert!(out.is_empty());
}

#[test]
fn chunks_are_written_in_hexadecimal_and_none_is_empty() {
    let mut connection = client();
    let mut out = Vec::new();
    let line = RequestLine { method: "POST", target: "/", version: Version::Http11 };
    assert_eq!(connection.send_head(line, [], None, &mut out), Ok(Framing::Chunked));
    for (len, size) in
        [(1, "1\r\n"), (10, "a\r\n"), (255, "ff\r\n"), (256, "100\r\n"), (usize::MAX, "ffffffffffffffff\r\n")]
    {
        let around = connection.send_content(len).expect("chunked");
        assert_eq!((around.before(), around.after()), (size.as_bytes(), &b"\r\n"[..]));
    }
    let around = connection.send_content(0).expect("nothing is fine");
    assert!(around.before().is_empty() && around.after().is_empty(), "a chunk of size zero would be the last");
    out.clear();
    connection.send_end(bytes(&[("x-sum", "1")]), &mut out).expect("whole");
    assert_eq!(text(&out), "0\r\nx-sum: 1\r\n\r\n");
}
