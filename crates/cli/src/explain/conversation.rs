//! Both directions of one connection: requests through the server's core, responses through the
//! client's, and which response answers which request (RFC 9112 section 9.2).

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use http::StatusCode;
use tenure_proto::{Client, CloseReason, Directive, Framing, FramingRule, Persistence, RequestLine, Server, Version};

use super::failure;
use super::half::{Failure, Half, Step};
use super::message::{Message, Start};
use super::page::{Page, Tone};
use super::show;
use super::text::count;

/// Which direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    Requests,
    Responses,
}

/// Bytes of one direction, as far as they are at hand, and the place of the first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) base: u64,
}

impl<'a> Seen<'a> {
    /// The bytes from the place `at` on.
    pub(super) fn from(&self, at: u64) -> &'a [u8] {
        let skip = usize::try_from(at.saturating_sub(self.base)).unwrap_or(usize::MAX);
        self.bytes.get(skip..).unwrap_or_default()
    }

    /// The place after the last byte.
    pub(super) const fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }
}

/// What to do after a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// Step on.
    Proceed,
    /// Nothing more can be said before more bytes come.
    NeedInput,
    /// No further message is read in this direction.
    Over,
    /// Something is wrong, and nothing more can be said about this direction.
    Failed,
}

/// A request whose response is not whole.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// `None`: not seen, assumed.
    pub(super) number: Option<u64>,
    pub(super) method: String,
    pub(super) target: String,
    version: Version,
    pub(super) persistence: Persistence,
    upgrade: bool,
}

/// How messages are named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// Raw bytes: one place for both directions.
    Capture,
    /// A wire log: each direction has its own places, and times.
    Log,
}

/// What was found.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Tally {
    pub(super) requests: u64,
    pub(super) responses: u64,
    pub(super) problems: u64,
}

impl Tally {
    /// One sentence.
    pub(super) fn text(self) -> String {
        let found = [(self.requests, "request"), (self.responses, "response"), (self.problems, "problem")];
        let found: Vec<_> = found.iter().filter(|(n, _)| *n > 0).map(|(n, what)| count(*n, what)).collect();
        format!("In all: {}.", if found.is_empty() { "no message".to_owned() } else { found.join(", ") })
    }
}

/// One connection.
pub(super) struct Conversation {
    form: Form,
    pub(super) requests: Half<Server>,
    pub(super) responses: Half<Client>,
    /// Oldest first.
    asked: VecDeque<Asked>,
    /// How many of `asked` the client's core was told of.
    told: usize,
    /// Methods of requests that the input does not hold.
    methods: VecDeque<String>,
    pub(super) tally: Tally,
    /// Where the message before ended, if `Content-Length` said so.
    counted_end: Option<u64>,
    /// The connection is known to have ended, by a FIN or a reset.
    pub(super) ended: bool,
}

impl Conversation {
    /// `methods` are those of the requests, in order, for responses that come alone.
    pub(super) fn new(form: Form, methods: &[String]) -> Self {
        Self {
            form,
            requests: Half::new(),
            responses: Half::new(),
            asked: VecDeque::new(),
            told: 0,
            methods: methods.iter().cloned().collect(),
            tally: Tally::default(),
            counted_end: None,
            ended: false,
        }
    }

    /// Takes one step in one direction from the place `at`. Returns how many bytes were used.
    pub(super) fn step(
        &mut self,
        way: Way,
        seen: Seen<'_>,
        at: u64,
        time: Option<Duration>,
        page: &mut Page<'_>,
    ) -> io::Result<(usize, Next)> {
        let input = seen.from(at);
        let handed_over = self.responses.connection.directive() == Directive::HandOver;
        if handed_over && !self.requests.is_under_way() {
            return Ok((0, Next::Over));
        }
        let (used, step) = match way {
            Way::Requests => self.requests.step(input, at, time),
            Way::Responses => {
                if !input.is_empty() {
                    self.assume();
                }
                self.responses.step(input, at, time)
            }
        };
        let next = self.act(way, step, seen, page)?;
        Ok((used, next))
    }

    /// The sender closed, or the input ends, at the place `at`.
    pub(super) fn end_of_input(
        &mut self,
        way: Way,
        seen: Seen<'_>,
        time: Option<Duration>,
        page: &mut Page<'_>,
    ) -> io::Result<()> {
        let at = seen.end();
        let step = match way {
            Way::Requests => self.requests.end_of_input(at, time),
            Way::Responses => self.responses.end_of_input(at, time),
        };
        self.act(way, step, seen, page)?;
        Ok(())
    }

    /// Requests without a whole response.
    pub(super) fn unanswered(&self) -> impl Iterator<Item = u64> {
        self.asked.iter().filter_map(|asked| asked.number)
    }

