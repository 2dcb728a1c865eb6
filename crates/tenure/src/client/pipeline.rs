//! Pipelining (RFC 9112 section 9.3.2): requests that may be sent twice go out without waiting for
//! the responses to those before them.
//!
//! Elsewhere an exchange runs in its caller's future. Here a connection has many callers, any of whom
//! may be slow or go away, so a task of its own drives it: a lane. [`lanes`] decides which lane takes
//! which request, [`trust`] whether the origin is pipelined to at all, [`lane`] sends and receives,
//! [`relay`] takes content to its caller. A request whose connection ended before its answer goes
//! back to its caller, who sends it once more, alone.

mod job;
mod lane;
mod lanes;
mod relay;
mod trust;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Instant;

use http::{Response, StatusCode, header};
use http_body::Body as _;
use tenure_proto::{Attempt, CloseReason, Fate, MethodClass, Verdict, Version};
use tokio::sync::oneshot;
use tracing::{Instrument as _, Span};

use self::job::{Failure, Job, Reply};
use self::lanes::{Answered, Given, LaneId, Lanes, Placement, Ticket};
use super::origin::Origin;
use super::request::Prepared;
use super::shared::Shared;
use crate::error::{Error, Kind};
use crate::io::now;
use crate::{Body, ConnectionInfo, ResponseExt as _};

/// Whether requests go out before the responses to earlier ones have come.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Pipelining {
    /// One request at a time on each connection.
    #[default]
    Off,
    /// Where it can do no harm: only requests with idempotent methods and without content, only to
    /// origins that have answered with HTTP/1.1 and kept the connection. If the connection ends, each
    /// request without an answer is sent once more, alone on a fresh connection.
    ///
    /// An origin that closes or resets a connection amid a pipeline, or whose responses do not fit
    /// the requests, is not pipelined to for 10 minutes. What no client can see is a server that
    /// answers the wrong way round with responses that look right.
    Safe {
        /// Requests outstanding on one connection, at most. 0 and 1 are no pipelining.
        depth: u8,
    },
}

/// What became of a request that may be pipelined.
pub(super) enum Outcome {
    Done(Result<Response<Body>, Error>),
    /// It must be sent alone. `Some`: it was sent before, and this became of it.
    Alone(Option<Fate>),
}

/// All lanes of a client.
pub(super) struct Pipeline {
    depth: u8,
    state: Mutex<State>,
}

/// Guarded by one lock, held for decisions and moves only: never across a wait, and no other lock is
/// taken meanwhile.
struct State {
    lanes: Lanes<Origin>,
    /// Requests that wait for a lane.
    waiting: HashMap<Ticket, Job>,
    inboxes: HashMap<LaneId, Inbox>,
}

/// What a lane is to send.
#[derive(Default)]
struct Inbox {
    jobs: VecDeque<Job>,
    lane: Option<Waker>,
}

impl Pipeline {
    /// `None` if nothing is to be pipelined.
    pub(super) fn new(pipelining: Pipelining) -> Option<Self> {
        match pipelining {
            Pipelining::Off | Pipelining::Safe { depth: 0 | 1 } => None,
            Pipelining::Safe { depth } => {
                let state = State { lanes: Lanes::new(depth), waiting: HashMap::new(), inboxes: HashMap::new() };
                Some(Self { depth, state: Mutex::new(state) })
            }
        }
    }

    /// Requests outstanding on one connection, at most.
    pub(super) const fn depth(&self) -> u8 {
        self.depth
    }

