//! What was said: requests through the server's core, responses through the client's, and which
//! response answers which request (RFC 9112 section 9.2).

mod half;

use std::collections::VecDeque;

use http::StatusCode;
use tenure_proto::{Client, CloseReason, Directive, ErrorKind, Framing, Persistence, RequestLine, Server, Version};

use crate::flow::Piece;
use crate::life::{Exchange, Message, Response, Said, Stop};
use crate::{Moment, Who};
use half::{Half, Step};

/// Characters of a request target that are kept.
const TARGET: usize = 512;

/// The HTTP/1 of one connection.
#[derive(Debug)]
pub(crate) struct Dialogue {
    requests: Half<Server>,
    responses: Half<Client>,
    exchanges: Vec<Exchange>,
    /// Requests without a whole response, oldest first: their places in `exchanges`.
    open: VecDeque<usize>,
    /// How many of `open` the client's core was told of.
    told: usize,
    lines: VecDeque<Line>,
    /// Nothing more is read in this direction.
    stops: [Option<Stop>; 2],
    /// The last message that said the connection ends, and who sent it.
    said: Option<Said>,
    /// Bytes from the server that nobody had asked for.
    unasked: Option<(Moment, Option<u16>)>,
    /// Both sides are taken up in the middle of the connection, until a request begins.
    searching: bool,
    /// Exchanges that are not kept, since there are too many.
    most: usize,
}

/// What the client's core must know of a request.
#[derive(Clone, Debug)]
struct Line {
    method: String,
    version: Version,
    persistence: Persistence,
    upgrade: bool,
}

impl Dialogue {
    /// `searching`: the connection began before the capture. `most` exchanges are kept.
    pub(crate) fn new(searching: bool, most: usize) -> Self {
        Self {
            requests: Half::new(),
            responses: Half::new(),
            exchanges: Vec::new(),
            open: VecDeque::new(),
            told: 0,
            lines: VecDeque::new(),
            stops: [None, None],
            said: None,
            unasked: None,
            searching,
            most,
        }
    }

    /// A piece of the stream that `who` sent.
    pub(crate) fn piece(&mut self, who: Who, piece: &Piece) {
        if self.searching && !self.found(who, piece) {
            return;
        }
        match (who, self.stops[who.index()].is_some()) {
            (Who::Client, false) => self.requests.add(piece),
            (Who::Server, false) => self.responses.add(piece),
            (Who::Client, true) => return self.requests.pass(piece),
            (Who::Server, true) => return self.responses.pass(piece),
        }
        self.run(who);
        if piece.missing > 0 && self.stops[who.index()].is_none() && !self.skip(who, piece) {
            self.stop(who, Stop::Lacking { at: piece.at + piece.bytes.len() as u64, bytes: piece.missing });
        }
    }

    /// The sender closed its side, behind everything it sent.
    pub(crate) fn end(&mut self, who: Who, moment: Moment) {
        if self.stops[who.index()].is_some() {
            return;
        }
        let step = match who {
            Who::Client => self.requests.end_of_input(moment),
            Who::Server => self.responses.end_of_input(moment),
        };
        self.act(who, step);
        self.stops[who.index()].get_or_insert(Stop::Ended);
    }

    /// The capture has nothing of this direction from here on, though more was sent.
    pub(crate) fn lacks(&mut self, who: Who, at: u64, bytes: u64) {
        let stop = &mut self.stops[who.index()];
        // That the sender closed says nothing about what came before it.
        if stop.is_none_or(|stop| matches!(stop, Stop::Ended | Stop::Failed(ErrorKind::Unsolicited))) {
            *stop = Some(Stop::Lacking { at, bytes });
        }
    }

    /// What was found.
    pub(crate) fn finish(self) -> Found {
        Found { exchanges: self.exchanges, stops: self.stops, said: self.said, unasked: self.unasked }
    }

    /// Exchanges so far.
    pub(crate) const fn exchanges(&self) -> usize {
        self.exchanges.len()
    }

