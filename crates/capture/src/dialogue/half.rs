//! One direction: bytes through the core, messages out.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use http::StatusCode;
use tenure_proto::{
    Client, CloseReason, Config, Connection, Directive, Event, Framing, KeepAlive, Limits, Persistence, ProtocolError,
    Role, Server, Version,
};

use crate::Moment;
use crate::flow::Piece;
use crate::life::Message;

/// One for all: a capture may hold many connections.
static CONFIG: LazyLock<Arc<Config>> = LazyLock::new(|| {
    let limits = Limits { outstanding: 16, ..Limits::default() };
    Arc::new(Config { limits, ..Config::default() })
});

/// A role whose heads are of interest here.
pub(super) trait Side: Role {
    fn head(head: &Self::Head<'_>, acked: u64, message: Message) -> Step;
    fn interim(head: &Self::Interim<'_>) -> Step;
}

impl Side for Server {
    fn head(head: &Self::Head<'_>, _: u64, message: Message) -> Step {
        // Both are ASCII: the core refuses anything else.
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let facts = RequestFacts {
            method: text(head.method),
            target: text(head.target),
            version: head.version,
            persistence: head.persistence,
            upgrade: head.upgrade,
        };
        Step::Request(facts, message)
    }

    fn interim(head: &Self::Interim<'_>) -> Step {
        match *head {}
    }
}

impl Side for Client {
    fn head(head: &Self::Head<'_>, acked: u64, message: Message) -> Step {
        let facts = ResponseFacts {
            status: head.status,
            persistence: head.persistence,
            keep_alive: head.keep_alive,
            framing: head.framing,
            acked,
        };
        Step::Response(facts, message)
    }

    fn interim(head: &Self::Interim<'_>) -> Step {
        Step::Interim(head.status)
    }
}

/// What is kept of a request's head.
#[derive(Clone, Debug)]
pub(super) struct RequestFacts {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) version: Version,
    pub(super) persistence: Persistence,
    pub(super) upgrade: bool,
}

/// What is kept of a final response's head.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResponseFacts {
    pub(super) status: StatusCode,
    pub(super) persistence: Persistence,
    pub(super) keep_alive: Option<KeepAlive>,
    pub(super) framing: Framing,
    /// What its server had received when it sent the first byte.
    pub(super) acked: u64,
}

/// What one step brought.
#[derive(Debug)]
pub(super) enum Step {
    NeedInput,
    Content,
    Request(RequestFacts, Message),
    Response(ResponseFacts, Message),
    Interim(StatusCode),
    /// The message is whole.
    End(Message),
    HandOver,
    /// No further message is read.
    Over(CloseReason),
    /// The core refused; the message under way, if one had begun.
    Failed(ProtocolError, Option<Message>),
}

/// The core in the role `R`, and the message on its way.
#[derive(Debug)]
pub(super) struct Half<R: Side> {
    pub(super) connection: Connection<R>,
    /// Bytes not used yet, and the place of the first.
    rest: Vec<u8>,
    at: u64,
    /// The piece that the newest bytes of `rest` came with.
    newest: Option<(Moment, u64)>,
    message: Option<Message>,
    /// What had been acknowledged when the message under way began.
    acked: u64,
    has_content: bool,
    /// The core measures waits; here nobody waits.
    now: Instant,
}

impl<R: Side> Half<R> {
    pub(super) fn new() -> Self {
        Self {
            connection: Connection::new(Arc::clone(&CONFIG)),
            rest: Vec::new(),
            at: 0,
            newest: None,
            message: None,
            acked: 0,
            has_content: false,
            now: Instant::now(),
        }
    }

    /// More bytes, behind those that are there.
    pub(super) fn add(&mut self, piece: &Piece) {
        if self.rest.is_empty() {
            self.at = piece.at;
        }
        self.rest.extend_from_slice(&piece.bytes);
        self.newest = Some((piece.moment, piece.acked));
    }

    /// Bytes that nobody will read.
    pub(super) fn pass(&mut self, piece: &Piece) {
        self.rest = Vec::new();
        self.at = piece.at + piece.bytes.len() as u64;
    }

