//! THE client loop: one exchange, in the caller's future. Sends and receives at once, so that an
//! early answer is seen while the request's content is still going out.

mod let_go;
mod pipelined;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body as HttpBody, Frame};
use tenure_proto::{CloseReason, ErrorKind, Event, Fate, Framing, Persistence};

use super::OnInterim;
use super::evidence::Before;
use super::lease::Lease;
use super::request::Prepared;
use super::response;
use super::timing::{Course, Timing};
use crate::Body;
use crate::error::{Error, Kind};
use crate::io::{Deadline, fields, now};
use crate::observe::{ConnectionInfo, Head, UnderWay};

pub(super) use let_go::Rest;
use pipelined::queue_head;
pub(super) use pipelined::{Queued, observe, queue_whole};

/// How long a client with `Expect: 100-continue` waits before it sends its content unasked
/// (RFC 9110 section 10.1.1 forbids to wait for ever).
const CONTINUE_WAIT: Duration = Duration::from_secs(1);

/// A request under way and its response.
pub(super) struct Exchange {
    /// Where somebody observes. Before the lease: its end is told before the connection's.
    observed: Option<Box<UnderWay>>,
    lease: Lease,
    pub(super) info: ConnectionInfo,
    /// The request's content, until it is sent.
    content: Option<Body>,
    /// Content that the head announced and that is not yet queued; `None` if it announced no length.
    owed: Option<u64>,
    trailers: HeaderMap,
    /// Until when the content waits for 100 (Continue).
    hold: Option<Instant>,
    /// The peer takes nothing of what is queued: so many bytes were sent before, and since when.
    stalled: Option<(u64, Instant)>,
    course: Course,
    on_interim: Option<OnInterim>,
    /// Writing failed; the answer may have come all the same.
    write_error: Option<io::Error>,
    /// Bytes that were sent on the connection before this request.
    sent_before: u64,
    /// And with it, if it was queued whole with others behind it.
    sent_whole: Option<u64>,
    answered: bool,
    /// The server's FIN came.
    fin: bool,
    /// Bytes came after the request had begun.
    heard: bool,
    /// On a reused connection: what the kernel knew before this request.
    before: Option<Before>,
    /// Whether its fate is judged by that. An idempotent request is sent again without evidence.
    judges: bool,
    response_timeout: Option<Duration>,
    /// When the response's head must be there.
    until: Option<Instant>,
    /// When its turn came, if it stood behind others.
    due: Option<Instant>,
    deadline: Deadline,
}

/// A step of the response, owned.
pub(super) enum Step {
    Head(Box<Response<()>>),
    Frame(Frame<Bytes>),
    End,
}

impl Exchange {
    /// Queues the request's head.
    pub(super) fn start(mut lease: Lease, prepared: &Prepared, content: Body) -> Result<Self, Error> {
        let (info, stale) = (lease.info(), lease.may_be_stale());
        let observed = observe(&lease, &info, prepared);
        let response_timeout = lease.shared.response_timeout;
        let judges = lease.shared.repeat_undelivered && !prepared.class().is_idempotent();
        let pooled = lease.pooled();
        let course = Course::begin(prepared.called, pooled.making.take());
        let sent_before = pooled.transport.sent();
        let before = if stale { Before::of(&**pooled.transport.stream()) } else { None };
        let length = content.size_hint().exact();
        let framing = queue_head(pooled, prepared, length)?;
        let owed = if let Framing::Length(length) = framing { Some(length) } else { None };
        Ok(Self {
            observed,
            lease,
            info,
            content: Some(content),
            owed,
            trailers: HeaderMap::new(),
            hold: (prepared.expects_continue && owed != Some(0)).then(|| now() + CONTINUE_WAIT),
            stalled: None,
            course,
            on_interim: prepared.on_interim.clone(),
            write_error: None,
            sent_before,
            sent_whole: None,
            answered: false,
            fin: false,
            heard: false,
            before,
            judges,
            response_timeout,
            until: prepared.until,
            due: None,
            deadline: Deadline::default(),
        })
    }

