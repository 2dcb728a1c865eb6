//! The receiving half: input in, events out.

use std::time::Instant;

use super::{Connection, Content, Directive, Exchange, MethodClass, Pace, Persistence, Receiving, Timer};
use crate::body::chunked::Decoded;
use crate::body::{self, Framing};
use crate::connection::CloseReason;
use crate::error::{ErrorKind, ProtocolError};
use crate::event::Event;
use crate::message::head::Whole;
use crate::message::{Expectation, Fault, Fields, KeepAlive, KnownFields, RequestHead, ResponseHead};
use crate::role::sealed::State as _;
use crate::role::{Client, Role, Server};
use crate::version::Version;

impl<R: Role> Connection<R> {
    /// Takes the next step of the peer's message from `input`, the bytes received and not yet used.
    ///
    /// Returns how many bytes were used and what they meant. With [`Event::NeedInput`] the unused
    /// rest must be at the start of the next input. `now` is the time at which `input` came.
    ///
    /// # Errors
    /// The peer broke a rule; nothing more is received. A server may send one last response with
    /// the error's status.
    #[inline]
    pub fn receive<'b>(&mut self, input: &'b [u8], now: Instant) -> Result<(usize, Event<'b, R>), ProtocolError> {
        self.receive_step(input, now, None)
    }

    /// [`receive`](Self::receive), with the same outcome, in less time for a head whose fields came before. The fields of
    /// the next head that comes are known from then on.
    ///
    /// # Errors
    /// As of [`receive`](Self::receive).
    #[inline]
    pub fn receive_knowing<'b>(
        &mut self,
        input: &'b [u8],
        now: Instant,
        known: &mut KnownFields,
    ) -> Result<(usize, Event<'b, R>), ProtocolError> {
        self.receive_step(input, now, Some(known))
    }

    #[inline]
    fn receive_step<'b>(
        &mut self,
        input: &'b [u8],
        now: Instant,
        known: Option<&mut KnownFields>,
    ) -> Result<(usize, Event<'b, R>), ProtocolError> {
        match self.receiving {
            Receiving::Head { .. } if input.is_empty() => Ok((0, self.need_head(now))),
            Receiving::Head { .. } => self.receive_head(input, now, known),
            Receiving::Content { .. } => self.receive_content(input, now),
            Receiving::Complete => Ok((0, Event::Paused)),
            Receiving::HandOver => Ok((0, Event::HandOver)),
            Receiving::Closed => {
                self.received += input.len() as u64;
                Ok((input.len(), Event::Closed))
            }
        }
    }

    /// Takes the end of a message of which no content is left, and says whether it did: what
    /// [`receive`](Self::receive) would tell next as [`Event::End`] without using any input. So a
    /// message without content is whole as soon as its head has come.
    #[inline]
    pub fn receive_end(&mut self) -> bool {
        let is_over = matches!(self.receiving, Receiving::Content { content: Content::Length { left: 0 }, .. });
        if is_over {
            self.complete();
        }
        is_over
    }

    #[cold]
    fn refuse(&mut self, fault: Fault, input: &[u8]) -> ProtocolError {
        let is_new = self.state.is_empty();
        let error = self.fail(fault.kind, self.received + fault.at as u64);
        // RFC 9110 section 9.3.2: no answer to HEAD has content, not even to a bad one. What comes
        // behind the fault may not be there yet: it decides nothing.
        let is_head = R::IS_SERVER && is_new && begins_with_head(&input[..fault.at.min(input.len())]);
        if let (true, Some(exchange)) = (is_head, self.state.front_mut()) {
            exchange.method = MethodClass::Head;
        }
        error
    }

    /// The peer has closed its side, and every byte before that was given to
    /// [`receive`](Self::receive).
    ///
    /// # Errors
    /// The message under way is incomplete (RFC 9112 section 8). It is never taken for a whole one.
    pub fn receive_eof(&mut self) -> Result<Event<'static, R>, ProtocolError> {
        self.peer_finished = true;
        let fin = Persistence::Close(CloseReason::PeerFin);
        match self.receiving {
            Receiving::Head { parser, .. } if parser.is_fresh() && self.state.is_empty() => {
                self.close(CloseReason::PeerFin);
                Ok(Event::Closed)
            }
            Receiving::Head { parser, .. } if parser.is_fresh() => Err(self.fail(ErrorKind::NoResponse, self.received)),
            Receiving::Head { parser, .. } => {
                Err(self.fail(ErrorKind::IncompleteHead, self.received + parser.seen() as u64))
            }
            Receiving::Content { content: Content::Length { left: 0 }, .. } => {
                self.persistence = self.persistence.and(fin);
                Ok(self.end(Fields::default()))
            }
            Receiving::Content { content: Content::UntilClose { .. }, .. } => Ok(self.end(Fields::default())),
            Receiving::Content { .. } => Err(self.fail(ErrorKind::IncompleteContent, self.received)),
            Receiving::Complete => {
                // A half-close after a whole request: it is answered, then the connection ends.
                self.persistence = self.persistence.and(fin);
                self.settle();
                Ok(Event::Paused)
            }
            Receiving::HandOver => Ok(Event::HandOver),
            Receiving::Closed => {
                if let Directive::HalfClose(why) | Directive::Linger(why) = self.directive {
                    self.close(why);
                }
                Ok(Event::Closed)
            }
        }
    }

    fn receive_content<'b>(&mut self, input: &'b [u8], now: Instant) -> Result<(usize, Event<'b, R>), ProtocolError> {
        match self.take_content(input, now) {
            Ok((used, event)) => {
                self.received += used as u64;
                Ok((used, event))
            }
            Err(fault) => Err(self.refuse(fault, input)),
        }
    }

    fn take_content<'b>(&mut self, input: &'b [u8], now: Instant) -> Result<(usize, Event<'b, R>), Fault> {
        let Receiving::Content { content, .. } = &mut self.receiving else { return Ok((0, Event::Paused)) };
        match content {
            Content::Length { left } => {
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= n as u64;
                match (n, *left) {
                    (0, 0) => Ok((0, self.end(Fields::default()))),
                    (0, _) => Ok((0, self.need_content(now, false))),
                    _ => Ok((n, self.content(&input[..n], now))),
                }
            }
            Content::Chunked(decoder) => match decoder.decode(input, &self.config.limits, R::IS_SERVER)? {
                (used, Decoded::NeedInput) => Ok((used, self.need_content(now, used > 0))),
                (used, Decoded::Content(data)) => Ok((used, self.content(data, now))),
                (used, Decoded::End(trailers)) => Ok((used, self.end(trailers))),
            },
            Content::UntilClose { received } => {
                let room = usize::try_from(self.config.limits.content - *received).unwrap_or(usize::MAX);
                let n = input.len().min(room);
                *received += n as u64;
                match n {
                    0 if !input.is_empty() => Err(Fault::new(ErrorKind::ContentTooLarge, 0)),
                    0 => Ok((0, self.need_content(now, false))),
                    _ => Ok((n, self.content(&input[..n], now))),
                }
            }
        }
    }

    /// Whatever comes of it is written where it is to go, since a head is large to be passed on from hand to hand.
    fn receive_head<'b>(
        &mut self,
        input: &'b [u8],
        now: Instant,
        mut known: Option<&mut KnownFields>,
    ) -> Result<(usize, Event<'b, R>), ProtocolError> {
        if !R::IS_SERVER && self.state.is_empty() {
            return Err(self.refuse(Fault::new(ErrorKind::Unsolicited, 0), input));
        }
        let mut skipped = 0;
        if R::IS_SERVER && input[0] == b'\r' {
            skipped = match self.skip_empty_lines(input) {
                Ok(skipped) => skipped,
                Err(fault) => return Err(self.refuse(fault, input)),
            };
            // Half of another empty line, or of nothing: more input decides.
            let undecided = self.is_idle() && &input[skipped..] == b"\r";
            if undecided || skipped == input.len() {
                self.received += skipped as u64;
                return Ok((skipped, self.need_head(now)));
            }
        }
        let Receiving::Head { parser, .. } = &mut self.receiving else { return Ok((0, Event::Paused)) };
        let (head, config) = (&input[skipped..], &self.config);
        match parser.advance::<R>(head, &config.limits, config.http09, known.as_deref_mut()) {
            Ok(Some(whole)) => {
                if let Some(known) = known {
                    parser.teach::<R>(whole, head, known);
                }
                self.wait = None;
                R::accept_head(self, whole, input, skipped)
            }
            Ok(None) => {
                self.received += skipped as u64;
                Ok((skipped, self.need_head(now)))
            }
            Err(fault) => Err(self.refuse(fault.after(skipped), input)),
        }
    }

    /// A head is not whole, or nothing of it has come.
    fn need_head<'b>(&mut self, now: Instant) -> Event<'b, R> {
        let is_fresh = matches!(&self.receiving, Receiving::Head { parser, .. } if parser.is_fresh());
        if R::IS_SERVER && is_fresh {
            self.wait_for_request(now);
        } else if R::IS_SERVER || !self.state.is_empty() {
            if !R::IS_SERVER && self.state.len() == 1 && self.is_sending() {
                // The answer is due from the end of the request on, not while it is being sent.
                self.wait = None;
            } else {
                self.wait_for(Timer::Head, now);
            }
        }
        Event::NeedInput
    }

    /// RFC 9112 section 2.2: ignore at least one empty line before a request line.
    fn skip_empty_lines(&mut self, input: &[u8]) -> Result<usize, Fault> {
        let limit = self.config.limits.empty_lines;
        let Receiving::Head { parser, empty_lines } = &mut self.receiving else { return Ok(0) };
        let mut skipped = 0;
        while parser.is_fresh() && input[skipped..].starts_with(b"\r\n") {
            if *empty_lines == limit {
                return Err(Fault::new(ErrorKind::EmptyLines, skipped));
            }
            *empty_lines += 1;
            skipped += 2;
        }
        Ok(skipped)
    }

    fn content<'b>(&mut self, data: &'b [u8], now: Instant) -> Event<'b, R> {
        self.content_came(now);
        Event::Content(data)
    }

    fn need_content<'b>(&mut self, now: Instant, progress: bool) -> Event<'b, R> {
        if progress {
            self.content_came(now);
        }
        self.wait_for(Timer::Content, now);
        Event::NeedInput
    }

    fn end<'b>(&mut self, trailers: Fields<'b>) -> Event<'b, R> {
        self.complete();
        Event::End(trailers)
    }

    #[inline]
    fn complete(&mut self) {
        self.receiving = Receiving::Complete;
        self.wait = None;
        self.settle();
    }

    /// A head of `len` bytes, not yet counted, says that content follows.
    #[inline]
    fn content_state(&self, framing: Framing, len: usize) -> Receiving {
        Receiving::Content { content: framing.into(), pace: Pace::new(self.received + len as u64) }
    }
}

