//! Responses: from a server's `send_head` to a client's `receive`.

use std::sync::Arc;
use std::time::Instant;

use arbitrary::Arbitrary;
use http::StatusCode;
use tenure_proto::{
    Client, Config, Connection, Directive, Event, Framing, Persistence, RequestLine, ResponseHead, Server, Version,
};

use super::lines::{Body, Line, may_refuse, options, pairs, receive_body, same_fields, send_body};

/// A response to send, and the request it answers.
#[derive(Arbitrary, Debug)]
pub(super) struct Response<'a> {
    method: u8,
    http10: bool,
    interim: Option<(u8, Vec<Line<'a>>)>,
    status: u16,
    /// The head says how long the content is.
    length_known: bool,
    fields: Vec<Line<'a>>,
    content: &'a [u8],
    trailers: Vec<Line<'a>>,
}

const REQUESTS: [(&str, &str); 4] = [("GET", "/"), ("HEAD", "/"), ("CONNECT", "a:1"), ("POST", "/")];
const STATUSES: [u16; 8] = [200, 204, 304, 101, 404, 500, 205, 999];
const INTERIM: [u16; 4] = [100, 102, 103, 199];

/// Two connections, with one request received and not answered.
fn asked(response: &Response<'_>) -> (Connection<Client>, Connection<Server>) {
    let config = Arc::new(Config::default());
    let mut client = Connection::<Client>::new(Arc::clone(&config));
    let mut server = Connection::<Server>::new(config);
    let (method, target) = REQUESTS[usize::from(response.method) % REQUESTS.len()];
    let version = if response.http10 { Version::Http10 } else { Version::Http11 };
    let mut out = Vec::new();
    let fields = [(&b"host"[..], &b"a"[..]), (b"upgrade", b"example")];
    client.send_head(RequestLine { method, target, version }, fields, Some(0), &mut out).expect("a valid request");
    client.send_end([], &mut out).expect("it has no content");
    let now = Instant::now();
    assert!(matches!(server.receive(&out, now), Ok((used, Event::Head(_))) if used == out.len()));
    assert!(matches!(server.receive(&[], now), Ok((0, Event::End(_)))));
    (client, server)
}

pub(super) fn check(response: &Response<'_>) {
    let (mut client, mut server) = asked(response);
    if let Some((status, fields)) = &response.interim {
        let status = INTERIM[usize::from(*status) % INTERIM.len()];
        if !interim(&mut client, &mut server, status, fields) {
            return;
        }
    }
    let known = STATUSES[usize::from(response.status) % STATUSES.len()];
    let status = StatusCode::from_u16(response.status).or(StatusCode::from_u16(known)).expect("a known status");
    let length = response.length_known.then_some(response.content.len() as u64);

    let (before, mut out) = (format!("{server:?}"), Vec::new());
    let Ok(framing) = server.send_head(status, pairs(&response.fields), length, &mut out) else {
        assert!(out.is_empty(), "a refused head wrote {}", out.escape_ascii());
        assert_eq!(before, format!("{server:?}"), "a refused head left its trace");
        return;
    };
    // The length may have come from a Content-Length field; then another length is not sent here.
    if matches!(framing, Framing::Length(n) if n != 0 && n != response.content.len() as u64) {
        return;
    }
    let closes = matches!(server.persistence(), Persistence::Close(_));
    let head_end = out.len();
    let body = Body { framing, content: response.content, trailers: &response.trailers };
    let with_trailers = send_body(&mut server, &body, &mut out);

    match client.receive(&out, Instant::now()) {
        Ok((used, Event::Head(head))) => {
            assert_eq!(used, head_end, "the head ends elsewhere");
            assert_eq!((head.status, head.version, head.framing), (status, Version::Http11, framing));
            same_fields(&response.fields, head.fields, framing);
            if server.directive() == Directive::HandOver {
                assert_eq!(client.directive(), Directive::HandOver);
                return;
            }
            same_options(&response.fields, &head, closes);
            receive_body(&mut client, &out[used..], &body, with_trailers);
        }
        Ok((_, event)) => panic!("not a final head: {event:?}"),
        Err(error) => may_refuse(error, |_| false),
    }
}

/// An interim response arrives as it was sent, and says nothing of content. False if it exceeds the
/// client's limits: then nothing more is received.
fn interim(client: &mut Connection<Client>, server: &mut Connection<Server>, status: u16, fields: &[Line<'_>]) -> bool {
    let status = StatusCode::from_u16(status).expect("a known status");
    let mut out = Vec::new();
    if server.send_interim(status, pairs(fields), &mut out).is_err() {
        assert!(out.is_empty(), "a refused interim response wrote {}", out.escape_ascii());
    }
    if out.is_empty() {
        return true;
    }
    match client.receive(&out, Instant::now()) {
        Ok((used, Event::Interim(head))) => {
            assert_eq!((used, head.status), (out.len(), status));
            same_fields(fields, head.fields, Framing::Length(0));
            // RFC 9110 section 8.6, RFC 9112 section 6.1.
            assert!(head.fields.get("content-length").is_none(), "an interim response with a length");
            true
        }
        Ok((_, event)) => panic!("not an interim response: {event:?}"),
        Err(error) => {
            may_refuse(error, |_| false);
            false
        }
    }
}

/// What the response says of the connection is what the server will do.
fn same_options(given: &[Line<'_>], head: &ResponseHead<'_>, closes: bool) {
    assert_eq!(matches!(head.persistence, Persistence::Close(_)), closes);
    assert!(!options(given).close || closes, "the caller's close was lost");
}