    /// Sends a request that [`suits`] on a lane, if its origin is pipelined to.
    pub(super) async fn request(&self, shared: &Arc<Shared>, prepared: &Arc<Prepared>) -> Outcome {
        let span = super::span(prepared, None);
        match self.send(shared, prepared).instrument(span.clone()).await {
            Reply::Direct => Outcome::Alone(None),
            Reply::Answered(response) => {
                let info = response.connection();
                tell(&span, &response, info);
                // The server gave the connection up before this request came (RFC 9110 section 15.5.9).
                let late = response.status() == StatusCode::REQUEST_TIMEOUT
                    && info.is_some_and(|info| info.is_reused() || info.pipelined.is_some());
                if !late {
                    return Outcome::Done(Ok(response));
                }
                shared.repeated(Fate::Refused);
                Outcome::Alone(Some(Fate::Refused))
            }
            Reply::Failed(failure) => {
                let outcome = failure.outcome(prepared.class);
                if let Outcome::Alone(Some(fate)) = outcome {
                    shared.repeated(fate);
                }
                outcome
            }
        }
    }

    /// Pipelining to this origin went wrong: those that wait go on without.
    pub(super) fn failed(&self, origin: &Origin, why: CloseReason) {
        tracing::debug!(%origin, reason = why.name(), "not pipelined to for a while");
        let mut state = self.lock();
        let tickets = state.lanes.failed(origin, now());
        let jobs = state.take(&tickets);
        drop(state);
        for job in jobs {
            job.reply(Reply::Direct);
        }
    }

    async fn send(&self, shared: &Arc<Shared>, prepared: &Arc<Prepared>) -> Reply {
        let origin = &prepared.origin;
        let has_room = shared.has_room(origin);
        let (reply, receiver) = oneshot::channel();
        let (ticket, placement) = self.place(prepared, reply, has_room);
        match placement {
            Placement::Direct => return Reply::Direct,
            Placement::Open(lane) => lane::spawn(shared, origin, lane),
            Placement::Lane(_) | Placement::Wait => {}
        }
        let waits = Waits { pipeline: self, origin, ticket };
        let failed = |kind, fate, pipelined| {
            Reply::Failed(Failure { error: Error::new(kind, fate), reused: pipelined, pipelined })
        };
        let reply = self.reply(shared, &waits, receiver);
        let reply = match prepared.until {
            None => reply.await,
            Some(until) => match tokio::time::timeout_at(until.into(), reply).await {
                Ok(reply) => reply,
                Err(_) if waits.cancel() => return failed(Kind::TimedOut("a connection"), Fate::NotSent, false),
                Err(_) => return failed(Kind::TimedOut("the response"), Fate::Unknown, false),
            },
        };
        // A lane that is gone without a word was cut off in the midst, with its runtime.
        reply.unwrap_or_else(|_| failed(Kind::Ended(CloseReason::Shutdown), Fate::Unknown, true))
    }

    /// What a request hears that waits for a lane no longer than it may, and then for its answer.
    async fn reply(
        &self,
        shared: &Shared,
        waits: &Waits<'_>,
        mut receiver: oneshot::Receiver<Reply>,
    ) -> Result<Reply, oneshot::error::RecvError> {
        let Some(limit) = shared.acquire_timeout else { return receiver.await };
        let mut since = now();
        loop {
            let Some(end) = since.checked_add(limit) else { return receiver.await };
            if let Ok(reply) = tokio::time::timeout_at(end.into(), &mut receiver).await {
                return reply;
            }
            let waiting = match self.overdue(waits, since) {
                Ok(later) => {
                    since = later;
                    continue;
                }
                Err(waiting) => waiting,
            };
            if !waits.cancel() {
                return receiver.await;
            }
            let (target, open) = (waits.origin.to_string(), shared.load(waits.origin).0);
            let error = Error::new(Kind::NoTurn { target, limit, open, waiting }, Fate::NotSent);
            return Ok(Reply::Failed(Failure::early(error)));
        }
    }

    /// From when on a request's time counts that has waited for long; else how many wait with it.
    fn overdue(&self, waits: &Waits<'_>, since: Instant) -> Result<Instant, usize> {
        let state = self.lock();
        match state.lanes.last_turn(waits.origin) {
            // It is on a lane, and may come back from there.
            _ if !state.waiting.contains_key(&waits.ticket) => Ok(now()),
            // While others get their turns this one comes nearer.
            Some(moved) if moved > since => Ok(moved),
            _ => Err(state.lanes.waiting(waits.origin)),
        }
    }

