//! A wire log: each connection apart, both directions in the order of time, and who closed.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use tenure_proto::{CloseReason, Framing};

use super::conversation::{Conversation, Form, Next, Seen, Tally, Way};
use super::page::{Page, Tone};
use super::text::{self, count};
use crate::wire::{self, Direction, Entry, Record};

/// Bytes kept before the ones at work, to be shown around a fault.
const HISTORY: usize = 64;

/// Explains every connection in `records`. `cut`: the log ends inside a record.
pub(super) fn explain(records: &[Record<'_>], cut: bool, page: &mut Page<'_>) -> io::Result<Tally> {
    let mut total = Tally::default();
    let connections = by_connection(records);
    for (number, records) in &connections {
        let tally = connection(*number, records, page)?;
        total.requests += tally.requests;
        total.responses += tally.responses;
        total.problems += tally.problems;
    }
    if cut {
        total.problems += 1;
        page.blank()?;
        page.prose(Tone::Bad, "The log ends inside a record: the program that wrote it did not finish.")?;
    }
    if connections.is_empty() && !cut {
        page.blank()?;
        page.prose(Tone::Plain, "It has no connection: none was made while it was written.")?;
    }
    if connections.len() > 1 {
        page.blank()?;
        page.prose(Tone::Plain, &format!("{} connections. {}", connections.len(), total.text()))?;
    }
    Ok(total)
}

/// In the order in which they begin.
fn by_connection<'r, 'a>(records: &'r [Record<'a>]) -> Vec<(u64, Vec<&'r Record<'a>>)> {
    let mut index = HashMap::new();
    let mut connections: Vec<(u64, Vec<_>)> = Vec::new();
    for record in records {
        let at = *index.entry(record.connection).or_insert(connections.len());
        if at == connections.len() {
            connections.push((record.connection, Vec::new()));
        }
        connections[at].1.push(record);
    }
    connections
}

fn connection(number: u64, records: &[&Record<'_>], page: &mut Page<'_>) -> io::Result<Tally> {
    let bytes = |way: Direction| {
        let len = |record: &&Record<'_>| match record.entry {
            Entry::Bytes(direction, bytes) if direction == way => bytes.len() as u64,
            _ => 0,
        };
        count(records.iter().map(len).sum(), "byte")
    };
    let (sent, received) = (bytes(Direction::Sent), bytes(Direction::Received));
    page.title(&format!("=== connection {number}: {sent} from the client (>), {received} from the server (<)"))?;
    let mut log = Log::new();
    records.iter().try_for_each(|record| log.record(record, page))?;
    log.finish(page)?;
    Ok(log.conversation.tally)
}

struct Log {
    conversation: Conversation,
    sent: Stream,
    received: Stream,
}

impl Log {
    fn new() -> Self {
        Self { conversation: Conversation::new(Form::Log, &[]), sent: Stream::new(), received: Stream::new() }
    }

    fn record(&mut self, record: &Record<'_>, page: &mut Page<'_>) -> io::Result<()> {
        let time = record.since_start;
        match &record.entry {
            Entry::Bytes(Direction::Sent, bytes) => {
                self.sent.push(bytes);
                self.sent.explain(&mut self.conversation, Way::Requests, time, page)
            }
            Entry::Bytes(Direction::Received, bytes) => {
                self.received.push(bytes);
                self.received.explain(&mut self.conversation, Way::Responses, time, page)
            }
            Entry::Event(text) => self.event(text, time, page),
        }
    }

    fn event(&mut self, event: &str, time: Duration, page: &mut Page<'_>) -> io::Result<()> {
        let at = text::time(time);
        match event {
            wire::FIN_RECEIVED => {
                page.title(&format!("< {at}: the server closes its side (FIN), after byte {}", self.received.end()))?;
                page.note(Tone::Plain, &self.meaning_of_fin())?;
                self.conversation.ended = true;
                self.received.finish(&mut self.conversation, Way::Responses, time, page)
            }
            wire::RESET_RECEIVED => {
                page.title(&format!("< {at}: the server resets the connection (RST)"))?;
                page.note(Tone::Bad, "bytes on their way, in both directions, may be lost (RFC 9112 section 9.6)")?;
                self.conversation.ended = true;
                self.received.ended = true;
                self.conversation.reset(self.received.seen(), Some(time), page)
            }
            wire::FIN_SENT => {
                page.title(&format!("> {at}: the client closes its side (FIN), after byte {}", self.sent.end()))?;
                self.client_ends(time, page)
            }
            other => {
                let escaped: String = other.chars().flat_map(char::escape_debug).collect();
                page.title(&format!("* {at}: {escaped}"))
            }
        }
    }

