//! What is sent, and what must be received: tables of heads, and a sent message with all its parts.

use http::StatusCode;
use tenure_proto::{Fields, Framing};

use super::Head;

/// A field line to send.
pub(super) type Line = (&'static [u8], &'static [u8]);

/// Methods with a target each; the last two cannot be sent.
pub(super) const REQUESTS: [(&str, &str); 9] = [
    ("GET", "/"),
    ("HEAD", "/a"),
    ("POST", "/b?c=d"),
    ("CONNECT", "a.example:443"),
    ("OPTIONS", "*"),
    ("PUT", "http://a.example/"),
    ("get", "/lower"),
    ("GET", "no slash"),
    ("G T", "/"),
];

/// Statuses; the last is no final one.
pub(super) const STATUSES: [u16; 9] = [200, 204, 304, 404, 101, 205, 500, 999, 103];

/// Statuses of interim responses; the last two are none.
pub(super) const INTERIM: [u16; 4] = [100, 103, 101, 200];

const LINES: [Line; 16] = [
    (b"x-a", b"1"),
    (b"X-Empty", b""),
    (b"x-padded", b" \t a b \t"),
    (b"set-cookie", b"a=b"),
    (b"set-cookie", b"c=d"),
    (b"connection", b"close"),
    (b"Connection", b"Keep-Alive, x-a"),
    (b"upgrade", b"example"),
    (b"expect", b"100-continue"),
    (b"content-length", b"3"),
    (b"Content-Length", b"0"),
    (b"transfer-encoding", b"chunked"),
    (b"keep-alive", b"timeout=1"),
    (b"proxy-connection", b"keep-alive"),
    (b"x-injected", b"a\r\nx-b: 1"),
    (b"x injected", b"a"),
];

/// The lines that a head names. A place beyond the table is no line.
pub(super) fn lines(places: [u8; 3]) -> impl Iterator<Item = Line> + Clone {
    places.into_iter().filter_map(|place| LINES.get(usize::from(place & 63)).copied())
}

impl Head {
    pub(super) fn pick<T: Copy>(&self, table: &[T]) -> T {
        table[usize::from(self.start) % table.len()]
    }

    pub(super) fn content(&self) -> Option<u64> {
        self.content.map(u64::from)
    }
}

/// The start line of a sent message.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Start {
    Request { method: &'static str, target: &'static str, http10: bool },
    Response(StatusCode),
    Interim(StatusCode),
}

/// A message that a side has begun to send.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) start: Start,
    pub(super) lines: Vec<Line>,
    pub(super) framing: Framing,
    /// Its sender meant it to be the last on the connection.
    pub(super) closes: bool,
    pub(super) content: Vec<u8>,
    pub(super) trailers: Vec<Line>,
    pub(super) ended: bool,
}

impl Sent {
    pub(super) fn new(start: Start, lines: impl Iterator<Item = Line>, framing: Framing, closes: bool) -> Self {
        let ended = matches!(start, Start::Interim(_));
        Self { start, lines: lines.collect(), framing, closes, content: vec![], trailers: vec![], ended }
    }

    /// The fields arrived as they were given, in order, but for those that the core writes itself.
    pub(super) fn same_fields(&self, received: Fields<'_>) {
        let owned = ["connection", "keep-alive", "proxy-connection", "content-length", "transfer-encoding"];
        let is_owned = |name: &[u8]| owned.iter().any(|o| name.eq_ignore_ascii_case(o.as_bytes()));
        let ours: Vec<_> = self.lines.iter().filter(|l| !is_owned(l.0)).map(|l| trimmed(*l)).collect();
        let received: Vec<_> = received.iter().filter(|f| !is_owned(f.name)).collect();
        let theirs: Vec<(&[u8], &[u8])> = received.iter().map(|f| (f.name, &*f.value)).collect();
        assert_eq!(ours, theirs);
    }

    /// The whole message has arrived.
    pub(super) fn same_end(&self, content: usize, received: Fields<'_>) {
        let ended = match self.framing {
            // Whole before its sender says so.
            Framing::Length(length) => length == content as u64,
            Framing::Chunked => self.ended,
            // A close that cuts it short looks the same.
            Framing::CloseDelimited => true,
        };
        assert!(ended, "received an end that was not sent: {self:?}");
        assert_eq!(content, self.content.len());
        let expected = if self.framing == Framing::Chunked { &self.trailers[..] } else { &[] };
        let received: Vec<_> = received.iter().collect();
        let theirs: Vec<(&[u8], &[u8])> = received.iter().map(|f| (f.name, &*f.value)).collect();
        assert_eq!(expected.iter().map(|l| trimmed(*l)).collect::<Vec<_>>(), theirs);
    }

    /// Content that must not be taken for anything else. It continues what was sent before.
    pub(super) fn next_content(&self, length: usize) -> Vec<u8> {
        let text = b"0\r\n\r\nGET /x HTTP/1.1\r\nhost: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n";
        (self.content.len()..).map(|i| text[i % text.len()]).take(length).collect()
    }

    /// Content that the head announced and that is not sent yet.
    pub(super) fn owed(&self) -> usize {
        match self.framing {
            Framing::Length(length) => length as usize - self.content.len(),
            _ => 0,
        }
    }
}

fn trimmed((name, value): Line) -> Line {
    let is_space = |b: &u8| matches!(b, b' ' | b'\t');
    let start = value.iter().position(|b| !is_space(b)).unwrap_or(value.len());
    let end = value.iter().rposition(|b| !is_space(b)).map_or(start, |at| at + 1);
    (name, &value[start..end])
}