    fn place(&self, prepared: &Arc<Prepared>, reply: oneshot::Sender<Reply>, has_room: bool) -> (Ticket, Placement) {
        let mut state = self.lock();
        let (ticket, placement) = state.lanes.submit(&prepared.origin, has_room, now());
        let job = Job { ticket, prepared: Arc::clone(prepared), reply };
        let woken = match placement {
            Placement::Direct => None,
            Placement::Lane(lane) => state.put(lane, job),
            Placement::Open(lane) => {
                state.inboxes.insert(lane, Inbox::default());
                state.waiting.insert(ticket, job);
                None
            }
            Placement::Wait => {
                state.waiting.insert(ticket, job);
                None
            }
        };
        drop(state);
        if let Some(waker) = woken {
            waker.wake();
        }
        (ticket, placement)
    }

    /// The next request for a lane; else it is woken when there is one.
    fn next(&self, lane: LaneId, cx: &mut Context<'_>) -> Option<Job> {
        let mut state = self.lock();
        let inbox = state.inboxes.get_mut(&lane)?;
        let job = inbox.jobs.pop_front();
        if job.is_none() {
            inbox.lane = Some(cx.waker().clone());
        }
        job
    }

    /// Decides, and hands out what was decided.
    fn decide(&self, decide: impl FnOnce(&mut Lanes<Origin>) -> Vec<Given>) {
        let mut state = self.lock();
        let given = decide(&mut state.lanes);
        let woken = state.give(given);
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    fn opened(&self, origin: &Origin, lane: LaneId) {
        self.decide(|lanes| lanes.opened(origin, lane, now()));
    }

    fn answered(&self, origin: &Origin, lane: LaneId, answer: Answered) {
        self.decide(|lanes| lanes.answered(origin, lane, answer, now()));
    }

    fn withdrawn(&self, origin: &Origin, lane: LaneId) {
        self.decide(|lanes| lanes.withdrawn(origin, lane, now()));
    }

    /// True if somebody other than lanes waits for a connection to this origin.
    fn is_in_the_way(&self, shared: &Shared, origin: &Origin) -> bool {
        let waiting = shared.waiting(origin);
        waiting > 0 && waiting > self.lock().lanes.opening(origin)
    }

    /// The lane takes no more. What was given to it and not sent is returned.
    fn closing(&self, origin: &Origin, lane: LaneId) -> VecDeque<Job> {
        let mut state = self.lock();
        state.lanes.closing(origin, lane);
        state.inboxes.get_mut(&lane).map(|inbox| std::mem::take(&mut inbox.jobs)).unwrap_or_default()
    }

    /// These were certainly not processed: they wait again. `cut`: they were sent.
    fn again(&self, shared: &Arc<Shared>, origin: &Origin, jobs: Vec<Job>, cut: bool) {
        if jobs.is_empty() {
            return;
        }
        let has_room = shared.has_room(origin);
        let mut state = self.lock();
        let tickets: Vec<Ticket> = jobs.iter().map(|job| job.ticket).collect();
        state.waiting.extend(jobs.into_iter().map(|job| (job.ticket, job)));
        let given = state.lanes.again(origin, &tickets, cut, now());
        let woken = state.give(given);
        let next = state.missing(origin, has_room);
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        if let Some(next) = next {
            lane::spawn(shared, origin, next);
        }
    }

    /// The lane has nothing outstanding. True if it may go; false if there is more to send.
    fn leave(&self, shared: &Arc<Shared>, origin: &Origin, lane: LaneId) -> bool {
        let mut state = self.lock();
        if state.inboxes.get(&lane).is_some_and(|inbox| !inbox.jobs.is_empty()) {
            return false;
        }
        state.inboxes.remove(&lane);
        let next = state.lanes.ended(origin, lane);
        state.inboxes.extend(next.map(|next| (next, Inbox::default())));
        drop(state);
        if let Some(next) = next {
            lane::spawn(shared, origin, next);
        }
        true
    }

    /// The lane is gone without a connection. Those that have no other to wait for.
    fn unopened(&self, origin: &Origin, lane: LaneId) -> Vec<Job> {
        let mut state = self.lock();
        let inbox = state.inboxes.remove(&lane).unwrap_or_default();
        let tickets = state.lanes.unopened(origin, lane);
        let mut jobs = state.take(&tickets);
        jobs.extend(inbox.jobs);
        jobs
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn put(&mut self, lane: LaneId, job: Job) -> Option<Waker> {
        let inbox = self.inboxes.entry(lane).or_default();
        inbox.jobs.push_back(job);
        inbox.lane.take()
    }

    fn give(&mut self, given: Vec<Given>) -> Vec<Waker> {
        let moves = given.into_iter().filter_map(|(lane, ticket)| {
            let job = self.waiting.remove(&ticket)?;
            self.put(lane, job)
        });
        moves.collect()
    }

    fn missing(&mut self, origin: &Origin, has_room: bool) -> Option<LaneId> {
        let next = self.lanes.missing(origin, has_room);
        self.inboxes.extend(next.map(|next| (next, Inbox::default())));
        next
    }

    fn take(&mut self, tickets: &[Ticket]) -> Vec<Job> {
        tickets.iter().filter_map(|ticket| self.waiting.remove(ticket)).collect()
    }
}

/// A caller that waits. Dropped: its request waits no more. One that was sent is dealt with by its lane.
struct Waits<'a> {
    pipeline: &'a Pipeline,
    origin: &'a Origin,
    ticket: Ticket,
}

impl Waits<'_> {
    /// True if it was on no lane yet.
    fn cancel(&self) -> bool {
        let mut state = self.pipeline.lock();
        let waited = state.lanes.cancel(self.origin, self.ticket);
        state.waiting.remove(&self.ticket);
        waited
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl Failure {
    /// What its caller does.
    fn outcome(self, method: MethodClass) -> Outcome {
        let fate = self.error.fate();
        let reused = self.reused || self.pipelined;
        let attempt = Attempt { method, reused, replayable: true, earlier: 0, fate };
        // The caller has seen nothing of an answer, so the request can be repeated whatever came of it
        // (RFC 9110 section 9.2.2); and what came may be the fault of those before it.
        let others = self.pipelined && !self.error.is_timeout();
        match attempt.verdict() {
            _ if others => Outcome::Alone(Some(fate)),
            Verdict::Retry if self.error.lost_connection() => Outcome::Alone(Some(fate)),
            _ => Outcome::Done(Err(self.error)),
        }
    }
}

/// True for requests that may stand in a pipeline: they may be sent twice, nothing of them is lost if
/// they are, and they say nothing about the connection's end.
pub(super) fn suits(prepared: &Prepared, body: &Body) -> bool {
    let method = MethodClass::of(prepared.method.as_str().as_bytes());
    let fields = &prepared.headers;
    method.is_idempotent()
        && prepared.version == Version::Http11
        && body.size_hint().exact() == Some(0)
        && ![header::CONNECTION, header::UPGRADE].iter().any(|name| fields.contains_key(name))
}

fn tell(span: &Span, response: &Response<Body>, info: Option<&ConnectionInfo>) {
    span.record("http.response.status_code", response.status().as_u16());
    let Some(info) = info else { return };
    span.record("connection", info.id);
    span.record("request", info.request);
    if let Some(peer) = info.peer {
        span.record("network.peer.address", tracing::field::display(peer.ip()));
    }
    if let Some(pipelined) = info.pipelined {
        span.record("pipeline.depth", pipelined.depth);
        span.record("pipeline.waited", pipelined.waited.as_secs_f64());
    }
}
