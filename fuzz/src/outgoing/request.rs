//! Requests: from a client's `send_head` to a server's `receive`.

use std::sync::Arc;
use std::time::Instant;

use arbitrary::Arbitrary;
use tenure_proto::{
    Client, Config, Connection, ErrorKind, Event, Persistence, RequestHead, RequestLine, Server, Version,
};

use super::lines::{Body, Line, has, may_refuse, options, pairs, receive_body, same_fields, send_body};

/// A request to send.
#[derive(Arbitrary, Debug)]
pub(super) struct Request<'a> {
    start: Start<'a>,
    http10: bool,
    /// The head says how long the content is.
    length_known: bool,
    fields: Vec<Line<'a>>,
    content: &'a [u8],
    trailers: Vec<Line<'a>>,
}

/// Method and target.
#[derive(Arbitrary, Debug)]
enum Start<'a> {
    Known(u8),
    Any { method: &'a str, target: &'a str },
    AnyTarget(&'a str),
}

const STARTS: [(&str, &str); 6] =
    [("GET", "/"), ("POST", "/a?b=c"), ("OPTIONS", "*"), ("CONNECT", "a:1"), ("HEAD", "http://a/"), ("get", "/")];

pub(super) fn check(request: &Request<'_>) {
    let (method, target) = match request.start {
        Start::Known(i) => STARTS[usize::from(i) % STARTS.len()],
        Start::Any { method, target } => (method, target),
        Start::AnyTarget(target) => ("GET", target),
    };
    let version = if request.http10 { Version::Http10 } else { Version::Http11 };
    let line = RequestLine { method, target, version };
    let length = request.length_known.then_some(request.content.len() as u64);

    let mut client = Connection::<Client>::new(Arc::new(Config::default()));
    let (before, mut out) = (format!("{client:?}"), Vec::new());
    let Ok(framing) = client.send_head(line, pairs(&request.fields), length, &mut out) else {
        assert!(out.is_empty(), "a refused head wrote {}", out.escape_ascii());
        assert_eq!(before, format!("{client:?}"), "a refused head left its trace");
        return;
    };
    // The length may have come from a Content-Length field; then that much is owed.
    let content = match framing {
        tenure_proto::Framing::Length(length) if !request.length_known => &vec![b'x'; length.min(99) as usize],
        _ => request.content,
    };
    if matches!(framing, tenure_proto::Framing::Length(length) if length != content.len() as u64) {
        return;
    }
    let head_end = out.len();
    let body = Body { framing, content, trailers: &request.trailers };
    let with_trailers = send_body(&mut client, &body, &mut out);

    let mut server = Connection::<Server>::new(Arc::new(Config::default()));
    match server.receive(&out, Instant::now()) {
        Ok((used, Event::Head(head))) => {
            assert_eq!(used, head_end, "the head ends elsewhere");
            assert_eq!((head.method, head.target, head.version), (method.as_bytes(), target.as_bytes(), version));
            assert_eq!(head.framing, framing);
            same_fields(&request.fields, head.fields, framing);
            same_options(&request.fields, &head, &client);
            receive_body(&mut server, &out[used..], &body, with_trailers);
        }
        Ok((_, event)) => panic!("not a head: {event:?}"),
        // The Host field is the caller's.
        Err(error) => may_refuse(error, |kind| {
            matches!(kind, ErrorKind::MissingHost | ErrorKind::RepeatedHost | ErrorKind::BadHost)
        }),
    }
}

/// What the request says of the connection is what the client believes to have said.
fn same_options(given: &[Line<'_>], head: &RequestHead<'_>, client: &Connection<Client>) {
    let closes = matches!(client.persistence(), Persistence::Close(_));
    assert_eq!(head.options.close, options(given).close);
    assert_eq!(matches!(head.persistence, Persistence::Close(_)), closes);
    assert_eq!(head.upgrade, has(given, "upgrade") && head.version == Version::Http11);
}
