//! Nothing that a caller passes can end a line early.

use http::StatusCode;
use tenure_proto::{MisuseError, RequestLine, Version};
use tenure_testkit::pair::bytes;

use crate::{GET, client, server, text};

type Field<'f> = (&'f [u8], &'f [u8]);

/// Has a client send a head; the error, if any, must leave no trace.
fn request(method: &str, target: &str, fields: &[Field<'_>]) -> Result<String, MisuseError> {
    let mut connection = client();
    let mut out = b"before".to_vec();
    let line = RequestLine { method, target, version: Version::Http11 };
    let result = connection.send_head(line, fields.iter().copied(), Some(0), &mut out);
    if result.is_err() {
        assert_eq!(out, b"before", "half a head was written");
        assert!(connection.is_idle(), "the refusal changed the connection");
    }
    result.map(|_| text(&out["before".len()..]))
}

/// Has a server send a head; the error, if any, must leave no trace.
fn response(fields: &[Field<'_>]) -> Result<String, MisuseError> {
    let mut connection = server(GET);
    let mut out = b"before".to_vec();
    let result = connection.send_head(StatusCode::OK, fields.iter().copied(), Some(0), &mut out);
    if result.is_err() {
        assert_eq!(out, b"before", "half a head was written");
        connection.send_head(StatusCode::OK, [], Some(0), &mut out).expect("another answer can be sent");
    }
    result.map(|_| text(&out["before".len()..]))
}

/// Every byte that a field value must not hold.
fn control_bytes() -> impl Iterator<Item = u8> {
    (0..=0x1f).chain([0x7f]).filter(|&b| b != b'\t')
}

#[test]
fn control_bytes_in_values_are_refused() {
    for byte in control_bytes() {
        for value in [vec![byte], vec![b'a', byte], vec![byte, b'a'], vec![b'a', byte, b'b']] {
            let field = (&b"x-name"[..], &value[..]);
            assert_eq!(request("GET", "/", &[field]), Err(MisuseError::InvalidField), "{byte:#04x}");
            assert_eq!(response(&[field]), Err(MisuseError::InvalidField), "{byte:#04x}");
        }
    }
    for value in [&b"a\r\nX: y"[..], b"a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", b"a\n b", b"a\r b", b"\r\n", b"a\r\n "] {
        assert_eq!(request("GET", "/", &[(b"x-name", value)]), Err(MisuseError::InvalidField));
        assert_eq!(response(&[(b"x-name", value)]), Err(MisuseError::InvalidField));
    }
}

#[test]
fn control_bytes_in_fields_that_the_core_understands_are_refused() {
    for name in [&b"connection"[..], b"content-length", b"transfer-encoding", b"upgrade", b"host", b"expect"] {
        for value in [&b"a\r\nX: y"[..], b"close\r\nX: y", b"0\r\nX: y", b"chunked\r\nX: y", b"close\0", b"\r\nclose"] {
            assert!(request("GET", "/", &[(name, value)]).is_err(), "{}", name.escape_ascii());
            assert!(response(&[(name, value)]).is_err(), "{}", name.escape_ascii());
        }
    }
}

#[test]
fn values_may_hold_tabs_and_bytes_above_0x7f() {
    let value = b"a\tb \x80\xff";
    assert!(request("GET", "/", &[(b"x-name", value)]).is_ok());
    assert!(response(&[(b"x-name", value)]).is_ok());
}

#[test]
fn names_are_tokens() {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    for byte in 0..=255 {
        let name = [b'x', byte, b'y'];
        let expected = if token(byte) { Ok(()) } else { Err(MisuseError::InvalidField) };
        assert_eq!(request("GET", "/", &[(&name, b"z")]).map(drop), expected, "{byte:#04x}");
        assert_eq!(response(&[(&name, b"z")]).map(drop), expected, "{byte:#04x}");
    }
    for name in [&b""[..], b"x:", b" x", b"x ", b"x\r\ny", b"connection ", b"content-length:"] {
        assert_eq!(request("GET", "/", &[(name, b"z")]), Err(MisuseError::InvalidField));
        assert_eq!(response(&[(name, b"z")]), Err(MisuseError::InvalidField));
    }
}

#[test]
fn methods_are_tokens() {
    for method in ["", "GET ", " GET", "G T", "GET\r\n", "GET\n", "G\0T", "GET /", "GET:", "GÉT", "GET\t"] {
        assert_eq!(request(method, "/", &[]), Err(MisuseError::InvalidStartLine), "{method:?}");
    }
    assert!(request("X-CUSTOM.method_1", "/", &[]).is_ok());
}

#[test]
fn targets_break_no_line() {
    for byte in (0..=0x20).chain([0x7f]) {
        let target = format!("/a{}b", char::from(byte));
        assert_eq!(request("GET", &target, &[]), Err(MisuseError::InvalidStartLine), "{byte:#04x}");
    }
    let injected = ["/ HTTP/1.1\r\nX: y\r\n\r\nGET /", "/a b", "", "a", "/é", "/a#b", "*", "a:80", "http:///"];
    for target in injected {
        assert_eq!(request("GET", target, &[]), Err(MisuseError::InvalidStartLine), "{target:?}");
    }
    for (method, target) in [("CONNECT", "/"), ("CONNECT", "a"), ("OPTIONS", "*a"), ("POST", "*")] {
        assert_eq!(request(method, target, &[]), Err(MisuseError::InvalidStartLine), "{method} {target}");
    }
    for (method, target) in [("GET", "http://a/b?c"), ("OPTIONS", "*"), ("CONNECT", "a:80"), ("GET", "/%0d%0a")] {
        assert!(request(method, target, &[]).is_ok(), "{method} {target}");
    }
}

#[test]
fn a_request_is_never_http09() {
    let line = RequestLine { method: "GET", target: "/", version: Version::Http09 };
    assert_eq!(client().send_head(line, [], Some(0), &mut Vec::new()), Err(MisuseError::InvalidStartLine));
}

#[test]
fn every_status_has_a_line_of_its_own() {
    // The reason phrase is never the caller's, so nothing can be injected by it.
    for code in (200..600).filter(|&code| code != 204 && code != 304) {
        let mut out = Vec::new();
        let status = StatusCode::from_u16(code).expect("three digits");
        server(GET).send_head(status, [], Some(0), &mut out).expect("a response is due");
        let line = format!("HTTP/1.1 {code} {}\r\ncontent-length: 0\r\n\r\n", status.canonical_reason().unwrap_or(""));
        assert_eq!(text(&out), line);
    }
}

#[test]
fn trailers_and_interim_fields_are_checked_as_well() {
    for (name, value) in [("x", "a\r\nb"), ("x", "\0"), ("x y", "a"), ("", "a"), ("x\r\n", "a")] {
        let mut connection = client();
        let mut out = Vec::new();
        let line = RequestLine { method: "POST", target: "/", version: Version::Http11 };
        connection.send_head(line, [], None, &mut out).expect("chunked");
        let len = out.len();
        assert_eq!(
            connection.send_end(bytes(&[("good", "1"), (name, value)]), &mut out),
            Err(MisuseError::InvalidField)
        );
        assert_eq!(out.len(), len, "half a trailer section was written");

        let mut connection = server(GET);
        let mut out = Vec::new();
        let result = connection.send_interim(StatusCode::EARLY_HINTS, bytes(&[("good", "1"), (name, value)]), &mut out);
        assert_eq!(result, Err(MisuseError::InvalidField));
        assert!(out.is_empty(), "half an interim response was written");
    }
}

#[test]
fn what_belongs_into_the_head_is_no_trailer() {
    let names = "authorization connection content-encoding content-length content-range content-type cookie expect host \
        keep-alive max-forwards proxy-authenticate proxy-authorization proxy-connection range set-cookie te trailer \
        transfer-encoding upgrade www-authenticate Transfer-ENCODING";
    for name in names.split_whitespace() {
        let mut connection = client();
        let mut out = Vec::new();
        let line = RequestLine { method: "POST", target: "/", version: Version::Http11 };
        connection.send_head(line, [], None, &mut out).expect("chunked");
        let len = out.len();
        let result = connection.send_end(bytes(&[("digest", "1"), (name, "5")]), &mut out);
        assert_eq!(result, Err(MisuseError::ForbiddenTrailer), "{name}");
        assert_eq!(out.len(), len, "half a trailer section was written");
        connection.send_end(bytes(&[("digest", "1"), ("x-content-length", "5")]), &mut out).expect("harmless names");
    }
}
