//! What is remembered of one message while its bytes pass: its lines, its content in short, its end.

use std::time::Duration;

use tenure_proto::{Expectation, Framing, FramingRule, KeepAlive, Persistence, RequestHead, ResponseHead, Version};

use super::text;

/// The fields that decide about framing and persistence; the others are only counted.
const DECIDING: [&str; 7] =
    ["host", "content-length", "transfer-encoding", "connection", "keep-alive", "expect", "upgrade"];
/// Chunks shown before the rest are summed up.
const CHUNKS_SHOWN: usize = 6;

/// A message, whole or on its way.
#[derive(Debug)]
pub(super) struct Message {
    /// Place of its first byte.
    pub(super) start: u64,
    pub(super) head: Head,
    pub(super) lines: HeadLines,
    /// Place of the first byte after the head.
    pub(super) head_end: u64,
    /// The head is on the page already.
    pub(super) head_shown: bool,
    pub(super) content: Content,
    pub(super) trailers: Vec<Line>,
    /// Place of the first byte after it; of the last byte so far while it is on its way.
    pub(super) end: u64,
    /// When its first and its last byte passed, if that is known.
    pub(super) times: Option<(Duration, Duration)>,
}

/// What the core said of a head, for both roles.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) start: Start,
    pub(super) version: Version,
    pub(super) framing: Framing,
    pub(super) rule: FramingRule,
    pub(super) persistence: Persistence,
    pub(super) keep_alive: Option<KeepAlive>,
}

/// What only one of the roles has.
#[derive(Clone, Debug)]
pub(super) enum Start {
    Request { method: String, target: String, expectation: Expectation, upgrade: bool },
    Response { status: http::StatusCode },
}

impl From<&RequestHead<'_>> for Head {
    fn from(head: &RequestHead<'_>) -> Self {
        let start = Start::Request {
            // Both are ASCII: the core refuses anything else.
            method: String::from_utf8_lossy(head.method).into_owned(),
            target: String::from_utf8_lossy(head.target).into_owned(),
            expectation: head.expectation,
            upgrade: head.upgrade,
        };
        Self {
            start,
            version: head.version,
            framing: head.framing,
            rule: head.rule,
            persistence: head.persistence,
            keep_alive: head.keep_alive,
        }
    }
}

impl From<&ResponseHead<'_>> for Head {
    fn from(head: &ResponseHead<'_>) -> Self {
        Self {
            start: Start::Response { status: head.status },
            version: head.version,
            framing: head.framing,
            rule: head.rule,
            persistence: head.persistence,
            keep_alive: head.keep_alive,
        }
    }
}

/// A line to show and its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    pub(super) at: u64,
    pub(super) text: String,
}

/// The start line and the deciding field lines of a head.
#[derive(Debug, Default)]
pub(super) struct HeadLines {
    pub(super) shown: Vec<Line>,
    /// Field lines not shown.
    pub(super) others: u64,
    /// Place of the empty line, if the head has one.
    pub(super) empty: Option<u64>,
    /// What the first `Content-Length` says, also where it decides nothing.
    pub(super) content_length: Option<u64>,
}

impl HeadLines {
    /// Cuts `head`, whose first byte is at `start`. Also for heads that the core refuses.
    pub(super) fn of(head: &[u8], start: u64) -> Self {
        let mut lines = Self::default();
        let (mut at, mut shows) = (start, true);
        for line in head.split_inclusive(|&b| b == b'\n') {
            let text = trim_end(line);
            let folded = matches!(text, [b' ' | b'\t', ..]);
            let name = field_name(text);
            if text.is_empty() {
                lines.empty = Some(at);
                break;
            }
            if !folded {
                shows = at == start || DECIDING.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
                lines.others += u64::from(!shows);
            }
            if shows {
                lines.shown.push(Line { at, text: text::line(text) });
            }
            if name.eq_ignore_ascii_case(b"content-length") && lines.content_length.is_none() {
                lines.content_length = lengths(text).next();
            }
            at += line.len() as u64;
        }
        lines
    }
}

/// A line without its end.
pub(super) fn trim_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// What a careless program would take for the name of a field line.
pub(super) fn field_name(line: &[u8]) -> &[u8] {
    line.split(|&b| b == b':').next().unwrap_or_default().trim_ascii()
}

