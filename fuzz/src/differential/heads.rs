//! Message heads.

use std::sync::Arc;
use std::time::Instant;

use http::Method;
use httparse::{Header, ParserConfig, Status};
use tenure_proto::{Client, Config, Connection, ErrorKind, Event, Fields, RequestLine, Server, Version};

/// As many field lines as tenure accepts by default, and one more.
const FIELDS: usize = 101;

pub(super) fn request(bytes: &[u8]) {
    let mut connection = Connection::<Server>::new(Arc::new(Config::default()));
    let mut headers = [httparse::EMPTY_HEADER; FIELDS];
    let mut theirs = httparse::Request::new(&mut headers);
    // Up to four empty lines may come first, for both.
    match connection.receive(bytes, Instant::now()) {
        Ok((used, Event::Head(head))) => {
            let skipped = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
            let line_end = skipped + head.method.len() + head.target.len() + " ".len() + " HTTP/1.1".len();
            let plain = as_version_1_1(bytes, head.version, line_end - 1);
            let parsed = theirs.parse(&plain);
            assert_eq!(parsed, Ok(Status::Complete(used)), "tenure accepts {head:?}");
            assert_eq!(theirs.method.map(str::as_bytes), Some(head.method));
            assert_eq!(theirs.path.map(str::as_bytes), Some(head.target));
            same_version(head.version, theirs.version);
            same_fields(head.fields, theirs.headers);
            // What else the ecosystem must make of it.
            assert!(Method::from_bytes(head.method).is_ok());
        }
        Ok((_, Event::NeedInput)) => not_complete(theirs.parse(bytes)),
        Ok((_, other)) => panic!("not a head's event: {other:?}"),
        Err(error) => {
            if let Ok(Status::Complete(_)) = theirs.parse(bytes) {
                assert!(stricter_head(error.kind()), "only tenure refuses it: {error}");
            }
        }
    }
}

pub(super) fn response(bytes: &[u8]) {
    let mut connection = Connection::<Client>::new(Arc::new(Config::default()));
    let line = RequestLine { method: "GET", target: "/", version: Version::Http11 };
    let upgrade = [(&b"host"[..], &b"a"[..]), (b"upgrade", b"example")];
    connection.send_head(line, upgrade, Some(0), &mut Vec::new()).expect("a valid request");
    connection.send_end([], &mut Vec::new()).expect("it has no content");

    let mut headers = [httparse::EMPTY_HEADER; FIELDS];
    let mut theirs = httparse::Response::new(&mut headers);
    match connection.receive(bytes, Instant::now()) {
        Ok((used, Event::Head(head) | Event::Interim(head))) => {
            let plain = as_version_1_1(bytes, head.version, "HTTP/1.".len());
            let parsed = folding().parse_response(&mut theirs, &plain);
            assert_eq!(parsed, Ok(Status::Complete(used)), "tenure accepts {head:?}");
            assert_eq!(theirs.code, Some(head.status.as_u16()));
            same_version(head.version, theirs.version);
            // httparse has no reason phrase that is not ASCII: it says it is empty.
            if head.reason.is_ascii() {
                assert_eq!(theirs.reason.map(str::as_bytes), Some(head.reason));
            }
            same_fields(head.fields, theirs.headers);
        }
        Ok((_, Event::NeedInput)) => not_complete(folding().parse_response(&mut theirs, bytes)),
        Ok((_, other)) => panic!("not a head's event: {other:?}"),
        Err(error) => {
            if let Ok(Status::Complete(_)) = folding().parse_response(&mut theirs, bytes) {
                let known = stricter_head(error.kind()) || stricter_status_line(error.kind(), theirs.code, bytes);
                assert!(known, "only tenure refuses it: {error}");
            }
        }
    }
}

/// What httparse reads and tenure refuses, each for its reason.
const fn stricter_head(kind: ErrorKind) -> bool {
    use ErrorKind as E;
    match kind {
        // httparse ends a line by a bare LF, in requests too.
        E::BareLf => true,
        // httparse takes any visible bytes for a target; the four forms are the caller's affair.
        E::BadTarget => true,
        // What fields mean is not a tokeniser's affair.
        E::MissingHost | E::RepeatedHost | E::BadHost => true,
        E::BadContentLength | E::RepeatedContentLength | E::LengthAndCoding | E::ContentTooLarge => true,
        E::CodingInHttp10 | E::BadTransferEncoding | E::ChunkedNotFinal | E::UnknownCoding => true,
        E::UnexpectedUpgrade => true,
        // Limits.
        E::EmptyLines | E::RequestLineTooLong | E::HeadTooLarge | E::TooManyFields => true,
        _ => false,
    }
}

/// RFC 9110 section 15: there is no class of codes below 100. RFC 9112 section 2.2: only servers
/// ignore empty lines before a message.
fn stricter_status_line(kind: ErrorKind, code: Option<u16>, bytes: &[u8]) -> bool {
    kind == ErrorKind::BadStatusLine && (code < Some(100) || bytes.starts_with(b"\r") || bytes.starts_with(b"\n"))
}

pub(super) fn folding() -> ParserConfig {
    let mut config = ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true);
    config
}

/// tenure waits for more: httparse must not have seen the end.
fn not_complete(parsed: httparse::Result<usize>) {
    assert!(!matches!(parsed, Ok(Status::Complete(_))), "only tenure waits for more: {parsed:?}");
}

/// The bytes with the minor version, which is at `at`, changed to 1 if tenure reads it so.
fn as_version_1_1(bytes: &[u8], version: Version, at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if version == Version::Http11 {
        assert!(bytes[at].is_ascii_digit() && bytes[at] != b'0');
        bytes[at] = b'1';
    }
    bytes
}

fn same_version(ours: Version, theirs: Option<u8>) {
    let minor = match ours {
        Version::Http10 => 0,
        Version::Http11 => 1,
        Version::Http09 => panic!("HTTP/0.9 is off"),
    };
    assert_eq!(theirs, Some(minor));
}

pub(super) fn same_fields(ours: Fields<'_>, theirs: &[Header<'_>]) {
    let ours: Vec<_> = ours.iter().map(|f| (f.name.to_vec(), f.value.into_owned())).collect();
    let theirs: Vec<_> = theirs.iter().map(|h| (h.name.as_bytes().to_vec(), unfolded(h.value))).collect();
    assert_eq!(ours, theirs);
}

/// A value with each fold replaced by one space (RFC 9112 section 5.2).
fn unfolded(value: &[u8]) -> Vec<u8> {
    let parts: Vec<_> = value.split(|&b| b == b'\n').map(trim).filter(|part| !part.is_empty()).collect();
    parts.join(&b' ')
}

fn trim(mut part: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = part {
        part = rest;
    }
    while let [rest @ .., b' ' | b'\t' | b'\r'] = part {
        part = rest;
    }
    part
}
