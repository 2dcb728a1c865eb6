//! The acceptor: from a listener to one task a connection, the parked ones, and the drain at the
//! end. Everything that happens to the whole of a server happens here, one event at a time.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinSet};

use super::drive::{self, Drive, Engine, Left, Served};
use super::entry::Entry;
use super::introduce::introduce;
use super::listener::Listener;
use super::parked::{Parked, Tick};
use super::proxy_protocol::{Admission, ProxyProtocol};
use super::shared::{Ending, Shared, closed};
use super::stream::Stream;
use crate::CloseReason;
use crate::idle::Lot;
use crate::io::{Deadline, Socket, now};
use crate::observe::Opened;

/// How long the acceptor rests when the process has no file descriptor left and no connection
/// sleeps: others must end first, and asking again at once would only spin.
const REST: Duration = Duration::from_millis(50);

/// What has woken a parked connection is read within this time, even if its idle time has ended
/// meanwhile: mostly it is a request.
const READ_WITHIN: Duration = Duration::from_secs(1);

/// Connections accepted in one go: then whoever has left or was woken has its turn.
const BATCH: usize = 16;

/// Connections that wait in a listener's queue, at most: Linux's own limit (`SOMAXCONN`).
pub(super) const LONGEST_QUEUE: usize = 4096;

pub(super) async fn run<S: Stream, E: Engine<S>>(
    shared: Shared,
    context: S::Context,
    listener: Listener,
    engine: E,
    stop: impl Future,
) -> io::Result<()> {
    let last_id = shared.first_id;
    let acceptor = Acceptor {
        shared: Arc::new(shared),
        context,
        listener: Some(listener),
        engine,
        connections: JoinSet::new(),
        lot: Lot::new()?,
        woken: Vec::new(),
        timer: Deadline::default(),
        rests_until: None,
        last_id,
    };
    // A task of its own, wherever this future is polled: `#[tokio::main]` has a thread for that, and
    // every new or woken connection would have to pass through it. Dropped, it is aborted.
    let mut task = JoinSet::new();
    let (end, ended) = oneshot::channel::<()>();
    task.spawn(acceptor.run_to_end(ended));
    let mut served = pin!(async {
        match task.join_next().await {
            None => Ok(()),
            Some(Ok(served)) => served,
            Some(Err(error)) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(io::Error::other("the runtime shuts down")),
            },
        }
    });
    tokio::select! {
        biased;
        _ = stop => drop(end),
        served = &mut served => return served,
    }
    served.await
}

struct Acceptor<S: Stream, E> {
    shared: Arc<Shared>,
    /// What a layer above the sockets needs.
    context: S::Context,
    /// `None` once the server drains.
    listener: Option<Listener>,
    engine: E,
    connections: JoinSet<Left<S>>,
    lot: Lot<Parked<S>>,
    woken: Vec<Parked<S>>,
    timer: Deadline,
    /// Until then no connection is accepted.
    rests_until: Option<Instant>,
    last_id: u64,
}

enum Event {
    /// Tasks have ended: some, and what they left was seen to.
    Left,
    Woken,
    Timer,
    /// Connections were accepted, and begun.
    Accepted,
    NotAccepted(io::Error),
}

impl<S: Stream, E: Engine<S>> Acceptor<S, E> {
    /// Until `stop` is ready and all connections have ended.
    async fn run_to_end(mut self, stop: oneshot::Receiver<()>) -> io::Result<()> {
        self.serve(stop).await?;
        let deadline = self.shared.drain_deadline;
        if tokio::time::timeout(deadline, self.drain()).await.is_err() {
            tracing::warn!("the drain deadline has passed; connections are cut");
        }
        self.end_parked(CloseReason::Shutdown);
        Ok(())
    }

    /// Until `stop` is ready.
    async fn serve(&mut self, mut stop: oneshot::Receiver<()>) -> io::Result<()> {
        if let Some(listener) = &mut self.listener {
            listener.set_options(self.shared.limits.probes);
        }
        loop {
            tokio::select! {
                biased;
                _ = &mut stop => return Ok(()),
                event = std::future::poll_fn(|cx| self.poll_event(cx)) => self.handle(event)?,
            }
        }
    }