/// The numbers of a `Content-Length` line, as far as they are numbers.
pub(super) fn lengths(line: &[u8]) -> impl Iterator<Item = u64> {
    let colon = line.iter().position(|&b| b == b':').map_or(line.len(), |i| i + 1);
    line[colon..].split(|&b| b == b',').filter_map(|n| std::str::from_utf8(n.trim_ascii()).ok()?.parse().ok())
}

/// Content in short.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// Bytes so far, without the chunked coding.
    pub(super) len: u64,
    /// Place of its first byte: after the head, and after what the other side sent in between.
    pub(super) at: u64,
    pub(super) beginning: Vec<u8>,
    pub(super) chunks: Chunks,
}

/// The chunks of a chunked message, read off the bytes between the pieces of content.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    pub(super) shown: Vec<Chunk>,
    pub(super) count: u64,
    /// Set once the last chunk (size 0) has come.
    pub(super) last: Option<Chunk>,
    /// Bytes of coding since the last content, and where they start.
    coding: Vec<u8>,
    coding_at: u64,
}

/// One chunk.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    /// Place of its size line.
    pub(super) at: u64,
    pub(super) size: u64,
    /// As sent, escaped; empty if there are none.
    pub(super) extensions: String,
    pub(super) beginning: Vec<u8>,
    /// Bytes that have come.
    pub(super) came: u64,
}

impl Content {
    /// More content: `data` is the end of the `used` bytes, which start at `at`.
    pub(super) fn add(&mut self, used: &[u8], data: &[u8], at: u64, chunked: bool) {
        if self.len == 0 {
            self.at = at;
        }
        self.len += data.len() as u64;
        text::keep_for_preview(&mut self.beginning, data);
        if chunked {
            self.chunks.coding(&used[..used.len() - data.len()], at);
            self.chunks.data(data);
        }
    }
}

impl Chunks {
    /// Bytes of the coding: line ends, size lines, trailer section.
    pub(super) fn coding(&mut self, bytes: &[u8], at: u64) {
        if self.coding.is_empty() {
            self.coding_at = at;
        }
        self.coding.extend_from_slice(bytes);
    }

    fn data(&mut self, data: &[u8]) {
        if let Some((chunk, _)) = self.size_line() {
            self.coding.clear();
            self.count += 1;
            // The last place is the chunk under way; it is overwritten unless it is to be shown.
            self.shown.truncate(CHUNKS_SHOWN);
            self.shown.push(chunk);
        }
        if let Some(chunk) = self.shown.last_mut() {
            chunk.came += data.len() as u64;
            text::keep_for_preview(&mut chunk.beginning, data);
        }
    }

    /// The message is whole: what is left of the coding is the last chunk and the trailer section.
    pub(super) fn finish(&mut self) -> Vec<Line> {
        let Some((last, len)) = self.size_line() else { return Vec::new() };
        let (mut at, mut trailers) = (self.coding_at + len as u64, Vec::new());
        for line in self.coding[len..].split_inclusive(|&b| b == b'\n') {
            let text = trim_end(line);
            if !text.is_empty() {
                trailers.push(Line { at, text: text::line(text) });
            }
            at += line.len() as u64;
        }
        self.shown.truncate(CHUNKS_SHOWN);
        self.last = Some(last);
        trailers
    }

    /// The chunk whose content, or whose first byte of content, is awaited.
    pub(super) fn under_way(&self) -> Option<Chunk> {
        let begun = || self.shown.last().filter(|chunk| chunk.came < chunk.size).cloned();
        self.size_line().map(|(chunk, _)| chunk).or_else(begun)
    }

    /// The size line at the start of the coding, and where it ends there.
    fn size_line(&self) -> Option<(Chunk, usize)> {
        // The line end before it belongs to the chunk before it.
        let skip = if self.coding.starts_with(b"\r\n") { 2 } else { 0 };
        let feed = self.coding[skip..].iter().position(|&b| b == b'\n')?;
        let line = trim_end(&self.coding[skip..skip + feed]);
        let digits = line.iter().position(|b| !b.is_ascii_hexdigit()).unwrap_or(line.len());
        let size = u64::from_str_radix(std::str::from_utf8(&line[..digits]).ok()?, 16).ok()?;
        let extensions = line[digits..].trim_ascii().strip_prefix(b";").unwrap_or_default().trim_ascii();
        let at = self.coding_at + skip as u64;
        let chunk = Chunk { at, size, extensions: text::line(extensions), beginning: Vec::new(), came: 0 };
        Some((chunk, skip + feed + 1))
    }
}