impl Connection<Server> {
    #[inline]
    pub(crate) fn accept_request<'b>(
        &mut self,
        whole: Whole,
        input: &'b [u8],
        skipped: usize,
    ) -> Result<(usize, Event<'b, Server>), ProtocolError> {
        let Receiving::Head { parser, .. } = &self.receiving else { return Ok((0, Event::Paused)) };
        let Some(parsed) = parser.parsed(whole, &input[skipped..]) else { return Ok((0, Event::NeedInput)) };
        let (version, facts) = (parsed.version(), parsed.facts);
        if version == Version::Http11 && !facts.host {
            return Err(self.refuse(Fault::new(ErrorKind::MissingHost, whole.len).after(skipped), input));
        }
        let decision = match body::of_request(facts, self.config.limits.content) {
            Ok(decision) => decision,
            Err(fault) => return Err(self.refuse(fault.after(skipped), input)),
        };
        let persistence = Persistence::of(version, facts.options, self.config.http10_keep_alive);
        // RFC 9110 section 10.1.1: a 100-continue expectation in HTTP/1.0 is ignored.
        let expectation = match version {
            Version::Http11 if facts.expect_other => Expectation::Unknown,
            Version::Http11 if facts.expect_continue => Expectation::Continue,
            _ => Expectation::None,
        };
        // RFC 9110 section 7.8: Upgrade in HTTP/1.0 is ignored.
        let upgrade = facts.upgrade && facts.options.upgrade && version == Version::Http11;
        let (method, target) = parsed.request_line();
        self.state.push(Exchange {
            method: MethodClass::of(method),
            version,
            persistence,
            expects_continue: expectation == Expectation::Continue && decision.framing != Framing::Length(0),
            upgrade,
            interim: 0,
        });
        let head = RequestHead {
            method,
            target,
            version,
            fields: parsed.fields,
            framing: decision.framing,
            rule: decision.rule,
            persistence,
            options: facts.options,
            expectation,
            upgrade,
            keep_alive: KeepAlive::of(parsed.fields, facts),
        };
        let used = skipped + whole.len;
        self.persistence = self.persistence.and(persistence);
        self.receiving = self.content_state(decision.framing, used);
        self.received += used as u64;
        self.check_request_limit();
        Ok((used, Event::Head(head)))
    }
}

