//! THE client loop: one exchange, in the caller's future. Sends and receives at once, so that an
//! early answer is seen while the request's content is still going out.

mod content;
mod failing;
mod let_go;
mod pipelined;
mod sending;
mod waits;

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body as HttpBody, Frame};
use tenure_proto::{CloseReason, Event, Framing, Persistence};
use tracing::{Instrument as _, Span};

use super::OnInterim;
use super::evidence::Before;
use super::lease::Lease;
use super::request::Prepared;
use super::response;
use crate::Body;
use crate::error::{Error, Kind};
use crate::io::known_fields::{self, Peer};
use crate::io::{self, Deadline, fields};
use crate::observe::{Head, Timing, UnderWay};

pub(super) use let_go::Rest;
pub(super) use pipelined::{Queued, observe, queue_whole};
use pipelined::{queue_end, queue_head};
use waits::CONTINUE_WAIT;

/// A request under way and its response.
pub(super) struct Exchange {
    /// Where somebody observes. Before the lease: its end is told before the connection's.
    observed: Option<Box<UnderWay>>,
    lease: Lease,
    /// The request's content, until it is sent.
    content: Option<Body>,
    /// Content that the head announced and that is not yet queued; `None` if it announced no length.
    owed: Option<u64>,
    /// Of the request, as far as its body has said them.
    trailers: Option<Box<HeaderMap>>,
    /// Until when the content waits for 100 (Continue).
    hold: Option<Instant>,
    /// That time ended, and it was sent unasked.
    unasked: bool,
    /// The peer takes nothing of what is queued: so many bytes were sent before, and since when.
    stalled: Option<(u64, Instant)>,
    on_interim: Option<OnInterim>,
    /// Writing failed; the answer may have come all the same.
    write_error: Option<std::io::Error>,
    /// Bytes that were sent on the connection before this request.
    sent_before: u64,
    /// And with it, if it was queued whole with others behind it.
    sent_whole: Option<u64>,
    answered: bool,
    /// The server's FIN came.
    fin: bool,
    /// Bytes came after the request had begun.
    heard: bool,
    /// It waits for its answer.
    waits: bool,
    /// When the last bytes came; before any, when it began.
    heard_at: Instant,
    /// On a reused connection: what had been sent before this request.
    before: Option<Before>,
    /// Whether its fate is judged by that. An idempotent request is sent again without evidence.
    judges: bool,
    /// When the response's head must be there.
    until: Option<Instant>,
    /// When its turn came, if it stood behind others.
    due: Option<Instant>,
    deadline: Deadline,
    /// Bytes of the response's content that its reader has not had, where their number is known.
    pub(super) left: Option<u64>,
    /// The reader has had all that will come.
    pub(super) is_read: bool,
}

/// A step of the response, owned.
pub(super) enum Step {
    Head(Response<()>),
    Frame(Frame<Bytes>),
    End,
}

impl Exchange {
    /// A request that is about to be sent.
    pub(super) fn new(mut lease: Lease, prepared: &Prepared, content: Body) -> Self {
        let stale = lease.may_be_stale();
        let observed = observe(&lease.shared, lease.course(), prepared);
        let judges = lease.shared.repeat_undelivered && !prepared.class.is_idempotent();
        let pooled = lease.pooled();
        let sent_before = pooled.transport.sent();
        let before = stale.then(|| Before::of(&**pooled.transport.stream()));
        let heard_at = pooled.course.began();
        Self {
            observed,
            lease,
            content: Some(content),
            owed: None,
            trailers: None,
            hold: None,
            unasked: false,
            stalled: None,
            heard_at,
            on_interim: prepared.on_interim.clone(),
            write_error: None,
            sent_before,
            sent_whole: None,
            answered: false,
            fin: false,
            heard: false,
            waits: false,
            before,
            judges,
            until: prepared.until,
            due: None,
            deadline: Deadline::default(),
            left: None,
            is_read: false,
        }
    }

    /// Sends the request and receives the response's head, which is what its `span` covers.
    pub(super) async fn response(&mut self, prepared: &Prepared, span: &Span) -> Result<Response<()>, Error> {
        self.begin(prepared)?;
        match poll_fn(|cx| span.in_scope(|| self.poll_step(cx))).await {
            Ok(Step::Head(head)) => Ok(head),
            Ok(_) => Err(self.error(Kind::Ended(CloseReason::Malformed))),
            Err(error) => Err(Box::pin(self.judge(error).instrument(span.clone())).await),
        }
    }

