//! Two connections back to back: what one sends the other receives, under a clock that the test
//! moves. Each end obeys its [`Directive`] as a loop over a socket would.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tenure_proto::{
    Client, CloseReason, Config, Connection, Directive, Event, Framing, MisuseError, ProtocolError, RequestLine, Role,
    Server, Version,
};

use crate::clock::Clock;
use crate::log::{Log, Side};

/// Content to send, and how it is delimited.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// Of a known length, which may be 0.
    Length(&'a [u8]),
    /// In these pieces, of a length that the head does not say; with a trailer section.
    Pieces(&'a [&'a [u8]], &'a [(&'a str, &'a str)]),
}

/// No content.
pub const EMPTY: Body<'static> = Body::Length(b"");

impl Body<'_> {
    const fn length(&self) -> Option<u64> {
        match self {
            Self::Length(bytes) => Some(bytes.len() as u64),
            Self::Pieces(..) => None,
        }
    }
}

/// One side of a [`Pair`], with what a driver would hold for it.
#[derive(Debug)]
pub struct Endpoint<R: Role> {
    /// The core.
    pub connection: Connection<R>,
    /// Queued, not yet on its way to the other side.
    pub out: Vec<u8>,
    /// Everything sent so far, for tests that look at bytes.
    pub sent: Vec<u8>,
    /// The error the other side caused, if it did.
    pub error: Option<ProtocolError>,
    /// After a hand-over: the bytes that belong to the other protocol.
    pub handed_over: Option<Vec<u8>>,
    input: Vec<u8>,
    log: Log,
    /// Nothing more is sent.
    fin_sent: bool,
    /// The other side's close has arrived, and the core knows of it.
    fin_received: bool,
    eof_told: bool,
    /// The socket is closed.
    closed: Option<CloseReason>,
}

/// A client, a server, and the time between them.
#[derive(Debug)]
pub struct Pair {
    /// The side that asks.
    pub client: Endpoint<Client>,
    /// The side that answers.
    pub server: Endpoint<Server>,
    /// The time both sides see.
    pub clock: Clock,
    piece: usize,
}

impl Pair {
    /// Two fresh connections with these settings.
    pub fn new(client: Config, server: Config) -> Self {
        Self { client: Endpoint::new(client), server: Endpoint::new(server), clock: Clock::new(), piece: usize::MAX }
    }

    /// From now on bytes travel in pieces of at most `piece` bytes.
    #[must_use]
    pub const fn in_pieces_of(mut self, piece: usize) -> Self {
        self.piece = piece;
        self
    }

    /// Carries bytes and closes both ways until nothing moves any more.
    pub fn run(&mut self) {
        loop {
            let forth = self.client.hand_to(&mut self.server, self.piece, &self.clock);
            let back = self.server.hand_to(&mut self.client, self.piece, &self.clock);
            if !forth && !back {
                return;
            }
        }
    }

    /// Lets time pass, wakes both sides up, and carries what that causes.
    pub fn advance(&mut self, duration: Duration) {
        self.clock.advance(duration);
        self.client.expire(&self.clock);
        self.server.expire(&self.clock);
        self.run();
    }
}

impl<R: Side> Endpoint<R> {
    fn new(config: Config) -> Self {
        Self {
            connection: Connection::new(Arc::new(config)),
            out: vec![],
            sent: vec![],
            error: None,
            handed_over: None,
            input: vec![],
            log: Log::default(),
            fin_sent: false,
            fin_received: false,
            eof_told: false,
            closed: None,
        }
    }

    /// The events since the last call, one a line, as in the conformance cases; without field lines.
    pub fn events(&mut self) -> Vec<String> {
        let mut lines = std::mem::take(&mut self.log).into_lines();
        lines.retain(|line| !line.starts_with("field "));
        lines
    }

    /// Like [`events`](Self::events), with the field lines whose names begin with `x-`.
    pub fn events_and_own_fields(&mut self) -> Vec<String> {
        let mut lines = std::mem::take(&mut self.log).into_lines();
        lines.retain(|line| !line.starts_with("field ") || line.starts_with("field x-"));
        lines
    }

    /// Why the socket was closed, once it is.
    pub const fn closed(&self) -> Option<CloseReason> {
        self.closed
    }

    /// Everything sent so far as text, with field names in lower case: their case has no meaning.
    pub fn sent_text(&self) -> String {
        let text = String::from_utf8_lossy(&self.sent);
        let lines = text.split_inclusive("\r\n").map(|line| match line.split_once(": ") {
            Some((name, value)) => format!("{}: {value}", name.to_ascii_lowercase()),
            None => line.to_owned(),
        });
        lines.collect()
    }

    /// Closes the sending side without telling the core: the process died, or the program half-closes.
    pub const fn fin(&mut self) {
        self.fin_sent = true;
    }

    fn send_body(&mut self, framing: Framing, body: Body<'_>) -> Result<(), MisuseError> {
        let (pieces, trailers) = match &body {
            Body::Length(bytes) => (std::slice::from_ref(bytes), &[][..]),
            Body::Pieces(pieces, trailers) => (*pieces, *trailers),
        };
        // The core says so when a response has no content whatever its fields say.
        if framing != Framing::Length(0) {
            for piece in pieces {
                self.send_piece(piece)?;
            }
        }
        self.connection.send_end(bytes(trailers), &mut self.out)
    }