    /// Until the last connection has ended.
    async fn drain(&mut self) {
        self.let_waiting_in();
        self.shared.start_drain();
        // Whoever was promised an idle time may count on it; the others get a moment.
        let grace = self.shared.drain_grace;
        let promised = self.shared.config.announce_idle;
        let until = if promised { None } else { now().checked_add(grace) };
        while !self.connections.is_empty() || self.lot.len() > 0 {
            let event = std::future::poll_fn(|cx| {
                if let (Some(until), true) = (until, self.lot.len() > 0)
                    && self.timer.poll(Some(until), cx).is_ready()
                {
                    return Poll::Ready(None);
                }
                self.poll_event(cx).map(Some)
            });
            match event.await {
                Some(event) => drop(self.handle(event)),
                None => self.end_parked(CloseReason::Shutdown),
            }
        }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if self.poll_left(cx).is_ready() {
            return Poll::Ready(Event::Left);
        }
        if self.lot.poll_woken(cx, &mut self.woken).is_ready() {
            return Poll::Ready(Event::Woken);
        }
        let expires = self.lot.next_end().and_then(|end| self.shared.epoch.begins(end));
        let at = [expires, self.rests_until].into_iter().flatten().min();
        if self.timer.poll(at, cx).is_ready() {
            return Poll::Ready(Event::Timer);
        }
        if self.rests_until.is_some() { Poll::Pending } else { self.poll_accept(cx) }
    }