    /// Queues the request's head.
    fn begin(&mut self, prepared: &Prepared) -> Result<(), Error> {
        let length = self.content.as_ref().and_then(|content| content.size_hint().exact());
        let pooled = self.lease.pooled();
        let framing = queue_head(pooled, prepared, length)?;
        self.owed = if let Framing::Length(length) = framing { Some(length) } else { None };
        if self.owed == Some(0) && self.content.as_ref().is_none_or(HttpBody::is_end_stream) {
            queue_end(pooled)?;
            self.content = None;
        }
        let waits = prepared.waits_to_be_asked && self.owed != Some(0);
        self.hold = waits.then(|| io::now() + CONTINUE_WAIT);
        Ok(())
    }

    /// Goes on with both halves until the response has taken a step.
    pub(super) fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, Error>> {
        if !self.is_sent() {
            self.poll_send(cx)?;
        }
        self.poll_receive(cx)
    }

    /// For the response.
    pub(super) fn timing(&self) -> Timing {
        self.lease.course().timing()
    }

    /// Bytes that were received and not yet used.
    fn received(&mut self) -> usize {
        self.lease.pooled().transport.unread().len()
    }

    /// Goes on with the response until it has taken a step.
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, Error>> {
        if self.received() == 0 {
            // What the request took to be sent is not the server's time, nor is what the reader was away.
            let sent = self.lease.course().sent_at().filter(|_| !self.answered);
            self.heard_at = sent.map_or_else(io::now, |sent| sent.max(self.heard_at));
        }
        loop {
            let now = self.heard_at;
            let pooled = self.lease.pooled();
            let unread = pooled.transport.unread();
            let received = known_fields::with(Peer::Server(pooled.id), |known| {
                let (used, event) = pooled.connection.receive_knowing(unread, now, &mut known.fields)?;
                let fields = if let Event::Head(head) = &event { known.map(head.fields) } else { None };
                Ok((used, event, fields))
            });
            let (used, event, known) = match received {
                Ok(step) => step,
                Err(e) => return Poll::Ready(Err(self.error(Kind::Protocol(e)))),
            };
            match event {
                Event::Content(data) => {
                    let len = data.len();
                    return Poll::Ready(Ok(Step::Frame(Frame::data(self.content(used, len)))));
                }
                Event::Head(head) => {
                    let coded = head.coded;
                    let response = response::head(&head, &unread[..used], known);
                    pooled.hint = head.keep_alive;
                    pooled.transport.consume(used);
                    self.answered(response.status(), coded, now)?;
                    return Poll::Ready(Ok(Step::Head(response)));
                }
                Event::Interim(head) => {
                    if head.status == StatusCode::CONTINUE {
                        (self.hold, self.unasked) = (None, false);
                    }
                    if let Some(asks) = &self.on_interim {
                        asks.tell(&response::head(&head, &unread[..used], known));
                    }
                    pooled.transport.consume(used);
                    self.poll_send(cx)?;
                }
                Event::End(trailers) => {
                    let trailers = fields::to_trailers(trailers);
                    pooled.transport.consume(used);
                    self.ended(now);
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

    /// A final response has begun.
    fn answered(&mut self, status: StatusCode, coded: bool, now: Instant) -> Result<(), Error> {
        self.answered = true;
        if let Some(observed) = &mut self.observed {
            observed.answered(status);
        }
        self.lease.survived();
        if self.unasked {
            self.lease.never_asked();
        }
        let connection = &mut self.lease.pooled().connection;
        let closes = connection.persistence() != Persistence::Persist;
        // RFC 9112 section 9.5: a refusal that closes wants no more content; a success may well be
        // made of it. And content that waited for 100 (Continue) is not wanted.
        let refused = closes && !status.is_success() && self.content.is_some();
        if self.hold.take().is_some() || refused {
            connection.abandon_content();
            self.content = None;
        }
        if coded {
            connection.close(CloseReason::Malformed);
            return Err(self.error(Kind::Coding));
        }
        self.lease.course_mut().headed(now);
        Ok(())
    }

    /// Reads once, or until a wait ends.
    fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.is_early(cx) {
            return self.poll_waits(cx);
        }
        let pooled = self.lease.pooled();
        let content = pooled.connection.is_receiving_content();
        match pooled.transport.poll_fill(content, cx) {
            Poll::Ready(Ok(0)) => {
                (self.fin, self.heard_at) = (true, io::now());
                Poll::Ready(match pooled.connection.receive_eof() {
                    Ok(_) => Ok(()),
                    Err(e) => Err(self.error(Kind::Protocol(e))),
                })
            }
            Poll::Ready(Ok(_)) => {
                self.heard_at = io::now();
                Poll::Ready(self.hear())
            }
            Poll::Ready(Err(e)) => {
                pooled.connection.close(CloseReason::PeerReset);
                Poll::Ready(Err(self.error(Kind::Io(e))))
            }
            Poll::Pending => self.poll_waits(cx),
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
}

fn observed_head(prepared: &Prepared) -> Head {
    Head {
        method: prepared.method.to_string(),
        target: prepared.target().to_owned(),
        version: prepared.version,
        referer: None,
        user_agent: None,
    }
}