    /// In the middle of a connection, only a piece that begins with a request line is a safe start.
    fn found(&mut self, who: Who, piece: &Piece) -> bool {
        self.searching = !(who == Who::Client && begins_a_request(&piece.bytes));
        !self.searching
    }

    fn run(&mut self, who: Who) {
        while self.stops[who.index()].is_none() {
            let step = match who {
                Who::Client => self.requests.step(),
                Who::Server => self.responses.step(),
            };
            if matches!(step, Step::NeedInput) {
                return;
            }
            self.act(who, step);
        }
    }

    /// Content of known length may be skipped: its end is known without it.
    fn skip(&mut self, who: Who, piece: &Piece) -> bool {
        let skipped = match who {
            Who::Client => self.requests.skip(piece),
            Who::Server => self.responses.skip(piece),
        };
        if skipped {
            self.run(who);
        }
        skipped
    }

    fn act(&mut self, who: Who, step: Step) {
        match (who, step) {
            (_, Step::NeedInput | Step::Content) => {}
            (_, Step::HandOver) => self.hand_over(),
            (Who::Client, Step::Request(head, message)) => self.request(head, message),
            (Who::Client, Step::End(message)) => self.request_ends(message),
            (Who::Server, Step::Response(head, message)) => self.response(head, message),
            (Who::Server, Step::Interim(status)) => self.interim(status),
            (Who::Server, Step::End(message)) => self.response_ends(message),
            (_, Step::Over(reason)) => self.stop(who, Stop::Over(reason)),
            (_, Step::Failed(error, message)) => self.failed(who, error.kind(), message),
            // The core of one role never tells of the other's messages.
            _ => {}
        }
    }

    fn stop(&mut self, who: Who, stop: Stop) {
        self.stops[who.index()].get_or_insert(stop);
    }

    fn request(&mut self, head: half::RequestFacts, message: Message) {
        self.lines.push_back(Line {
            method: head.method.clone(),
            version: head.version,
            persistence: head.persistence,
            upgrade: head.upgrade,
        });
        self.note(Who::Client, head.persistence);
        let target = head.target.chars().take(TARGET).collect();
        self.push(Exchange::new(head.method, target, message));
        self.tell();
    }

    fn push(&mut self, exchange: Exchange) {
        if self.exchanges.len() == self.most {
            return self.stop(Who::Client, Stop::TooMany);
        }
        self.open.push_back(self.exchanges.len());
        self.exchanges.push(exchange);
    }

    /// Tells the client's core of requests, as many as it keeps.
    fn tell(&mut self) {
        while let Some(line) = self.lines.get(self.told) {
            let target = if line.method == "CONNECT" { "host:1" } else { "/" };
            let request = RequestLine { method: &line.method, target, version: line.version };
            // A request after which the server closes is the last one, whatever words it used.
            let close = (line.persistence != Persistence::Persist).then_some((&b"connection"[..], &b"close"[..]));
            let upgrade: &[(&[u8], &[u8])] = &[(b"connection", b"upgrade"), (b"upgrade", b"any")];
            let upgrade = if line.upgrade { upgrade } else { &[] };
            let fields = close.into_iter().chain(upgrade.iter().copied());
            let client = &mut self.responses.connection;
            let scratch = &mut Vec::new();
            // Refused when sixteen wait, or when the connection closes: then the rest is not answered.
            if client.send_head(request, fields, Some(0), scratch).and_then(|_| client.send_end([], scratch)).is_err() {
                return;
            }
            self.told += 1;
        }
    }

