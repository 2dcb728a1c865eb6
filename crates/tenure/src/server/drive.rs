//! THE server loop: receive, act on the event, flush before waiting, obey the directive.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

#[cfg(target_os = "linux")]
use socket2::SockRef;
use tenure_proto::{CloseReason, Connection, Directive, ErrorKind, ProtocolError, Server};

use super::entry::Entry;
use super::facts::{Facts, Sides};
use super::observed::Observed;
use super::parked::{Parked, Tick};
use super::shared::{Ending, Shared};
use super::stream::Stream;
use super::upgrade;
use crate::io::incoming::Feed;
use crate::io::{Deadline, Socket, Transport, now};

/// What answers the requests of a connection.
pub(super) trait Engine<S: Stream>: Clone + Send + 'static {
    /// One event of the connection, and what follows from it.
    fn turn(served: Box<Served<S, Self>>) -> impl Future<Output = Turned<S, Self>> + Send;
}

/// A connection and what answers its requests. In a box, so that whatever takes the turn can own it.
pub(super) struct Served<S: Stream, E> {
    pub(super) drive: Drive<S>,
    pub(super) engine: E,
}

/// A turn gives back what it was given.
pub(super) type Turned<S, E> = (Box<Served<S, E>>, Result<(), Ended>);

/// One connection and everything that drives it.
pub(super) struct Drive<S: Stream> {
    pub(super) shared: Arc<Shared>,
    pub(super) transport: Transport<S>,
    pub(super) connection: Connection<Server>,
    pub(super) deadline: Deadline,
    /// Where the content of the request under way goes.
    pub(super) feed: Option<Feed>,
    /// The handler waits for content that the client has not sent yet.
    pub(super) awaits_content: bool,
    /// Until the response under way is sent, an end of the connection must be a reset.
    pub(super) resets: bool,
    /// Who waits for the connection, once it is handed over. Boxed: few are.
    pub(super) upgrade: Option<Box<upgrade::Offer>>,
    /// The exchange under way, as far as somebody wants to know of it.
    pub(super) observed: Observed,
    pub(super) facts: Facts,
    entry: Entry,
    /// An exchange is complete, and the loop has not looked at the clock since.
    fell_quiet: bool,
    /// How long an idle time that began before the connection was parked still lasts.
    idle_until: Option<Instant>,
    /// Quiet for long enough: the connection goes on without its task.
    parks: bool,
    /// The connection knows that the server drains.
    drains: bool,
    /// Since when the peer takes nothing of what is to be sent.
    stalled_since: Option<Instant>,
    /// Last: when the task is cut or the handler panics, the exchange's end is told before it.
    ending: Ending,
}

/// What becomes of a connection that stays idle.
#[derive(Clone, Copy)]
pub(super) enum Quiet {
    /// It waits as long as its timeout lets it.
    Waits,
    /// From then on it is parked.
    Parks(Instant),
    /// Then it ends: the server drains.
    Ends(Instant),
}

impl Quiet {
    const fn end(self) -> Option<Instant> {
        match self {
            Self::Waits => None,
            Self::Parks(at) | Self::Ends(at) => Some(at),
        }
    }
}

/// What a connection's task leaves behind.
pub(super) enum Left<S: Stream> {
    /// Nothing: the connection has ended.
    Nothing,
    /// A connection that goes on without a task.
    Parked(Parked<S>),
    /// A connection that is about to begin, in a task that need not hold what came before.
    Begun(Box<Drive<S>>),
}

/// The connection has ended, for this reason.
pub(super) struct Ended(pub(super) CloseReason);

impl<S: Stream> Drive<S> {
    /// A connection that was just accepted; it stands for whom its entry says. Without a `peer` it is asked for, if
    /// somebody asks.
    #[inline]
    pub(super) fn new(shared: Arc<Shared>, stream: S, id: u64, peer: Option<SocketAddr>, entry: Entry) -> Self {
        let mut connection = Connection::new(Arc::clone(&shared.config));
        if let Some(limit) = shared.request_limit(id) {
            connection.limit_requests(limit);
        }
        let opened = now();
        let sides = match &entry.proxied {
            Some(ends) => Sides::new(Some(ends.source), Some(ends.destination)),
            None => Sides::new(peer, shared.local),
        };
        Self {
            facts: Facts { id, sides, opened, quiet_since: opened, stepped: opened },
            transport: Transport::new(stream, shared.tap(id)),
            connection,
            deadline: Deadline::default(),
            feed: None,
            awaits_content: false,
            resets: false,
            upgrade: None,
            observed: Observed::default(),
            ending: Ending::new(Arc::clone(&shared), id),
            entry,
            fell_quiet: false,
            idle_until: None,
            parks: false,
            drains: false,
            stalled_since: None,
            shared,
        }
    }