    /// Takes one step.
    pub(super) fn step(&mut self) -> Step {
        let Some((moment, acked)) = self.newest else { return Step::NeedInput };
        let rest = std::mem::take(&mut self.rest);
        let (used, step) = self.receive(&rest, moment, acked);
        self.rest = rest;
        self.rest.drain(..used);
        self.at += used as u64;
        step
    }

    fn receive(&mut self, rest: &[u8], moment: Moment, acked: u64) -> (usize, Step) {
        let (used, event) = match self.connection.receive(rest, self.now) {
            Ok(step) => step,
            Err(error) => {
                let begun = Message::begun(self.at, moment);
                return (0, Step::Failed(error, Some(self.message.take().unwrap_or(begun))));
            }
        };
        let over = matches!(event, Event::HandOver | Event::Closed | Event::Paused);
        let begins = used < rest.len() || !matches!(event, Event::NeedInput);
        if !over && begins && self.message.is_none() {
            // Empty lines before a request are no part of it.
            let skipped = if R::IS_SERVER { empty_lines(rest) } else { 0 };
            self.message = Some(Message::begun(self.at + skipped as u64, moment));
            self.acked = acked;
            self.has_content = false;
        }
        let end = self.at + used as u64;
        let message = self.message.unwrap_or(Message::begun(end, moment)).until(end, moment);
        let step = match event {
            Event::Head(head) => R::head(&head, self.acked, message),
            Event::Interim(head) => R::interim(&head),
            Event::Content(_) => {
                self.has_content = true;
                Step::Content
            }
            Event::End(_) => Step::End(message.whole(moment)),
            Event::NeedInput | Event::Paused => Step::NeedInput,
            Event::HandOver => Step::HandOver,
            Event::Closed => Step::Over(self.connection.directive().reason().unwrap_or(CloseReason::PeerFin)),
        };
        let handed_over = self.connection.directive() == Directive::HandOver;
        self.message = match step {
            Step::End(_) | Step::Interim(_) => None,
            Step::Response(..) if handed_over => None,
            _ => self.message.map(|begun| begun.until(end, moment)),
        };
        (used, step)
    }

    /// The sender closed.
    pub(super) fn end_of_input(&mut self, moment: Moment) -> Step {
        match self.connection.receive_eof() {
            Ok(Event::End(_)) => match self.message.take() {
                Some(message) => Step::End(message.whole(moment)),
                None => Step::NeedInput,
            },
            Ok(_) => Step::NeedInput,
            Err(error) => Step::Failed(error, None),
        }
    }

    /// Goes on behind bytes that the capture lacks, if they are content whose length is known.
    pub(super) fn skip(&mut self, piece: &Piece) -> bool {
        let known = self.connection.is_receiving_content() && self.rest.is_empty();
        if !known || self.connection.content_left().is_none_or(|left| left < piece.missing) {
            return false;
        }
        let zeros = [0; 16 * 1024];
        let mut left = piece.missing;
        while left > 0 {
            let some = &zeros[..usize::try_from(left).unwrap_or(usize::MAX).min(zeros.len())];
            let Ok((used, _)) = self.connection.receive(some, self.now) else { return false };
            if used == 0 {
                return false;
            }
            left -= used as u64;
            self.at = piece.at + piece.bytes.len() as u64 + piece.missing - left;
        }
        self.has_content = true;
        self.message = self.message.map(|message| message.until(self.at, piece.moment));
        true
    }

    /// The message under way will not be completed, and nobody misses it.
    pub(super) fn forget(&mut self) {
        self.message = None;
    }

    pub(super) const fn has_no_content(&self) -> bool {
        self.message.is_some() && !self.has_content
    }

    pub(super) fn rest(&self) -> &[u8] {
        &self.rest
    }

    /// When the newest bytes passed, and what their sender had received by then.
    pub(super) const fn newest(&self) -> Option<(Moment, u64)> {
        self.newest
    }

    /// The place up to which the capture's bytes go.
    pub(super) const fn received_to(&self) -> u64 {
        self.at + self.rest.len() as u64
    }
}

fn empty_lines(input: &[u8]) -> usize {
    input.chunks_exact(2).take_while(|pair| *pair == b"\r\n").count() * 2
}
