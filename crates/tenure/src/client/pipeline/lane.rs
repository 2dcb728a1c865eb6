//! A lane: the task that drives one connection for many callers. It sends requests as they come and
//! hands out the responses in their order, each by [`Exchange`], the client's one loop.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Response;
use http_body::Frame;
use tenure_proto::{CloseReason, Fate, Persistence};

use super::Pipeline;
use super::job::{Failure, Job, Reply, Sent};
use super::lanes::{Answered, LaneId};
use super::relay::{Feed, Room, relay};
use super::trust::Ending;
use crate::client::drive::{self, Exchange, Queued, Rest, Step};
use crate::client::evidence::Before;
use crate::client::learned::{Ended, Known};
use crate::client::lease::Lease;
use crate::client::origin::Origin;
use crate::client::shared::{Shared, Wish};
use crate::client::time;
use crate::client::timing::Course;
use crate::error::{Error, Kind};
use crate::io::{Deadline, now};
use crate::{Body, ConnectionInfo, Pipelined};

/// A caller may leave its response unread for so long while others wait behind it.
const STALL: Duration = Duration::from_secs(1);

/// Starts the task of a lane that was decided to be opened.
pub(super) fn spawn(shared: &Arc<Shared>, origin: &Origin, id: LaneId) {
    let lane = Lane { shared: Arc::clone(shared), origin: origin.clone(), id, has_left: false };
    tokio::spawn(lane.run());
}

struct Lane {
    shared: Arc<Shared>,
    origin: Origin,
    id: LaneId,
    has_left: bool,
}

impl Lane {
    async fn run(mut self) {
        match self.shared.lease(&self.origin, Wish::Any).await {
            Ok(lease) => {
                self.pipeline().opened(&self.origin, self.id);
                Line::new(self, &lease).run(lease).await;
            }
            Err(error) => {
                self.has_left = true;
                for job in self.pipeline().unopened(&self.origin, self.id) {
                    job.reply(Reply::Failed(Failure::early(error.copy())));
                }
            }
        }
    }

    fn pipeline(&self) -> &Pipeline {
        self.shared.pipeline.as_ref().expect("only a pipeline opens lanes")
    }

    fn is_in_the_way(&self) -> bool {
        self.pipeline().is_in_the_way(&self.shared, &self.origin)
    }

    /// Nothing is outstanding. True if the lane is over, false if there is more to send.
    fn leave(&mut self) -> bool {
        self.has_left = self.pipeline().leave(&self.shared, &self.origin, self.id);
        self.has_left
    }
}

impl Drop for Lane {
    /// The runtime has dropped the task: those that wait for it go on without.
    fn drop(&mut self) {
        if !self.has_left {
            for job in self.pipeline().unopened(&self.origin, self.id) {
                job.reply(Reply::Direct);
            }
        }
    }
}

/// A lane that has its connection.
struct Line {
    /// Sent, and behind the one that is being answered.
    sent: VecDeque<Sent>,
    /// It takes more requests.
    is_open: bool,
    /// Requests answered since the connection was taken from the pool, and what it was then.
    answered: u64,
    taken: ConnectionInfo,
    /// When it was last seen to be quiet.
    quiet_since: Instant,
    timer: Deadline,
    lane: Lane,
}

/// Where the response to the oldest request stands.
enum Stage {
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
struct Turn {
    stage: Stage,
    /// It was sent on a connection that had carried another request.
    reused: bool,
    /// Others were outstanding beside it when it was sent.
    pipelined: bool,
    /// Its answer is of HTTP/1.1.
    http11: bool,
}

impl Line {
    fn new(lane: Lane, lease: &Lease) -> Self {
        Self {
            sent: VecDeque::new(),
            is_open: true,
            answered: 0,
            taken: lease.info(lease.taken),
            quiet_since: now(),
            timer: Deadline::default(),
            lane,
        }
    }