    /// Sees to all tasks that have ended, if any has.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut any = Poll::Pending;
        while let Poll::Ready(Some(left)) = self.connections.poll_join_next(cx) {
            self.left(left);
            any = Poll::Ready(());
        }
        any
    }

    /// Accepts who waits, several in one go: connections that come together are many.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let mut event = Poll::Pending;
        for _ in 0..BATCH {
            if !self.has_room() {
                break;
            }
            let Some(listener) = &mut self.listener else { break };
            match listener.poll_accept(cx) {
                Poll::Ready(Ok((socket, peer))) => self.open(socket, peer),
                Poll::Ready(Err(error)) => return Poll::Ready(Event::NotAccepted(error)),
                Poll::Pending => break,
            }
            event = Poll::Ready(Event::Accepted);
        }
        event
    }

    fn handle(&mut self, event: Event) -> io::Result<()> {
        match event {
            Event::Left | Event::Accepted => {}
            Event::Woken => {
                let read = now().checked_add(READ_WITHIN).map_or(Tick::NEVER, |at| self.shared.epoch.after(at));
                for mut parked in std::mem::take(&mut self.woken) {
                    parked.until = parked.until.max(read);
                    self.wake(parked);
                }
            }
            Event::Timer => self.time_passed(),
            Event::NotAccepted(error) if is_fatal(&error) => return Err(error),
            Event::NotAccepted(error) => self.not_accepted(&error),
        }
        self.count();
        Ok(())
    }

    /// Closes the listener, with nobody in its queue: those would be reset, after they have connected.
    fn let_waiting_in(&mut self) {
        let Some(mut listener) = self.listener.take() else { return };
        for _ in 0..LONGEST_QUEUE {
            if !self.has_room() {
                return;
            }
            let Some((socket, peer)) = listener.accept_waiting() else { return };
            self.open(socket, peer);
        }
    }

    fn open(&mut self, socket: Socket, peer: Option<SocketAddr>) {
        self.last_id += self.shared.id_step;
        let id = self.last_id;
        self.shared.tell(|observer| {
            observer.opened(Opened { id, peer, server: None, took: Duration::ZERO, round_trip: None });
        });
        match self.enter(peer) {
            Ok(entry) => {
                self.begin(socket, id, peer, entry);
                self.make_room();
            }
            Err(why) => closed(&self.shared.tap(id), why, 0),
        }
    }

    /// Gives a connection its task; one of its own before that to whatever comes before HTTP.
    fn begin(&mut self, socket: Socket, id: u64, peer: Option<SocketAddr>, entry: Entry) {
        let shared = Arc::clone(&self.shared);
        let bare = if shared.proxy == ProxyProtocol::Off { S::bare(socket) } else { Err(socket) };
        match bare {
            Ok(stream) => self.run(Drive::new(shared, stream, id, peer, entry)),
            Err(socket) => {
                drop(self.connections.spawn(establish(shared, self.context.clone(), socket, id, peer, entry)));
            }
        }
    }

    #[inline]
    fn run(&mut self, drive: Drive<S>) {
        let engine = self.engine.clone();
        self.connections.spawn(drive::run(Box::new(Served { drive, engine })));
    }

    /// Lets a new connection in, or says why not. Whom a proxy brings is known only later.
    fn enter(&mut self, peer: Option<SocketAddr>) -> Result<Entry, CloseReason> {
        let peer = peer.map(|peer| peer.ip());
        match self.shared.proxy.admit(peer) {
            Admission::Refuse => return Err(CloseReason::Untrusted),
            Admission::Header => return Ok(Entry::default()),
            Admission::Plain => {}
        }
        let (Some(addresses), Some(peer)) = (&self.shared.addresses, peer) else { return Ok(Entry::default()) };
        let place = match addresses.enter(peer) {
            Ok(place) => place,
            Err(full) => {
                // Its own longest idle connection makes room.
                let parked = full.longest_idle(|id| self.shared.is_ours(id)).and_then(|slot| self.lot.take(slot));
                self.end(parked.ok_or(CloseReason::AddressLimit)?, CloseReason::AddressLimit);
                full
            }
        };
        Ok(Entry { place: Some(place), proxied: None })
    }

    /// A task has ended: its connection with it, or to be parked, or to be begun.
    fn left(&mut self, left: Result<Left<S>, JoinError>) {
        let parked = match left {
            Ok(Left::Nothing) => return,
            Ok(Left::Begun(drive)) => return self.run(*drive),
            Ok(Left::Parked(parked)) => parked,
            Err(error) => {
                // A handler's panic ends its connection, and nothing else.
                if error.is_panic() {
                    tracing::error!("a handler panicked; its connection is closed");
                }
                return;
            }
        };
        self.shared.tell(|observer| observer.parked(parked.id));
        if let Err((parked, error)) = self.lot.park(parked) {
            tracing::warn!(connection = parked.id, %error, "cannot be parked");
            self.wake(parked);
        }
    }

    /// Gives a connection its task again.
    fn wake(&mut self, parked: Parked<S>) {
        let (id, exchanges) = (parked.id, parked.exchanges);
        self.shared.tell(|observer| observer.woken(id));
        match Drive::resume(Arc::clone(&self.shared), parked) {
            Ok(drive) => self.run(drive),
            Err(error) => {
                tracing::warn!(connection = id, %error, "cannot be woken");
                closed(&self.shared.tap(id), CloseReason::Transport, exchanges);
            }
        }
    }

    /// The longest idle connection ends, if any is parked.
    fn end_oldest(&mut self, why: CloseReason) -> bool {
        let Some(parked) = self.lot.take_oldest() else { return false };
        self.end(parked, why);
        true
    }

    fn end(&self, parked: Parked<S>, why: CloseReason) {
        self.shared.tell(|observer| observer.woken(parked.id));
        closed(&self.shared.tap(parked.id), why, parked.exchanges);
        parked.end();
    }

    fn end_parked(&mut self, why: CloseReason) {
        while self.end_oldest(why) {}
    }

    fn time_passed(&mut self) {
        let now = now();
        if self.rests_until.is_some_and(|until| until <= now) {
            self.rests_until = None;
        }
        let tick = self.shared.epoch.at(now);
        while let Some(parked) = self.lot.take_due(tick) {
            if self.shared.config.answer_idle {
                // It needs a task once more, to say why it ends.
                self.wake(parked);
            } else {
                self.end(parked, CloseReason::Idle);
            }
        }
    }

    /// Room for one more connection, or somebody asleep to make room. While all are busy, new ones
    /// wait in the kernel's queue.
    fn has_room(&self) -> bool {
        self.lot.len() > 0 || self.shared.limits.connections.is_none_or(|most| self.connections.len() < most)
    }

    fn make_room(&mut self) {
        let most = self.shared.limits.connections;
        if most.is_some_and(|most| self.connections.len() + self.lot.len() > most) {
            self.end_oldest(CloseReason::Pressure);
        }
    }

    fn not_accepted(&mut self, error: &io::Error) {
        tracing::warn!(%error, "cannot accept a connection");
        self.shared.tell(|observer| observer.not_accepted(error));
        // Out of descriptors: a sleeping connection has one to give.
        if !is_peers(error) && !self.end_oldest(CloseReason::Pressure) {
            self.rests_until = now().checked_add(REST);
        }
    }

    fn count(&self) {
        let awake = self.connections.len();
        self.shared.awake.store(awake, Ordering::Relaxed);
        self.shared.open.store(awake + self.lot.len(), Ordering::Relaxed);
    }
}

/// What comes before HTTP on a connection that was just accepted: the word of a proxy, a layer.
async fn establish<S: Stream>(
    shared: Arc<Shared>,
    context: S::Context,
    mut socket: Socket,
    id: u64,
    peer: Option<SocketAddr>,
    mut entry: Entry,
) -> Left<S> {
    let mut ending = Ending::new(Arc::clone(&shared), id);
    if shared.proxy != ProxyProtocol::Off {
        match introduce(&shared, id, &mut socket).await {
            Ok(introduced) => entry = introduced,
            Err(why) => {
                ending.why = Some(why);
                return Left::Nothing;
            }
        }
    }
    match S::establish(socket, &context).await {
        Ok(stream) => {
            ending.goes_on();
            Left::Begun(Box::new(Drive::new(shared, stream, id, peer, entry)))
        }
        Err(why) => {
            ending.why = Some(why);
            Left::Nothing
        }
    }
}

/// The connection that was to be accepted is gone already: go on with the next.
pub(super) fn is_peers(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(error.kind(), K::ConnectionAborted | K::ConnectionReset | K::ConnectionRefused | K::Interrupted)
}

/// The listener itself is unusable.
pub(super) fn is_fatal(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::NotConnected)
}