    /// A connection that was parked.
    #[cfg(target_os = "linux")]
    pub(super) fn resume(shared: Arc<Shared>, parked: Parked<S>) -> io::Result<Self> {
        if parked.until != Tick::NEVER {
            shared.limits.probes.resume(SockRef::from(&parked.socket));
        }
        let socket = Socket::enter(parked.socket)?;
        let [opened, quiet_since, idle_until] = shared.epoch.begin([parked.opened, parked.quiet_since, parked.until]);
        let mut connection = Connection::resume(Arc::clone(&shared.config), parked.exchanges);
        if let Some(limit) = shared.request_limit(parked.id) {
            connection.limit_requests(limit.saturating_sub(parked.exchanges));
        }
        let mut drive = Self::new(shared, S::join(socket, parked.session), parked.id, None, parked.entry);
        (drive.connection, drive.idle_until) = (connection, idle_until);
        let facts = &mut drive.facts;
        (facts.opened, facts.quiet_since) = (opened.unwrap_or(facts.opened), quiet_since.unwrap_or(facts.opened));
        Ok(drive)
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn resume(_: Arc<Shared>, _: Parked<S>) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// It has ended, for this reason.
    fn ended(mut self, why: CloseReason) {
        self.observed = Observed::default();
        self.ending.why = Some(why);
        drop(self.ending);
        if let (CloseReason::HandedOver, Some(offer)) = (why, self.upgrade) {
            let (stream, read) = self.transport.into_parts();
            // Nobody may have waited; then the stream is dropped, which closes it.
            drop(offer.send(upgrade::Upgraded::new(stream, read)));
        }
    }

    #[cfg(target_os = "linux")]
    fn park(mut self) -> Left<S> {
        let (epoch, id) = (self.shared.epoch, self.id());
        let until = self.idle_until.or_else(|| Some(self.connection.deadline()?.1));
        let until = until.map_or(Tick::NEVER, |at| epoch.after(at));
        let (stream, _) = self.transport.into_parts();
        let parted = stream.part().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected));
        match parted.and_then(|(socket, session)| Ok((socket.leave()?, session))) {
            Ok((socket, session)) => {
                if until != Tick::NEVER {
                    self.shared.limits.probes.pause(SockRef::from(&socket));
                }
                let parked = Parked {
                    id,
                    exchanges: self.connection.exchanges(),
                    opened: epoch.at(self.facts.opened),
                    quiet_since: epoch.at(self.facts.quiet_since),
                    until,
                    socket,
                    session,
                    entry: self.entry,
                };
                self.ending.goes_on();
                Left::Parked(parked)
            }
            Err(error) => {
                tracing::warn!(connection = id, %error, "cannot be parked");
                self.ending.why = Some(CloseReason::Transport);
                Left::Nothing
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn park(self) -> Left<S> {
        Left::Nothing
    }

    /// Flushes, then waits for the next bytes of a request, or for the drain to begin.
    pub(super) async fn wait_for_request(&mut self) -> Result<(), Ended> {
        poll_fn(|cx| self.poll_flush(cx)).await?;
        self.drains = self.shared.is_draining();
        let quiet = if self.drains {
            self.connection.close_after_current(CloseReason::Shutdown);
            // Whoever was promised an idle time may count on it; the others get a moment.
            let promised = self.shared.config.announce_idle && self.connection.exchanges() > 0;
            if promised { Quiet::Waits } else { Quiet::Ends(now() + self.shared.drain_grace) }
        } else {
            self.leaves_at().map_or(Quiet::Waits, Quiet::Parks)
        };
        self.fill(quiet).await
    }

    /// When the connection, if it stays as quiet as it is, needs its task no more.
    fn leaves_at(&self) -> Option<Instant> {
        let after = self.shared.park_after()?;
        let is_quiet = self.connection.is_idle() && self.transport.unread().is_empty();
        if is_quiet { self.facts.stepped.checked_add(after) } else { None }
    }

    /// Reads once, until the running wait ends, or the connection has been idle for long enough. (An async fn would
    /// keep its arguments twice.)
    pub(super) fn fill(&mut self, quiet: Quiet) -> impl Future<Output = Result<(), Ended>> + Send {
        poll_fn(move |cx| {
            if let Poll::Ready(filled) = self.poll_fill(cx) {
                return Poll::Ready(filled);
            }
            if !self.drains && self.shared.is_draining() {
                // Look again, now in the state of draining.
                self.drains = true;
                return Poll::Ready(Ok(()));
            }
            let is_idle = self.connection.is_idle();
            let may_leave = is_idle && (!matches!(quiet, Quiet::Parks(_)) || self.transport.stream().can_part());
            let (quiet_end, idle_end) = (quiet.end().filter(|_| may_leave), self.idle_until.filter(|_| is_idle));
            let wait_end = self.connection.deadline().map(|(_, at)| at);
            let at = [quiet_end, idle_end, wait_end].into_iter().flatten().min();
            ready!(self.deadline.poll_in_one_task(at, cx));
            let has_come = |end: Option<Instant>| end.is_some_and(|end| end <= now());
            match quiet {
                _ if has_come(idle_end) => return Poll::Ready(self.idled_too_long()),
                Quiet::Parks(_) if has_come(quiet_end) => self.parks = true,
                Quiet::Ends(_) if has_come(quiet_end) => self.connection.close(CloseReason::Shutdown),
                _ => return Poll::Ready(self.expire(now())),
            }
            Poll::Ready(Ok(()))
        })
    }

    /// An idle time that began before the connection was parked has ended: as if the core's own,
    /// which began when it woke, had.
    fn idled_too_long(&mut self) -> Result<(), Ended> {
        if let Some((_, at)) = self.connection.deadline() {
            return self.expire(at);
        }
        self.connection.close(CloseReason::Idle);
        Ok(())
    }

    fn expire(&mut self, now: Instant) -> Result<(), Ended> {
        match self.connection.expire(now) {
            Ok(()) => Ok(()),
            Err(error) => self.refuse_now(error),
        }
    }

    /// An exchange is complete.
    pub(super) const fn fell_quiet(&mut self) {
        self.fell_quiet = true;
        self.ending.exchanges = self.connection.exchanges();
        // Until the clock is looked at again.
        self.facts.quiet_since = self.facts.stepped;
    }

    /// An exchange is complete, and the clock was not looked at since.
    pub(super) const fn has_fallen_quiet(&self) -> bool {
        self.fell_quiet
    }

    /// The time of one turn of the loop, for which the clock is read once.
    pub(super) fn take_time(&mut self) -> Instant {
        let now = now();
        self.facts.stepped = now;
        if std::mem::take(&mut self.fell_quiet) {
            self.facts.quiet_since = now;
            self.idle_until = None;
        }
        now
    }

    /// The connection's number.
    pub(super) const fn id(&self) -> u64 {
        self.facts.id
    }

    /// Writes what is queued. A peer that reads nothing for too long loses its connection.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        let before = self.transport.sent();
        if let Poll::Ready(flushed) = self.transport.poll_flush(cx) {
            self.stalled_since = None;
            return Poll::Ready(flushed.map_err(|e| self.unsent(&e)));
        }
        if self.transport.sent() > before {
            self.stalled_since = None;
        }
        let since = *self.stalled_since.get_or_insert_with(now);
        let end = self.connection.config().timeouts.send.and_then(|limit| since.checked_add(limit));
        ready!(self.deadline.poll_in_one_task(end, cx));
        // What the kernel still holds for this peer is given up with the connection.
        self.transport.stream_mut().reset_on_close(true);
        Poll::Ready(Err(Ended(CloseReason::TimedOut)))
    }

    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        let content = self.connection.is_receiving_content();
        match ready!(self.transport.poll_fill(content, cx)) {
            Ok(0) => Poll::Ready(match self.connection.receive_eof() {
                Ok(_) => Ok(()),
                Err(error) if self.feed.is_some() => self.fail_content(error),
                Err(error) => self.refuse_now(error),
            }),
            Ok(_) => Poll::Ready(Ok(())),
            Err(e) => Poll::Ready(Err(Ended(broken(&e)))),
        }
    }

