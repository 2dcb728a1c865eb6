//! One direction of a connection: bytes through the core, messages out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tenure_proto::{Client, Config, Connection, Directive, Event, Framing, Limits, ProtocolError, Role, Server};

use super::message::{Content, Head, HeadLines, Message};

/// A role whose heads can be shown.
pub(super) trait Side: Role {
    fn head(head: &Self::Head<'_>) -> Head;
    fn interim(head: &Self::Interim<'_>) -> Head;
}

impl Side for Server {
    fn head(head: &Self::Head<'_>) -> Head {
        head.into()
    }

    fn interim(head: &Self::Interim<'_>) -> Head {
        match *head {}
    }
}

impl Side for Client {
    fn head(head: &Self::Head<'_>) -> Head {
        head.into()
    }

    fn interim(head: &Self::Interim<'_>) -> Head {
        head.into()
    }
}

/// The core in the role `R`, and the message on its way.
pub(super) struct Half<R: Side> {
    pub(super) connection: Connection<R>,
    /// The message whose head has come and whose end has not.
    pub(super) message: Option<Message>,
    /// Place of the first byte of the message under way, also before its head is whole.
    start: Option<u64>,
    since: Option<Duration>,
    /// Bytes of empty lines before it, which a server skips.
    pub(super) skipped: usize,
    /// The core measures waits; here nobody waits.
    now: Instant,
}

/// What one step brought.
pub(super) enum Step {
    /// All that was given is looked at, and nothing is whole yet.
    NeedInput,
    /// Empty lines before a request were skipped.
    Skipped,
    /// A head; its message is [`Half::message`].
    Head,
    /// Some content.
    Content,
    /// An interim response.
    Interim(Message),
    /// The message is whole.
    End(Message),
    /// The core refused.
    Failed(Failure),
    /// The connection takes nothing more in this direction.
    Over,
}

/// A broken rule or an incomplete message.
pub(super) struct Failure {
    pub(super) error: ProtocolError,
    /// Place of the offending byte.
    pub(super) at: u64,
    /// Place of the message's first byte.
    pub(super) start: u64,
    /// The message, if its head was whole.
    pub(super) message: Option<Message>,
}

impl<R: Side> Half<R> {
    pub(super) fn new() -> Self {
        let limits = Limits { outstanding: 16, ..Limits::default() };
        Self {
            connection: Connection::new(Arc::new(Config { limits, ..Config::default() })),
            message: None,
            start: None,
            since: None,
            skipped: 0,
            now: Instant::now(),
        }
    }

    /// True if the first byte of a message has come and the last has not.
    pub(super) const fn is_under_way(&self) -> bool {
        self.start.is_some()
    }

    /// Takes one step. `input` starts at `at`; returns how much of it was used.
    pub(super) fn step(&mut self, input: &[u8], at: u64, time: Option<Duration>) -> (usize, Step) {
        let received = self.connection.received();
        let result = self.connection.receive(input, self.now);
        let (used, event) = match result {
            Ok(step) => step,
            Err(error) => {
                self.note_start(input, at, time);
                return (0, self.failed(error, at + (error.offset() - received), at));
            }
        };
        let end = at + used as u64;
        if matches!(event, Event::HandOver | Event::Closed | Event::Paused) {
            return (used, Step::Over);
        }
        if used < input.len() || matches!(event, Event::Head(_) | Event::Interim(_)) {
            self.note_start(input, at, time);
        }
        let step = match event {
            Event::Head(head) => self.head(R::head(&head), &input[..used], end, time),
            Event::Interim(head) => self.interim(R::interim(&head), &input[..used], end, time),
            Event::Content(data) => {
                self.content(&input[..used], data, at, end, time);
                Step::Content
            }
            Event::End(_) => return (used, self.end(&input[..used], at, time)),
            Event::NeedInput if self.message.is_none() && used > 0 => {
                self.skipped += used;
                Step::Skipped
            }
            _ => {
                self.coding(&input[..used], at, end, time);
                Step::NeedInput
            }
        };
        (used, step)
    }

    fn note_start(&mut self, input: &[u8], at: u64, time: Option<Duration>) {
        if self.message.is_some() || input.is_empty() {
            return;
        }
        // Empty lines that a server skips are no part of a message.
        let skipped = if R::IS_SERVER { empty_lines(input) } else { 0 };
        self.start = Some(at + skipped as u64);
        self.since = self.since.or(time);
    }

    /// The sender's bytes end at `at`.
    pub(super) fn end_of_input(&mut self, at: u64, time: Option<Duration>) -> Step {
        match self.connection.receive_eof() {
            Ok(Event::End(_)) => self.end(&[], at, time),
            Ok(_) => Step::Over,
            Err(error) => self.failed(error, at, at),
        }
    }

    fn head(&mut self, head: Head, used: &[u8], end: u64, time: Option<Duration>) -> Step {
        self.message = self.begin(head, used, end, time);
        // A message that ends HTTP on this connection ends with its head.
        match self.message.take_if(|_| self.connection.directive() == Directive::HandOver) {
            Some(message) => self.whole(message),
            None => Step::Head,
        }
    }

    fn interim(&mut self, head: Head, used: &[u8], end: u64, time: Option<Duration>) -> Step {
        match self.begin(head, used, end, time) {
            Some(message) => self.whole(message),
            None => Step::NeedInput,
        }
    }

    fn begin(&mut self, head: Head, used: &[u8], end: u64, time: Option<Duration>) -> Option<Message> {
        let start = self.start?;
        let skipped = used.len() - usize::try_from(end - start).unwrap_or(0).min(used.len());
        self.skipped += skipped;
        Some(Message {
            start,
            head,
            lines: HeadLines::of(&used[skipped..], start),
            head_end: end,
            head_shown: false,
            content: Content::default(),
            trailers: Vec::new(),
            end,
            times: self.since.zip(time),
        })
    }

    fn content(&mut self, used: &[u8], data: &[u8], at: u64, end: u64, time: Option<Duration>) {
        if let Some(message) = &mut self.message {
            message.content.add(used, data, at, message.head.framing == Framing::Chunked);
            message.end = end;
            message.times = self.since.zip(time);
        }
    }

    fn coding(&mut self, used: &[u8], at: u64, end: u64, time: Option<Duration>) {
        if let Some(message) = self.message.as_mut().filter(|_| !used.is_empty()) {
            message.content.chunks.coding(used, at);
            message.end = end;
            message.times = self.since.zip(time);
        }
    }

    fn end(&mut self, used: &[u8], at: u64, time: Option<Duration>) -> Step {
        let Some(mut message) = self.message.take() else { return Step::Over };
        if !used.is_empty() {
            message.content.chunks.coding(used, at);
            message.end = at + used.len() as u64;
            message.times = self.since.zip(time);
        }
        message.trailers = message.content.chunks.finish();
        self.whole(message)
    }

    fn whole(&mut self, message: Message) -> Step {
        self.start = None;
        self.since = None;
        match &message.head.start {
            super::message::Start::Response { status } if status.is_informational() && status.as_u16() != 101 => {
                Step::Interim(message)
            }
            _ => Step::End(message),
        }
    }

    fn failed(&mut self, error: ProtocolError, at: u64, here: u64) -> Step {
        let start = self.start.take().unwrap_or(here);
        Step::Failed(Failure { error, at, start, message: self.message.take() })
    }
}

/// The length of the empty lines that `input` begins with.
pub(super) fn empty_lines(input: &[u8]) -> usize {
    input.chunks_exact(2).take_while(|pair| *pair == b"\r\n").count() * 2
}
