//! Where careless programs would end a message whose head is refused: by each length it gives, by
//! the chunked coding, or with the head. Two of them in a row, a proxy and a server, that disagree
//! are how a request is smuggled (RFC 9112 section 11.2).

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use tenure_proto::{Config, Connection, Event, Server};

use super::conversation::Seen;
use super::message::{field_name, lengths, trim_end};
use super::text;

/// One way to read the message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Reading {
    /// What decides, for example `Content-Length: 6`.
    pub(super) by: String,
    pub(super) end: End,
}

/// Where the message ends by a [`Reading`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// At this place; the bytes that follow, shown in short.
    At { place: u64, then: Option<String> },
    /// After this many bytes more than there are.
    Later { missing: u64 },
    /// Nowhere: not enough of it, or broken.
    Nowhere,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At { place, then: Some(then) } => write!(f, "at byte {place}, then {then}"),
            Self::At { place, then: None } => write!(f, "at byte {place}, where the input ends"),
            Self::Later { missing } => write!(f, "after {} that are not here", text::count(*missing, "byte")),
            Self::Nowhere => f.write_str("nowhere in these bytes"),
        }
    }
}

/// All readings of the message that starts at `start` and has a fault at `fault`; fewer than two
/// if nobody could be deceived. Equal ends are kept: the next message may differ.
pub(super) fn of(seen: Seen<'_>, start: u64, fault: u64) -> Vec<Reading> {
    let bytes = seen.from(start);
    let mut readings: Vec<Reading> = Vec::new();
    let Some(head) = head_len(bytes) else { return readings };
    let content = &bytes[head..];
    let place = start + head as u64;
    let mut ignorable = false;
    for (at, line) in lines(&bytes[..head]) {
        let before = readings.len();
        let name = field_name(line);
        if name.eq_ignore_ascii_case(b"content-length") {
            for length in lengths(line) {
                push(&mut readings, format!("Content-Length: {length}"), by_length(content, place, length));
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") && contains_chunked(line) {
            push(&mut readings, "chunked".to_owned(), by_chunks(content, place));
        }
        let broken = (start + at as u64..=start + (at + line.len()) as u64).contains(&fault);
        ignorable |= broken && readings.len() > before;
    }
    if readings.len() == 1 && ignorable {
        push(&mut readings, "leaving that line out".to_owned(), at(content, place, 0));
    }
    readings
}

fn push(readings: &mut Vec<Reading>, by: String, end: End) {
    if readings.iter().all(|r| r.by != by) {
        readings.push(Reading { by, end });
    }
}

/// The head with its empty line, by any line end.
fn head_len(bytes: &[u8]) -> Option<usize> {
    lines(bytes).find(|(_, line)| line.is_empty()).map(|(at, _)| {
        let end = if bytes[at..].starts_with(b"\r") { 2 } else { 1 };
        at + end
    })
}

/// The lines that end, without their ends, and where they start.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    bytes.split_inclusive(|&b| b == b'\n').filter(|line| line.ends_with(b"\n")).map(move |line| {
        let start = at;
        at += line.len();
        (start, trim_end(line))
    })
}

fn contains_chunked(line: &[u8]) -> bool {
    line.windows(7).any(|word| word.eq_ignore_ascii_case(b"chunked"))
}

fn by_length(content: &[u8], place: u64, length: u64) -> End {
    match usize::try_from(length) {
        Ok(length) if length <= content.len() => at(content, place, length),
        _ => End::Later { missing: length - content.len() as u64 },
    }
}

/// The core says where the chunks end, given a head that leaves no doubt.
fn by_chunks(content: &[u8], place: u64) -> End {
    const HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut server = Connection::<Server>::new(Arc::new(Config::default()));
    let now = Instant::now();
    if server.receive(HEAD, now).is_err() {
        return End::Nowhere;
    }
    let mut used = 0;
    loop {
        match server.receive(&content[used..], now) {
            Ok((n, Event::Content(_))) => used += n,
            Ok((n, Event::End(_))) => return at(content, place, used + n),
            _ => return End::Nowhere,
        }
    }
}

fn at(content: &[u8], place: u64, len: usize) -> End {
    let then = &content[len..];
    End::At { place: place + len as u64, then: (!then.is_empty()).then(|| text::preview(then)) }
}