    fn request_ends(&mut self, message: Message) {
        if let Some(exchange) = self.open.back().and_then(|at| self.exchanges.get_mut(*at)) {
            exchange.request = message;
        }
        self.answer();
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

    /// The client waits for 100 (Continue) or a final answer.
    fn waits_for_continue(&self) -> bool {
        self.requests.connection.expects_continue() && self.requests.has_no_content()
    }

    fn interim(&mut self, status: StatusCode) {
        if status == StatusCode::CONTINUE {
            // Fails only if no request is under way: then nobody waits for it.
            let _ = self.requests.connection.send_interim(StatusCode::CONTINUE, [], &mut Vec::new());
        }
    }

    fn response(&mut self, head: half::ResponseFacts, message: Message) {
        if self.waits_for_continue() {
            // The client may leave its content out, so the server cannot tell where a next request starts.
            self.responses.connection.close_after_current(CloseReason::UnreadContent);
        }
        self.note(Who::Server, head.persistence);
        let Some(exchange) = self.open.front().and_then(|at| self.exchanges.get_mut(*at)) else { return };
        // Sent before its server had a byte of the request.
        let crossed = head.acked <= exchange.request.start;
        let (status, keep_alive) = (head.status.as_u16(), head.keep_alive);
        let by_close = head.framing == Framing::CloseDelimited;
        exchange.response = Some(Response { status, message, keep_alive, crossed, by_close });
    }

    fn response_ends(&mut self, message: Message) {
        if let Some(exchange) = self.open.pop_front().and_then(|at| self.exchanges.get_mut(at))
            && let Some(response) = &mut exchange.response
        {
            response.message = message;
        }
        self.lines.pop_front();
        self.told = self.told.saturating_sub(1);
        self.tell();
        if self.waits_for_continue() {
            self.requests.forget();
            self.answer();
        }
        if let Directive::Close(reason) = self.responses.connection.directive() {
            self.stop(Who::Server, Stop::Over(reason));
        }
    }

    fn hand_over(&mut self) {
        if let Some(exchange) = self.open.front().and_then(|at| self.exchanges.get_mut(*at)) {
            exchange.handed_over = true;
        }
        self.open.clear();
        for who in [Who::Client, Who::Server] {
            self.stop(who, Stop::Over(CloseReason::HandedOver));
        }
    }

    fn note(&mut self, who: Who, persistence: Persistence) {
        if let Persistence::Close(reason) = persistence {
            self.said.get_or_insert(Said { who, reason, exchange: self.exchanges.len().max(1) });
        }
    }

    fn failed(&mut self, who: Who, error: ErrorKind, message: Option<Message>) {
        match (who, error) {
            (Who::Server, ErrorKind::Unsolicited) => {
                let Some((moment, acked)) = self.responses.newest() else { return };
                let stopped = matches!(self.stops[Who::Client.index()], Some(Stop::Lacking { .. } | Stop::TooMany));
                if stopped || acked > self.requests.received_to() {
                    return self.stop(who, Stop::Unmatched);
                }
                self.unasked = Some((moment, status_of(self.responses.rest())));
            }
            (Who::Client, ErrorKind::IncompleteHead | ErrorKind::IncompleteContent) => {}
            (Who::Client, _) => {
                if let Some(message) = message {
                    // A server answers it, so its response is not unasked for.
                    let line = Line {
                        method: "GET".to_owned(),
                        version: Version::Http11,
                        persistence: Persistence::Close(CloseReason::Malformed),
                        upgrade: false,
                    };
                    self.lines.push_back(line);
                    self.push(Exchange::new("?".to_owned(), "?".to_owned(), message));
                    self.tell();
                }
            }
            _ => {}
        }
        self.stop(who, Stop::Failed(error));
    }
}

/// The outcome of a [`Dialogue`].
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) stops: [Option<Stop>; 2],
    pub(crate) said: Option<Said>,
    pub(crate) unasked: Option<(Moment, Option<u16>)>,
}

/// A whole first line with `HTTP/1.` where a request line has it.
pub(crate) fn begins_a_request(bytes: &[u8]) -> bool {
    let Some(end) = bytes.iter().take(8_192).position(|&b| b == b'\n') else { return false };
    let mut words = bytes[..end].trim_ascii_end().split(|&b| b == b' ');
    let method = words.next().unwrap_or_default();
    let is_method = !method.is_empty() && method.len() <= 20 && method.iter().all(u8::is_ascii_alphabetic);
    is_method && words.next().is_some() && words.next().is_some_and(|version| version.starts_with(b"HTTP/1."))
}

fn status_of(bytes: &[u8]) -> Option<u16> {
    let line = bytes.strip_prefix(b"HTTP/1.")?.get(2..5)?;
    std::str::from_utf8(line).ok()?.parse().ok()
}