    /// The response's head; its body goes on with the exchange.
    pub(super) async fn response(mut self) -> Result<Response<Body>, Error> {
        match poll_fn(|cx| self.poll_step(cx)).await {
            Ok(Step::Head(head)) => Ok(response::with_content(*head, self)),
            Ok(_) => Err(self.error(Kind::Ended(CloseReason::Malformed))),
            Err(error) => Err(self.judge(error).await),
        }
    }

    /// What can be known beyond the error itself.
    async fn judge(&mut self, error: Error) -> Error {
        let unclear = matches!(error.fate(), Fate::Unknown | Fate::Incomplete);
        // What answers nothing (a 408 for the idle time) comes before the end of its connection.
        let ends = self.fin || error.is_stray();
        match self.before {
            Some(before) if self.judges && ends && unclear && error.lost_connection() => {
                let stream = self.lease.pooled().transport.stream();
                match before.judge(&**stream, self.fin).await {
                    Fate::LikelyUndelivered => error.with_fate(Fate::LikelyUndelivered),
                    _ => error,
                }
            }
            _ => error,
        }
    }

    /// Goes on with both halves until the response has taken a step.
    pub(super) fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, Error>> {
        self.poll_send(cx)?;
        self.poll_receive(cx)
    }

    /// Bytes of the response's content still to come, if that is known.
    pub(super) fn content_left(&mut self) -> Option<u64> {
        self.lease.pooled().connection.content_left()
    }