    /// Until nothing is outstanding, or the connection ends.
    async fn run(mut self, mut lease: Lease) {
        loop {
            if self.sent.is_empty()
                && self.answered > 0
                && let Err(why) = lease.quiet().await
            {
                self.release(why, 0, None).tell();
                break;
            }
            poll_fn(|cx| {
                self.admit(&mut lease, 0, cx);
                Poll::Ready(())
            })
            .await;
            match self.sent.pop_front() {
                Some(front) => match self.answer(lease, front).await {
                    Some(free) => lease = free,
                    None => break,
                },
                None if self.lane.leave() => return,
                None => {}
            }
        }
        self.lane.leave();
    }

    /// Queues what is to be sent. `ahead`: how many are being answered.
    fn admit(&mut self, lease: &mut Lease, ahead: usize, cx: &mut Context<'_>) {
        // Requests that must not stand in a pipeline have their turn too.
        if self.is_open && ahead > 0 && self.lane.is_in_the_way() {
            self.stop();
        }
        while self.is_open && !lease.pooled().transport.is_full() {
            // Another connection shall carry those that come.
            if self.is_spent(lease) {
                self.stop();
                break;
            }
            let Some(job) = self.lane.pipeline().next(self.lane.id, cx) else { break };
            if job.reply.is_closed() {
                self.lane.pipeline().withdrawn(&self.lane.origin, self.lane.id);
            } else {
                self.send(lease, job, ahead);
            }
        }
    }

    /// The pool lets its connection carry no further request.
    fn is_spent(&self, lease: &mut Lease) -> bool {
        let pooled = lease.pooled();
        let requests = pooled.connection.exchanges() + pooled.connection.outstanding() as u64;
        requests > 0 && self.lane.shared.spent(pooled, requests, time::now()).is_some()
    }

    fn send(&mut self, lease: &mut Lease, job: Job, ahead: usize) {
        let depth = ahead + self.sent.len() + 1;
        let mut info = lease.info(time::now());
        if depth > 1 {
            info.idle = Duration::ZERO;
            info.pipelined = Some(Pipelined { depth, waited: Duration::ZERO });
        } else if self.answered > 0 {
            info.idle = now() - self.quiet_since;
        }
        let crosses = depth == 1 && info.is_reused();
        let before = crosses.then(|| Before::of(&**lease.pooled().transport.stream()));
        let from = lease.pooled().transport.queued();
        if let Err(error) = drive::queue_whole(lease, &job.prepared) {
            self.lane.pipeline().withdrawn(&self.lane.origin, self.lane.id);
            return job.reply(Reply::Failed(Failure::early(error)));
        }
        let to = lease.pooled().transport.queued();
        let observed = drive::observe(lease, &info, &job.prepared);
        let course = Course::begin(job.prepared.called, lease.pooled().making.take());
        self.sent.push_back(Sent { job, info, observed, from, to, before, course });
    }

    /// Hands out the response to the oldest request. The connection, if it goes on.
    async fn answer(&mut self, lease: Lease, front: Sent) -> Option<Lease> {
        let Sent { job, mut info, mut observed, from, to, before, course } = front;
        if let (Some(pipelined), Some(at)) = (&mut info.pipelined, course.sent_at()) {
            pipelined.waited = now() - at;
            if let Some(observed) = &mut observed {
                observed.pipelined(*pipelined);
            }
        }
        let on_interim = job.prepared.on_interim.clone();
        let mut turn = Turn {
            stage: Stage::Head(job),
            reused: info.is_reused(),
            pipelined: info.pipelined.is_some(),
            http11: false,
        };
        let queued = Queued { info, observed, from, to, before, course, on_interim };
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
        job.reply(Reply::Answered(head.map(|()| body)));
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
            sent.course.sent();
        }
    }

