//! Field lines to send, and what of them must arrive.

use arbitrary::Arbitrary;
use tenure_proto::{Connection, ConnectionOptions, ErrorKind, Event, Fields, Framing, ProtocolError, Role};

/// A field line: its name and value are any bytes, or often something that means something.
#[derive(Arbitrary, Debug)]
pub(super) struct Line<'a> {
    name: Part<'a>,
    value: Part<'a>,
}

#[derive(Arbitrary, Debug)]
enum Part<'a> {
    /// Of [`NAMES`] or [`VALUES`].
    Known(u8),
    Any(&'a [u8]),
}

const NAMES: [&[u8]; 14] = [
    b"host",
    b"Host",
    b"Content-Length",
    b"transfer-encoding",
    b"Connection",
    b"keep-alive",
    b"Proxy-Connection",
    b"upgrade",
    b"expect",
    b"te",
    b"trailer",
    b"cookie",
    b"x-a",
    b"X-A",
];

const VALUES: [&[u8]; 16] = [
    b"a.example",
    b"0",
    b"3",
    b"18446744073709551616",
    b"chunked",
    b"gzip, chunked",
    b"close",
    b"keep-alive, x-a",
    b"x-b,upgrade , CLOSE",
    b"timeout=5, max=2",
    b"example",
    b"100-continue",
    b"",
    b" \t padded\t ",
    b"a\r\nx-injected: 1",
    b"a\r\n\r\nGET / HTTP/1.1\r\n",
];

/// The names that the core writes itself (see `send_head`).
const OWNED: [&[u8]; 5] = [b"connection", b"keep-alive", b"proxy-connection", b"content-length", b"transfer-encoding"];

impl Line<'_> {
    pub(super) fn pair(&self) -> (&[u8], &[u8]) {
        (self.name.of(&NAMES), self.value.of(&VALUES))
    }
}

impl<'a> Part<'a> {
    fn of(&self, known: &[&'a [u8]]) -> &'a [u8] {
        match self {
            Self::Known(i) => known[usize::from(*i) % known.len()],
            Self::Any(bytes) => bytes,
        }
    }
}

pub(super) fn pairs<'l>(lines: &'l [Line<'_>]) -> impl Iterator<Item = (&'l [u8], &'l [u8])> + Clone {
    lines.iter().map(Line::pair)
}

pub(super) fn has(lines: &[Line<'_>], name: &str) -> bool {
    pairs(lines).any(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))
}

/// The connection options that the caller's own fields name.
pub(super) fn options(lines: &[Line<'_>]) -> ConnectionOptions {
    let mut options = ConnectionOptions::default();
    pairs(lines).filter(|(n, _)| n.eq_ignore_ascii_case(b"connection")).for_each(|(_, v)| options.add(v));
    options
}

fn is_owned(name: &[u8]) -> bool {
    OWNED.iter().any(|o| o.eq_ignore_ascii_case(name))
}

type OwnedLine = (Vec<u8>, Vec<u8>);

/// The caller's fields arrived as they were given, in order, and so did no others; those that the
/// core writes are there at most once.
pub(super) fn same_fields(given: &[Line<'_>], received: Fields<'_>, framing: Framing) {
    let given: Vec<OwnedLine> = pairs(given).filter(|(n, _)| !is_owned(n)).map(owned).collect();
    let theirs = received.iter().filter(|f| !is_owned(f.name));
    let theirs: Vec<OwnedLine> = theirs.map(|f| (f.name.to_vec(), f.value.into_owned())).collect();
    assert_eq!(given, theirs);
    let count = |name| received.get_all(name).count();
    assert!(count("connection") <= 1 && count("keep-alive") <= 1 && count("content-length") <= 1);
    assert_eq!(count("proxy-connection"), 0);
    assert_eq!(count("transfer-encoding"), usize::from(framing == Framing::Chunked));
}

/// A trailer section arrives as it was given, and frames nothing (RFC 9110 section 6.5.1).
pub(super) fn same_trailers(given: &[Line<'_>], received: Fields<'_>) {
    assert!(!received.iter().any(|f| is_owned(f.name)), "a trailer that frames: {received:?}");
    let given: Vec<OwnedLine> = pairs(given).map(owned).collect();
    let theirs: Vec<OwnedLine> = received.iter().map(|f| (f.name.to_vec(), f.value.into_owned())).collect();
    assert_eq!(given, theirs);
}

fn owned((name, value): (&[u8], &[u8])) -> OwnedLine {
    let is_space = |b: &u8| matches!(b, b' ' | b'\t');
    let start = value.iter().position(|b| !is_space(b)).unwrap_or(value.len());
    let end = value.iter().rposition(|b| !is_space(b)).map_or(start, |at| at + 1);
    (name.to_vec(), value[start..end].to_vec())
}

/// A message that exceeds the receiver's limits may be refused. Every other refusal is a defect,
/// unless `also` says why.
pub(super) fn may_refuse(error: ProtocolError, also: impl Fn(ErrorKind) -> bool) {
    use ErrorKind as E;
    let limit =
        matches!(error.kind(), E::HeadTooLarge | E::TooManyFields | E::RequestLineTooLong | E::TrailersTooLarge);
    assert!(limit || also(error.kind()), "accepted for sending, refused on receipt: {error}");
}

/// What follows a head.
pub(super) struct Body<'l, 'a> {
    pub(super) framing: Framing,
    pub(super) content: &'l [u8],
    pub(super) trailers: &'l [Line<'a>],
}

/// Sends content, in two pieces, and the end. True if the trailers were sent too.
pub(super) fn send_body<R: Role>(connection: &mut Connection<R>, body: &Body<'_, '_>, out: &mut Vec<u8>) -> bool {
    if body.framing != Framing::Length(0) {
        for piece in body.content.chunks(body.content.len().div_ceil(2).max(1)) {
            let around = connection.send_content(piece.len()).expect("it was announced");
            out.extend_from_slice(around.before());
            out.extend_from_slice(piece);
            out.extend_from_slice(around.after());
        }
    }
    let before = out.len();
    if connection.send_end(pairs(body.trailers), out).is_ok() {
        return body.framing == Framing::Chunked;
    }
    assert_eq!(out.len(), before, "refused trailers wrote something");
    connection.send_end([], out).expect("all content was sent");
    false
}

/// Receives the rest of a message after its head: content, end, and nothing else.
pub(super) fn receive_body<R: Role>(
    connection: &mut Connection<R>,
    mut input: &[u8],
    body: &Body<'_, '_>,
    trailers: bool,
) {
    let mut content = Vec::new();
    let now = std::time::Instant::now();
    loop {
        match connection.receive(input, now) {
            Ok((used, Event::Content(piece))) => {
                content.extend_from_slice(piece);
                input = &input[used..];
            }
            Ok((used, Event::End(received))) => {
                input = &input[used..];
                same_trailers(if trailers { body.trailers } else { &[] }, received);
                break;
            }
            Ok((0, Event::NeedInput)) if body.framing == Framing::CloseDelimited && input.is_empty() => {
                assert!(matches!(connection.receive_eof(), Ok(Event::End(_))));
                break;
            }
            Ok((_, event)) => panic!("not the rest of a message: {event:?}"),
            Err(error) => return may_refuse(error, |_| false),
        }
    }
    let expected: &[u8] = if body.framing == Framing::Length(0) { b"" } else { body.content };
    assert_eq!(content, expected);
    assert_eq!(input, b"", "bytes after the message's end");
}