    /// What the server's FIN says, given what was owed.
    fn meaning_of_fin(&self) -> String {
        use CloseReason::{CloseDelimited, CloseOption, FaultyFraming, Http10, LastMessage, UnreadContent};
        let responses = &self.conversation.responses;
        if responses.message.as_ref().is_some_and(|m| m.head.framing == Framing::CloseDelimited) {
            return "it ends the response under way, since nothing else says where that ends:".into();
        }
        if self.conversation.unanswered().next().is_some() {
            return "before every response was whole:".into();
        }
        match responses.connection.directive().reason() {
            Some(CloseOption | LastMessage | Http10 | FaultyFraming | UnreadContent | CloseDelimited) => {
                "as announced: every response was whole before it, so it ends the connection and no message".into()
            }
            Some(CloseReason::HandedOver) => "the protocol that took over knows what it means".into(),
            Some(why) => format!("the client had given the connection up: {why}"),
            None => "between two messages: nothing was owed, so nothing is lost; a request sent now would meet a \
                     closed connection (RFC 9112 section 9.5)"
                .into(),
        }
    }

    fn client_ends(&mut self, time: Duration, page: &mut Page<'_>) -> io::Result<()> {
        self.conversation.ended = true;
        let whole = !self.conversation.requests.is_under_way();
        if whole {
            let owed = self.conversation.unanswered().next().is_some() && !self.received.ended;
            page.note(
                Tone::Plain,
                match owed {
                    false => "all its requests were whole",
                    true => "all its requests were whole; a server still answers what it has received",
                },
            )?;
        }
        self.sent.finish(&mut self.conversation, Way::Requests, time, page)
    }

    /// The log is over: what is cut off, what was left over.
    fn finish(&mut self, page: &mut Page<'_>) -> io::Result<()> {
        for (stream, way) in [(&mut self.sent, Way::Requests), (&mut self.received, Way::Responses)] {
            let under_way = match way {
                Way::Requests => self.conversation.requests.is_under_way(),
                Way::Responses => self.conversation.responses.is_under_way(),
            };
            if under_way && !stream.ended {
                self.conversation.end_of_input(way, stream.seen(), None, page)?;
            }
            if let State::Over = stream.state
                && stream.end() > stream.at
            {
                let whose = if way == Way::Requests { "client" } else { "server" };
                let (at, left) = (stream.at, count(stream.end() - stream.at, "byte"));
                let text = match self.conversation.closed(way) {
                    Some(CloseReason::HandedOver) => format!("{left} from the {whose} are another protocol's."),
                    _ => format!("{left} from the {whose} are read by nobody: the connection is over."),
                };
                page.blank()?;
                page.prose(Tone::Hint, &format!("From byte {at} on {text}"))?;
            }
        }
        self.conversation.sum_up(page)
    }
}

/// The bytes of one direction, as far as they are still needed.
struct Stream {
    bytes: Vec<u8>,
    /// Place of the first byte kept.
    base: u64,
    /// Place of the first byte not used.
    at: u64,
    state: State,
    /// The sender has closed.
    ended: bool,
    /// Bytes that came later and were not kept.
    dropped: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Open,
    /// No further message is read.
    Over,
    Failed,
}

impl Stream {
    const fn new() -> Self {
        Self { bytes: Vec::new(), base: 0, at: 0, state: State::Open, ended: false, dropped: 0 }
    }

    fn seen(&self) -> Seen<'_> {
        Seen { bytes: &self.bytes, base: self.base }
    }

    fn end(&self) -> u64 {
        self.seen().end() + self.dropped
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.state != State::Open {
            self.dropped += bytes.len() as u64;
            return;
        }
        let used = usize::try_from(self.at - self.base).unwrap_or(0);
        let drop = used.saturating_sub(HISTORY);
        self.bytes.drain(..drop);
        self.base += drop as u64;
        self.bytes.extend_from_slice(bytes);
    }

    fn explain(&mut self, talk: &mut Conversation, way: Way, time: Duration, page: &mut Page<'_>) -> io::Result<()> {
        while self.state == State::Open {
            let (used, next) = talk.step(way, self.seen(), self.at, Some(time), page)?;
            match next {
                Next::Proceed => self.at += used as u64,
                Next::NeedInput => {
                    self.at += used as u64;
                    return Ok(());
                }
                Next::Over => self.state = State::Over,
                Next::Failed => self.state = State::Failed,
            }
        }
        Ok(())
    }

    fn finish(&mut self, talk: &mut Conversation, way: Way, time: Duration, page: &mut Page<'_>) -> io::Result<()> {
        if self.ended {
            return Ok(());
        }
        self.ended = true;
        talk.end_of_input(way, self.seen(), Some(time), page)
    }
}