    /// True if the answer to the last request may end HTTP on this connection.
    pub(super) fn may_be_handed_over(&self) -> bool {
        self.asked.back().is_some_and(|asked| asked.upgrade || asked.method == "CONNECT")
    }

    /// True while the client waits for 100 (Continue) or a final answer.
    pub(super) fn waits_for_continue(&self) -> bool {
        self.requests.connection.expects_continue()
            && self.requests.message.as_ref().is_some_and(|m| m.content.len == 0)
    }

    fn act(&mut self, way: Way, step: Step, seen: Seen<'_>, page: &mut Page<'_>) -> io::Result<Next> {
        match step {
            Step::NeedInput => return Ok(Next::NeedInput),
            Step::Over => return Ok(Next::Over),
            Step::Content => {}
            Step::Skipped => {}
            Step::Head => {
                self.empty_lines(page)?;
                match way {
                    Way::Requests => self.request_begins(),
                    Way::Responses => self.response_begins(),
                }
            }
            Step::Interim(message) => self.interim(&message, page)?,
            Step::End(message) => {
                let counted = matches!(message.head.rule, FramingRule::ContentLength);
                self.counted_end = counted.then_some(message.end);
                match way {
                    Way::Requests => self.request_ends(&message, page)?,
                    Way::Responses => self.response_ends(&message, page)?,
                }
            }
            Step::Failed(failure) => {
                self.empty_lines(page)?;
                self.failed(way, &failure, seen, page)?;
                return Ok(Next::Failed);
            }
        }
        Ok(Next::Proceed)
    }

    /// Mentions empty lines between messages, once.
    fn empty_lines(&mut self, page: &mut Page<'_>) -> io::Result<()> {
        match std::mem::take(&mut self.requests.skipped) {
            0 => Ok(()),
            bytes => show::empty_lines(page, bytes),
        }
    }

    fn request_begins(&mut self) {
        let Some(Message { head, .. }) = &self.requests.message else { return };
        let Start::Request { method, target, upgrade, .. } = &head.start else { return };
        self.tally.requests += 1;
        self.asked.push_back(Asked {
            number: Some(self.tally.requests),
            method: method.clone(),
            target: target.clone(),
            version: head.version,
            persistence: head.persistence,
            upgrade: *upgrade,
        });
        self.tell();
    }

    /// Before the first byte of a response whose request the input does not hold.
    fn assume(&mut self) {
        if self.form == Form::Log || self.tally.requests > 0 || !self.asked.is_empty() {
            return;
        }
        let method = self.methods.pop_front().unwrap_or_else(|| "GET".to_owned());
        let target = if method == "CONNECT" { "host:1" } else { "/" };
        self.asked.push_back(Asked {
            number: None,
            target: target.to_owned(),
            method,
            version: Version::Http11,
            persistence: Persistence::Persist,
            // So that a 101 is taken for what it is.
            upgrade: true,
        });
        self.tell();
    }

    /// Tells the client's core of requests, as many as it keeps.
    fn tell(&mut self) {
        while let Some(asked) = self.asked.get(self.told) {
            let line = RequestLine { method: &asked.method, target: &asked.target, version: asked.version };
            // A request after which the server closes is the last one, whatever words it used.
            let close = (asked.persistence != Persistence::Persist).then_some((&b"connection"[..], &b"close"[..]));
            let upgrade: &[(&[u8], &[u8])] = &[(b"connection", b"upgrade"), (b"upgrade", b"any")];
            let upgrade = if asked.upgrade { upgrade } else { &[] };
            let fields = close.into_iter().chain(upgrade.iter().copied());
            let client = &mut self.responses.connection;
            let scratch = &mut Vec::new();
            // Refused when sixteen wait, or when the connection closes: then the rest is not answered.
            let sent = client.send_head(line, fields, Some(0), scratch).and_then(|_| client.send_end([], scratch));
            if sent.is_err() {
                return;
            }
            self.told += 1;
        }
    }

    fn response_begins(&mut self) {
        if self.waits_for_continue() {
            // The client may leave its content out, so the server cannot tell where a next request starts.
            self.responses.connection.close_after_current(CloseReason::UnreadContent);
        }
    }

    fn interim(&mut self, message: &Message, page: &mut Page<'_>) -> io::Result<()> {
        if matches!(message.head.start, Start::Response { status } if status == StatusCode::CONTINUE) {
            // Fails only if no request is under way: then nobody waits for it.
            let _ = self.requests.connection.send_interim(StatusCode::CONTINUE, [], &mut Vec::new());
        }
        self.show_request_under_way(page)?;
        show::interim(page, self.form, message, self.asked.front())
    }

    /// So that a request stands before what answers it.
    fn show_request_under_way(&mut self, page: &mut Page<'_>) -> io::Result<()> {
        match self.requests.message.as_mut().filter(|message| !message.head_shown) {
            Some(message) => show::request_begins(page, self.form, message, self.tally.requests),
            None => Ok(()),
        }
    }