    /// Queues one piece of content.
    ///
    /// # Errors
    /// No content is due.
    pub fn send_piece(&mut self, piece: &[u8]) -> Result<(), MisuseError> {
        let around = self.connection.send_content(piece.len())?;
        self.out.extend_from_slice(around.before());
        self.out.extend_from_slice(piece);
        self.out.extend_from_slice(around.after());
        Ok(())
    }

    /// Gives everything queued to `peer`. False if nothing moved.
    fn hand_to<P: Side>(&mut self, peer: &mut Endpoint<P>, piece: usize, clock: &Clock) -> bool {
        let queued = std::mem::take(&mut self.out);
        let mut moved = !queued.is_empty();
        self.sent.extend_from_slice(&queued);
        for bytes in queued.chunks(piece) {
            peer.input.extend_from_slice(bytes);
            peer.receive(clock);
        }
        self.obey(clock);
        if self.fin_sent && !peer.fin_received {
            peer.fin_received = true;
            moved = true;
        }
        moved | peer.receive(clock)
    }

    /// Receives what there is. False if nothing came of it.
    fn receive(&mut self, clock: &Clock) -> bool {
        let mut moved = false;
        while self.is_receiving() {
            let received = match self.connection.receive(&self.input, clock.now()) {
                Ok((_, Event::HandOver)) => break,
                Ok((used, event)) => {
                    self.log.note(&event);
                    Ok((used, matches!(event, Event::NeedInput | Event::Paused | Event::Closed)))
                }
                Err(error) => Err(error),
            };
            let (used, waits) = match received {
                Ok(received) => received,
                Err(error) => {
                    self.fail(error);
                    moved = true;
                    continue;
                }
            };
            self.input.drain(..used);
            moved |= used > 0 || !waits;
            if waits {
                moved |= self.input.is_empty() && self.receive_eof();
                break;
            }
        }
        if let Some(rest) = &mut self.handed_over {
            rest.append(&mut self.input);
        }
        self.obey(clock);
        moved
    }

    /// Tells the core of the other side's close, once. False if there is nothing to tell.
    fn receive_eof(&mut self) -> bool {
        if !self.fin_received || self.eof_told {
            return false;
        }
        self.eof_told = true;
        match self.connection.receive_eof() {
            Ok(event) => self.log.note(&event),
            Err(error) => self.fail(error),
        }
        true
    }

    const fn is_receiving(&self) -> bool {
        self.closed.is_none() && self.handed_over.is_none()
    }

    fn fail(&mut self, error: ProtocolError) {
        self.log.push(format!("error {} at {}", error.kind().name(), error.offset()));
        self.error = Some(error);
    }

    fn expire(&mut self, clock: &Clock) {
        if self.closed.is_some() {
            return;
        }
        if let Err(error) = self.connection.expire(clock.now()) {
            self.fail(error);
        }
        self.obey(clock);
    }

    /// Does with the socket what the core says.
    fn obey(&mut self, clock: &Clock) {
        if !self.out.is_empty() {
            // Flush first.
            return;
        }
        match self.connection.directive() {
            Directive::Proceed | Directive::Linger(_) => {}
            Directive::HalfClose(_) => {
                self.fin_sent = true;
                self.connection.half_closed(clock.now());
            }
            Directive::Close(why) => {
                self.fin_sent = true;
                self.closed.get_or_insert(why);
            }
            Directive::HandOver => {
                let rest = self.handed_over.get_or_insert_default();
                rest.append(&mut self.input);
            }
        }
    }
}

impl Endpoint<Client> {
    /// Queues the head of a request.
    ///
    /// # Errors
    /// It cannot be sent.
    pub fn request_head(
        &mut self,
        method: &str,
        target: &str,
        version: Version,
        fields: &[(&str, &str)],
        length: Option<u64>,
    ) -> Result<Framing, MisuseError> {
        let line = RequestLine { method, target, version };
        let host = std::iter::once((&b"host"[..], &b"a.example"[..]));
        self.connection.send_head(line, host.chain(bytes(fields)), length, &mut self.out)
    }

    /// Queues a whole HTTP/1.1 request.
    ///
    /// # Errors
    /// It cannot be sent.
    pub fn request(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: Body<'_>,
    ) -> Result<(), MisuseError> {
        let framing = self.request_head(method, target, Version::Http11, fields, body.length())?;
        self.send_body(framing, body)
    }
}

impl Endpoint<Server> {
    /// Queues a whole response.
    ///
    /// # Errors
    /// It cannot be sent.
    pub fn respond(&mut self, status: u16, fields: &[(&str, &str)], body: Body<'_>) -> Result<(), MisuseError> {
        let status = StatusCode::from_u16(status).map_err(|_| MisuseError::WrongStatusClass)?;
        let framing = self.connection.send_head(status, bytes(fields), body.length(), &mut self.out)?;
        self.send_body(framing, body)
    }
}

/// Fields as the core takes them.
pub fn bytes<'f>(fields: &'f [(&'f str, &'f str)]) -> impl Iterator<Item = (&'f [u8], &'f [u8])> {
    fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))
}
