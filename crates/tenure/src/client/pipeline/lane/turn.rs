//! The response that is due on a lane: from its head to the end of its content, at its caller's pace
//! as far as the others can bear that.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Response;
use http_body::Frame;
use tenure_proto::{CloseReason, Fate, Persistence};

use super::Line;
use crate::Body;
use crate::client::drive::{Exchange, Queued, Rest, Step};
use crate::client::lease::Lease;
use crate::client::pipeline::job::{Job, Reply, Sent};
use crate::client::pipeline::relay::{Feed, Room, relay};
use crate::error::{Error, Kind};
use crate::io::now;

/// A caller may leave its response unread for so long while others wait behind it.
const STALL: Duration = Duration::from_secs(1);

/// Where the response to the oldest request stands.
pub(super) enum Stage {
    /// Its head is awaited.
    Head(Job),
    /// Its content goes to its caller. `full`: since when the caller has not read what it has.
    Content { feed: Feed, full: Option<Instant> },
    /// Nobody wants it: it is read to its end, so that those behind keep their connection, for so long
    /// and so many bytes.
    Drain { until: Instant, left: u64 },
}

impl Stage {
    fn drain(rest: Rest) -> Self {
        Self::Drain { until: now() + rest.time, left: rest.bytes }
    }
}

/// The request whose answer is due.
pub(super) struct Turn {
    pub(super) stage: Stage,
    /// It was sent on a connection that had carried another request.
    pub(super) reused: bool,
    /// Others were outstanding beside it when it was sent.
    pub(super) pipelined: bool,
    /// Its answer is of HTTP/1.1.
    pub(super) http11: bool,
}

impl Turn {
    fn take(&mut self, frame: Frame<Bytes>) -> Result<(), Error> {
        match &mut self.stage {
            Stage::Content { feed, .. } => feed.put(frame),
            Stage::Drain { left, .. } => {
                let len = frame.data_ref().map_or(0, Bytes::len);
                *left = left.checked_sub(len as u64).ok_or_else(abandoned)?;
            }
            Stage::Head(_) => {}
        }
        Ok(())
    }
}

impl Line {
    /// Hands out the response to the oldest request. The connection, if it goes on.
    pub(super) async fn answer(&mut self, lease: Lease, front: Sent) -> Option<Lease> {
        let Sent { job, mut observed, from, to, before, mut course } = front;
        if let (Some(pipelined), Some(observed)) = (course.waited(now()), &mut observed) {
            observed.pipelined(pipelined);
        }
        let info = course.connection();
        let on_interim = job.prepared.on_interim.clone();
        let mut turn = Turn {
            stage: Stage::Head(job),
            reused: info.is_reused(),
            pipelined: info.pipelined.is_some(),
            http11: false,
        };
        let queued = Queued { observed, from, to, before, course, on_interim };
        let mut exchange = Exchange::resume(lease, queued);
        match poll_fn(|cx| self.poll_answer(&mut exchange, &mut turn, cx)).await {
            Ok(()) => self.answered(exchange, turn),
            Err(error) => {
                self.broken(exchange, turn, error);
                None
            }
        }
    }

    fn poll_answer(
        &mut self,
        exchange: &mut Exchange,
        turn: &mut Turn,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        self.admit(exchange.lease(), 1, cx);
        loop {
            let step = match &mut turn.stage {
                Stage::Head(job) => {
                    if job.reply.poll_closed(cx).is_ready() {
                        turn.stage = Stage::drain(self.lane.shared.rest);
                        continue;
                    }
                    exchange.poll_step(cx)
                }
                Stage::Content { feed, full } => match feed.room(cx) {
                    Room::Some => {
                        *full = None;
                        exchange.poll_step(cx)
                    }
                    Room::None => {
                        let since = *full.get_or_insert_with(now);
                        exchange.poll_send(cx)?;
                        self.written(exchange);
                        return self.poll_stalled(exchange, since, cx);
                    }
                    Room::Gone => {
                        turn.stage = Stage::drain(self.lane.shared.rest);
                        continue;
                    }
                },
                Stage::Drain { until, left } => {
                    if exchange.content_left().is_some_and(|content| content > *left) {
                        return Poll::Ready(Err(abandoned()));
                    }
                    let step = exchange.poll_step(cx);
                    if step.is_pending() {
                        ready!(self.timer.poll(Some(*until), cx));
                        return Poll::Ready(Err(abandoned()));
                    }
                    step
                }
            };
            self.written(exchange);
            match ready!(step)? {
                Step::Head(head) => self.head(exchange, turn, head),
                Step::Frame(frame) => {
                    let is_last = frame.is_trailers();
                    turn.take(frame)?;
                    if is_last {
                        return Poll::Ready(Ok(()));
                    }
                }
                Step::End => return Poll::Ready(Ok(())),
            }
        }
    }

    /// A final response has begun: its caller gets it.
    fn head(&mut self, exchange: &mut Exchange, turn: &mut Turn, head: Response<()>) {
        if let Persistence::Close(why) = exchange.lease().pooled().connection.persistence() {
            // Those behind it get no answer here: let them go on now.
            self.release(why, exchange.written(), None).tell();
        }
        turn.http11 = head.version() == http::Version::HTTP_11;
        let left = exchange.content_left();
        let (body, next) = if left == Some(0) {
            (Body::empty(), Stage::drain(self.lane.shared.rest))
        } else {
            let (feed, content) = relay(left);
            (Body::response(Box::new(content)), Stage::Content { feed, full: None })
        };
        let Stage::Head(job) = std::mem::replace(&mut turn.stage, next) else { return };
        let timing = exchange.lease().course().timing();
        job.reply(Reply::Answered(head.map(|()| body.told(timing))));
    }

    /// The caller does not read what others wait behind.
    fn poll_stalled(
        &mut self,
        exchange: &mut Exchange,
        since: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        if self.is_open || !self.sent.is_empty() {
            ready!(self.timer.poll(Some(since + STALL), cx));
            self.stop();
            if !self.sent.is_empty() {
                exchange.lease().pooled().connection.close_after_current(CloseReason::HeadOfLine);
                self.release(CloseReason::HeadOfLine, exchange.written(), None).tell();
            }
        }
        Poll::Pending
    }

    /// Notes which requests have been written to the end.
    fn written(&mut self, exchange: &mut Exchange) {
        if exchange.cannot_write() && self.is_open {
            self.stop();
        }
        let written = exchange.written();
        for sent in self.sent.iter_mut().filter(|sent| sent.to <= written) {
            sent.course.sent(now);
        }
    }
}

fn abandoned() -> Error {
    Error::new(Kind::Ended(CloseReason::Abandoned), Fate::AnsweredInPart)
}