impl Connection<Client> {
    pub(crate) fn accept_response<'b>(
        &mut self,
        whole: Whole,
        input: &'b [u8],
    ) -> Result<(usize, Event<'b, Client>), ProtocolError> {
        match self.take_response(whole, input) {
            Ok(event) => {
                self.received += whole.len as u64;
                Ok((whole.len, event))
            }
            Err(fault) => Err(self.refuse(fault, input)),
        }
    }

    fn take_response<'b>(&mut self, whole: Whole, input: &'b [u8]) -> Result<Event<'b, Client>, Fault> {
        let Receiving::Head { parser, .. } = &self.receiving else { return Ok(Event::Paused) };
        let Some(parsed) = parser.parsed(whole, input) else { return Ok(Event::NeedInput) };
        let (version, facts) = (parsed.version(), parsed.facts);
        let (status, reason) = parsed.status_line();
        let Some(exchange) = self.state.front_mut() else {
            return Err(Fault::new(ErrorKind::Unsolicited, 0));
        };
        let decision = body::of_response(facts, version, status, exchange.method, self.config.limits.content)?;
        let mut persistence = Persistence::of(version, facts.options, self.config.http10_keep_alive);
        if decision.faulty {
            persistence = persistence.and(Persistence::Close(CloseReason::FaultyFraming));
        }
        if decision.framing == Framing::CloseDelimited {
            persistence = persistence.and(Persistence::Close(CloseReason::CloseDelimited));
        }
        let switches = status.as_u16() == 101;
        let tunnel = exchange.method == MethodClass::Connect && status.is_success();
        if switches && !exchange.upgrade {
            return Err(Fault::new(ErrorKind::UnexpectedUpgrade, 0));
        }
        let head = ResponseHead {
            version,
            status,
            reason,
            fields: parsed.fields,
            framing: decision.framing,
            rule: decision.rule,
            persistence,
            options: facts.options,
            coded: facts.codings.other || facts.codings.unknown,
            keep_alive: KeepAlive::of(parsed.fields, facts),
        };
        if status.is_informational() && !switches {
            if exchange.interim == self.config.limits.interim {
                return Err(Fault::new(ErrorKind::TooManyInterim, 0));
            }
            exchange.interim += 1;
            self.receiving = Receiving::HEAD;
            return Ok(Event::Interim(head));
        }
        if switches || tunnel {
            self.state.pop();
            self.exchanges += 1;
            self.receiving = Receiving::HandOver;
            self.directive = Directive::HandOver;
            return Ok(Event::Head(head));
        }
        self.note_persistence(persistence);
        self.receiving = self.content_state(decision.framing, whole.len);
        Ok(Event::Head(head))
    }

    /// A response that says close ends the connection also before later requests were answered.
    fn note_persistence(&mut self, response: Persistence) {
        let last_sent = self.persistence == Persistence::Close(CloseReason::LastMessage);
        if last_sent && self.state.len() > 1 && response != Persistence::Persist {
            self.persistence = response;
        }
        self.persistence = self.persistence.and(response);
    }
}

/// Whether a request that begins here, perhaps behind empty lines, is one of HEAD.
fn begins_with_head(mut input: &[u8]) -> bool {
    while let Some(rest) = input.strip_prefix(b"\r\n") {
        input = rest;
    }
    input.starts_with(b"HEAD ")
}