    /// Answers a request that cannot be read, and closes; to be flushed.
    pub(super) fn refuse_now(&mut self, error: ProtocolError) -> Result<(), Ended> {
        tracing::debug!(connection = self.id(), %error, "refused");
        if error.kind() == ErrorKind::IncompleteHead || self.connection.is_sending() {
            // The client stopped by itself, or the answer is under way: a status would help nobody.
            self.connection.close(CloseReason::PeerFin);
            return Ok(());
        }
        // Unless it is the content of a request whose exchange is told anyway.
        let unread = !self.observed.is_exchange();
        if unread {
            self.begin_unread();
        }
        let queued = self.queue_answer(error.status(), &error.to_string());
        if unread && queued.is_ok() {
            self.observed.complete();
        }
        queued
    }
}

/// Runs a connection to its end, or until it can be parked.
#[expect(clippy::manual_async_fn, reason = "an async fn would keep its argument twice, for each connection")]
pub(super) fn run<S: Stream, E: Engine<S>>(mut served: Box<Served<S, E>>) -> impl Future<Output = Left<S>> + Send {
    async move {
        // A task's waker stays the same: registered once, the task hears when the drain begins.
        let shared = Arc::clone(&served.drive.shared);
        let mut drain = pin!(shared.drain.notified());
        poll_fn(|cx| Poll::Ready(drain.as_mut().poll(cx).is_ready())).await;
        loop {
            served.drive.ending.exchanges = served.drive.connection.exchanges();
            if served.drive.parks {
                return served.drive.park();
            }
            let turn;
            match served.drive.connection.directive() {
                Directive::Proceed => (served, turn) = E::turn(served).await,
                Directive::HandOver => turn = Err(Ended(CloseReason::HandedOver)),
                _ => turn = Err(served.drive.tear_down().await),
            }
            if let Err(Ended(why)) = turn {
                served.drive.ended(why);
                return Left::Nothing;
            }
        }
    }
}

/// Why reading or writing failed.
pub(super) fn broken(error: &io::Error) -> CloseReason {
    use io::ErrorKind as K;
    match error.kind() {
        K::ConnectionReset | K::BrokenPipe | K::ConnectionAborted => CloseReason::PeerReset,
        K::UnexpectedEof => CloseReason::PeerFin,
        // Of a layer below HTTP.
        K::InvalidData => CloseReason::Malformed,
        _ => CloseReason::Transport,
    }
}