    fn request_ends(&mut self, message: &Message, page: &mut Page<'_>) -> io::Result<()> {
        let number = self.tally.requests;
        let closed = self.requests.connection.persistence();
        show::request(page, self.form, message, number, closed)?;
        self.answer();
        Ok(())
    }

    /// The server's core takes a next request only after it has answered this one.
    fn answer(&mut self) {
        let server = &mut self.requests.connection;
        let scratch = &mut Vec::new();
        // No 2xx: to CONNECT it would mean a tunnel, and the real answer decides about that. It
        // fails only if the connection closes, and then no next request is due.
        let _ = server
            .send_head(StatusCode::METHOD_NOT_ALLOWED, [], Some(0), scratch)
            .and_then(|_| server.send_end([], scratch));
    }

    fn response_ends(&mut self, message: &Message, page: &mut Page<'_>) -> io::Result<()> {
        self.tally.responses += 1;
        let asked = self.asked.pop_front();
        self.told = self.told.saturating_sub(1);
        self.tell();
        if self.waits_for_continue() {
            self.answer();
            if let Some(request) = self.requests.message.take() {
                show::refused(page, self.form, &request, self.tally.requests)?;
            }
        }
        let early = self.requests.message.is_some() && self.asked.is_empty();
        if early {
            self.show_request_under_way(page)?;
        }
        let context = show::Answer {
            number: self.tally.responses,
            asked: asked.as_ref(),
            directive: self.responses.connection.directive(),
            next_asked: self.asked.front().and_then(|a| a.number),
            early,
        };
        // Section 6.1: such a response ought to be handled as an error.
        self.tally.problems += u64::from(message.head.rule == FramingRule::CodingOverLength);
        show::response(page, self.form, message, &context)
    }

    fn failed(&mut self, way: Way, failure: &Failure, seen: Seen<'_>, page: &mut Page<'_>) -> io::Result<()> {
        self.tally.problems += 1;
        let head_failed = failure.message.is_none();
        if way == Way::Requests && head_failed {
            // A server answers it, so its response is not unasked for.
            self.tally.requests += 1;
            self.asked.push_back(unreadable(self.tally.requests));
            self.tell();
        }
        failure::show(page, failure, seen, &self.place(way))
    }

    /// The server reset the connection, after the bytes in `seen`.
    pub(super) fn reset(&mut self, seen: Seen<'_>, time: Option<Duration>, page: &mut Page<'_>) -> io::Result<()> {
        let until_close = |message: &mut Message| message.head.framing == Framing::CloseDelimited;
        let Some(message) = self.responses.message.take_if(until_close) else {
            return self.end_of_input(Way::Responses, seen, time, page);
        };
        self.tally.problems += 1;
        failure::reset(page, &message, &self.place(Way::Responses))
    }

    fn place(&self, way: Way) -> failure::Place<'_> {
        failure::Place {
            form: self.form,
            way,
            number: if way == Way::Requests { self.tally.requests } else { self.tally.responses + 1 },
            asked: self.asked.front(),
            counted_end: self.counted_end,
            closed: self.ended,
        }
    }

    /// Why no further message is read in this direction, once that is so.
    pub(super) fn closed(&self, way: Way) -> Option<CloseReason> {
        let responses = self.responses.connection.directive();
        match (way, self.requests.connection.directive()) {
            _ if responses == Directive::HandOver => Some(CloseReason::HandedOver),
            (Way::Responses, _) => responses.reason(),
            (Way::Requests, Directive::Proceed) => responses.reason(),
            (Way::Requests, directive) => directive.reason(),
        }
    }

    /// The last line: what was found.
    pub(super) fn sum_up(&mut self, page: &mut Page<'_>) -> io::Result<()> {
        self.empty_lines(page)?;
        let Tally { responses, problems, .. } = self.tally;
        let mut text = self.tally.text();
        if responses > 0 || self.form == Form::Log {
            let unanswered: Vec<_> = self.unanswered().map(|n| n.to_string()).collect();
            match &unanswered[..] {
                [] => {}
                [one] => text += &format!(" Request {one} has no whole response here."),
                many => text += &format!(" Requests {} have no whole response here.", many.join(", ")),
            }
        }
        page.blank()?;
        page.prose(if problems == 0 { Tone::Plain } else { Tone::Bad }, &text)
    }
}

/// Stands for a request that could not be read.
fn unreadable(number: u64) -> Asked {
    Asked {
        number: Some(number),
        method: "GET".to_owned(),
        target: "/".to_owned(),
        version: Version::Http11,
        persistence: Persistence::Close(CloseReason::Malformed),
        upgrade: false,
    }
}