    /// Sends as much as can be sent now.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        while self.write_error.is_none() {
            let queued = self.queue_content(cx)?;
            match self.lease.pooled().transport.poll_flush(cx) {
                Poll::Ready(Ok(())) if queued => {}
                Poll::Ready(Ok(())) => {
                    if self.content.is_none() || self.owed == Some(0) {
                        self.course.sent();
                    }
                    self.stalled = None;
                    return Ok(());
                }
                Poll::Ready(Err(e)) => {
                    self.write_error = Some(e);
                    self.content = None;
                }
                Poll::Pending => {
                    let sent = self.lease.pooled().transport.sent();
                    if self.stalled.is_none_or(|(before, _)| before < sent) {
                        self.stalled = Some((sent, now()));
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Queues content until there is none, none yet, or enough. True if there may be more.
    fn queue_content(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        if self.hold.is_some() {
            return Ok(false);
        }
        while !self.lease.pooled().transport.is_full() {
            let Some(content) = &mut self.content else { return Ok(false) };
            let Poll::Ready(frame) = Pin::new(content).poll_frame(cx) else { return Ok(false) };
            match frame {
                None => {
                    self.content = None;
                    let pooled = self.lease.pooled();
                    let ended = pooled.connection.send_end(fields::pairs(&self.trailers), pooled.transport.out());
                    return ended.map(|()| false).map_err(|e| self.content_error(Kind::misuse(e)));
                }
                Some(Ok(frame)) => self.queue_frame(frame)?,
                Some(Err(error)) => return Err(self.content_error(Kind::Content(error.into()))),
            }
        }
        Ok(true)
    }

    fn queue_frame(&mut self, frame: Frame<Bytes>) -> Result<(), Error> {
        match frame.into_data() {
            Ok(data) if data.is_empty() => Ok(()),
            Ok(data) => {
                let pooled = self.lease.pooled();
                let delimiters =
                    pooled.connection.send_content(data.len()).map_err(|e| self.content_error(Kind::misuse(e)))?;
                let transport = &mut self.lease.pooled().transport;
                transport.out().extend_from_slice(delimiters.before());
                self.owed = self.owed.map(|owed| owed.saturating_sub(data.len() as u64));
                if let Some(observed) = &mut self.observed {
                    observed.request_content(data.len());
                }
                transport.push(data, delimiters.after());
                Ok(())
            }
            Err(frame) => {
                self.trailers.extend(frame.into_trailers().unwrap_or_default());
                Ok(())
            }
        }
    }

    /// The request cannot be completed, by this side's own doing.
    fn content_error(&mut self, kind: Kind) -> Error {
        self.lease.pooled().connection.close(CloseReason::ApplicationFailed);
        self.content = None;
        let fate = self.sent_part();
        Error::new(kind, fate)
    }

    /// How much of the request the server can have, by what was written.
    fn sent_part(&mut self) -> Fate {
        let pooled = self.lease.pooled();
        let sent = pooled.transport.sent();
        // With the last announced byte the request is whole, also if the body has not said its end.
        let owes = pooled.connection.is_sending() && self.owed != Some(0);
        let is_whole = self.sent_whole.map_or(pooled.transport.is_flushed() && !owes, |whole| sent >= whole);
        match is_whole {
            _ if sent <= self.sent_before => Fate::NotSent,
            _ if self.hold.is_some() => Fate::Withheld,
            true => Fate::Unknown,
            false => Fate::Incomplete,
        }
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, Error>> {
        loop {
            let pooled = self.lease.pooled();
            let (used, event) = match pooled.connection.receive(pooled.transport.unread(), now()) {
                Ok(step) => step,
                Err(e) => return Poll::Ready(Err(self.error(Kind::Protocol(e)))),
            };
            match event {
                Event::Content(data) => {
                    let len = data.len();
                    if let Some(observed) = &mut self.observed {
                        observed.response_content(len);
                    }
                    return Poll::Ready(Ok(Step::Frame(Frame::data(pooled.transport.take(used, len)))));
                }
                Event::Head(head) => {
                    let coded = head.coded;
                    let response = response::head(&head);
                    pooled.hint = head.keep_alive;
                    pooled.transport.consume(used);
                    return Poll::Ready(self.head(response, coded));
                }
                Event::Interim(head) => {
                    if head.status == http::StatusCode::CONTINUE {
                        self.hold = None;
                    }
                    if let Some(asks) = &self.on_interim {
                        asks.tell(&response::head(&head));
                    }
                    pooled.transport.consume(used);
                    self.poll_send(cx)?;
                }
                Event::End(trailers) => {
                    let trailers = fields::to_trailers(trailers);
                    pooled.transport.consume(used);
                    self.end_sending();
                    if let Some(observed) = self.observed.take() {
                        observed.complete();
                    }
                    self.course.ended();
                    let step = trailers.map_or(Step::End, |trailers| Step::Frame(Frame::trailers(trailers)));
                    return Poll::Ready(Ok(step));
                }
                Event::NeedInput => {
                    pooled.transport.consume(used);
                    ready!(self.poll_input(cx))?;
                }
                Event::Paused | Event::HandOver | Event::Closed => return Poll::Ready(Ok(Step::End)),
            }
        }
    }

    /// The server has answered to the end. If it has every announced byte, the request is over too,
    /// although its body may not have said so yet: the connection is free.
    fn end_sending(&mut self) {
        let pooled = self.lease.pooled();
        if self.content.is_some() && self.owed == Some(0) && pooled.transport.is_flushed() {
            self.content = None;
            let ended = pooled.connection.send_end([], pooled.transport.out());
            debug_assert!(ended.is_ok(), "nothing is owed");
        }
    }

    /// A final response has begun.
    fn head(&mut self, response: Response<()>, coded: bool) -> Result<Step, Error> {
        self.answered = true;
        if let Some(observed) = &mut self.observed {
            observed.answered(response.status());
        }
        self.lease.survived(&self.info);
        let connection = &mut self.lease.pooled().connection;
        let closes = connection.persistence() != Persistence::Persist;
        // RFC 9112 section 9.5: a refusal that closes wants no more content; a success may well be
        // made of it. And content that waited for 100 (Continue) is not wanted.
        let refused = closes && !response.status().is_success() && self.content.is_some();
        if self.hold.take().is_some() || refused {
            connection.abandon_content();
            self.content = None;
        }
        if coded {
            connection.close(CloseReason::Malformed);
            return Err(self.error(Kind::Coding));
        }
        Ok(Step::Head(Box::new(response)))
    }

    /// Reads once, or until a wait ends.
    fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let pooled = self.lease.pooled();
        let content = pooled.connection.is_receiving_content();
        match pooled.transport.poll_fill(content, cx) {
            Poll::Ready(Ok(0)) => {
                self.fin = true;
                return Poll::Ready(match pooled.connection.receive_eof() {
                    Ok(_) => Ok(()),
                    Err(e) => Err(self.error(Kind::Protocol(e))),
                });
            }
            Poll::Ready(Ok(_)) => return Poll::Ready(self.hear()),
            Poll::Ready(Err(e)) => {
                pooled.connection.close(CloseReason::PeerReset);
                return Poll::Ready(Err(self.error(Kind::Io(e))));
            }
            Poll::Pending => {}
        }
        let content_end = pooled.connection.deadline().map(|(_, at)| at);
        let (response_end, send_end) = (self.response_deadline(), self.send_deadline());
        let next = [self.hold, content_end, response_end, send_end].into_iter().flatten().min();
        ready!(self.deadline.poll(next, cx));
        let now = now();
        if self.hold.is_some_and(|at| at <= now) {
            self.hold = None;
            self.poll_send(cx)?;
        }
        for (end, what) in [(response_end, "the response"), (send_end, "the server to take the request")] {
            if end.is_some_and(|at| at <= now) {
                self.lease.pooled().connection.close(CloseReason::TimedOut);
                return Poll::Ready(Err(self.error(Kind::TimedOut(what))));
            }
        }
        match self.lease.pooled().connection.expire(now) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(e) => Poll::Ready(Err(self.error(Kind::Protocol(e)))),
        }
    }

    /// Bytes have come. RFC 9112 section 9.2: what was sent with no request outstanding is never an answer.
    fn hear(&mut self) -> Result<(), Error> {
        let Some(before) = self.before.filter(|_| !self.heard) else { return Ok(()) };
        self.heard = true;
        let pooled = self.lease.pooled();
        if before.may_be_answered(&**pooled.transport.stream()) {
            return Ok(());
        }
        pooled.connection.close(CloseReason::Unsolicited);
        Err(self.error(Kind::Stray))
    }

    fn response_deadline(&self) -> Option<Instant> {
        if self.answered {
            return None;
        }
        let after_sending = self.course.sent_at().max(self.due).zip(self.response_timeout);
        let after_sending = after_sending.and_then(|(sent, timeout)| sent.checked_add(timeout));
        [after_sending, self.until].into_iter().flatten().min()
    }

    /// When the peer has taken nothing for too long.
    fn send_deadline(&mut self) -> Option<Instant> {
        let (_, since) = self.stalled?;
        since.checked_add(self.lease.pooled().connection.config().timeouts.send?)
    }

    /// The response's head goes to the caller: where the time went.
    pub(super) fn headed(&mut self) -> Timing {
        self.course.headed()
    }

    /// An error with what can be known about the request.
    pub(super) fn error(&mut self, kind: Kind) -> Error {
        let pooled = self.lease.pooled();
        let begun = match &kind {
            Kind::Protocol(e) => e.kind() != ErrorKind::NoResponse && !matches!(e.kind(), ErrorKind::TimedOut(_)),
            Kind::Stray => false,
            _ => !pooled.transport.unread().is_empty(),
        };
        let fate = if self.answered || begun { Fate::AnsweredInPart } else { self.sent_part() };
        // The write's own error says more than the EOF or reset that followed it.
        match (self.write_error.take(), fate) {
            (Some(error), fate) if fate != Fate::AnsweredInPart => Error::new(Kind::Io(error), fate),
            (_, fate) => Error::new(kind, fate),
        }
    }
}

fn observed_head(prepared: &Prepared) -> Head {
    Head {
        method: prepared.method.to_string(),
        target: prepared.target.clone(),
        version: prepared.version,
        referer: None,
        user_agent: None,
    }
}