    fn answered(&mut self, exchange: Exchange, turn: Turn) -> Option<Lease> {
        if let Stage::Content { feed, .. } = turn.stage {
            feed.end(Ok(()));
        }
        let mut lease = exchange.into_lease();
        self.answered += 1;
        self.quiet_since = now();
        let pooled = lease.pooled();
        let max = pooled.hint.and_then(|hint| hint.max);
        match pooled.connection.persistence() {
            Persistence::Persist => {
                let answer = Answered { persists: turn.http11, max };
                self.lane.pipeline().answered(&self.lane.origin, self.lane.id, answer);
                Some(lease)
            }
            Persistence::Close(why) => {
                self.release(why, pooled.transport.sent(), None).tell();
                None
            }
        }
    }

    /// The connection has ended amid a response, or before it.
    fn broken(&mut self, mut exchange: Exchange, mut turn: Turn, error: Error) {
        let why = match exchange.lease().pooled().connection.persistence() {
            Persistence::Close(why) => why,
            Persistence::Persist => CloseReason::Abandoned,
        };
        turn.pipelined |= !self.sent.is_empty();
        let due = matches!(turn.stage, Stage::Head(_)).then_some(&turn);
        let others = self.release(why, exchange.written(), due);
        // Its end is told before anybody asks for another connection.
        drop(exchange);
        let Turn { reused, pipelined, .. } = turn;
        match turn.stage {
            Stage::Head(job) => job.reply(Reply::Failed(Failure { error, reused, pipelined })),
            Stage::Content { feed, .. } => feed.end(Err(error)),
            Stage::Drain { .. } => {}
        }
        others.tell();
    }

    /// Takes no more requests; others shall have those that it was given.
    fn stop(&mut self) {
        self.is_open = false;
        let Lane { shared, origin, id, .. } = &self.lane;
        let unsent = self.lane.pipeline().closing(origin, *id);
        self.lane.pipeline().again(shared, origin, unsent.into(), false);
    }

    /// Those behind the response under way get no answer here. `due`: the one whose turn it is has none
    /// either.
    fn release(&mut self, why: CloseReason, written: u64, due: Option<&Turn>) -> Unanswered {
        self.stop();
        let Lane { shared, origin, .. } = &self.lane;
        let pipeline = self.lane.pipeline();
        let ending = Ending {
            why,
            pipelined: !self.sent.is_empty() || due.is_some_and(|turn| turn.pipelined),
            answered: self.answered,
            idle: self.taken.idle,
            depth: pipeline.depth(),
        };
        if ending.is_fault() {
            pipeline.failed(origin, why);
        } else if ending.is_idle_race() {
            let Self { taken, .. } = self;
            let ended = Ended { id: taken.id, exchanges: taken.request - 1, idle: taken.idle, known: Known::Later };
            shared.found_closed(origin, ended);
        }
        let (mut again, mut failed) = (Vec::new(), Vec::new());
        for Sent { job, observed, from, to, .. } in self.sent.drain(..) {
            drop(observed);
            match fate(from, to, written) {
                // RFC 9112 section 9.6: the server "MUST NOT process any further requests".
                _ if why == CloseReason::CloseOption => {
                    shared.repeated(Fate::Refused);
                    again.push(job);
                }
                Fate::NotSent => again.push(job),
                fate => failed.push((job, Error::new(Kind::Unanswered(why), fate))),
            }
        }
        pipeline.again(shared, origin, again, true);
        Unanswered(failed)
    }
}

/// Requests that the server may or may not have processed.
#[must_use]
struct Unanswered(Vec<(Job, Error)>);

impl Unanswered {
    fn tell(self) {
        for (job, error) in self.0 {
            job.reply(Reply::Failed(Failure { error, reused: true, pipelined: true }));
        }
    }
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

fn abandoned() -> Error {
    Error::new(Kind::Ended(CloseReason::Abandoned), Fate::AnsweredInPart)
}

/// What the server can have of a request that stands `from..to` among what was sent on the
/// connection, when so many bytes of it were written.
const fn fate(from: u64, to: u64, written: u64) -> Fate {
    if written <= from {
        Fate::NotSent
    } else if written < to {
        Fate::Incomplete
    } else {
        Fate::Unknown
    }
}
