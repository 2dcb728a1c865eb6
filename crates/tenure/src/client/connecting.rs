//! Connections being made: by tasks of the pool, so that a request need not wait for one if another
//! is freed, and one that was given up is there for the next.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tenure_proto::Connection;
use tokio::sync::oneshot;

use super::connect::Connected;
use super::lease::Pooled;
use super::origin::Origin;
use super::shared::{Shared, hand_over};
use super::time::now;
use super::timing::{Beginning, Course};
use super::watch::Alarm;
use crate::Fate;
use crate::error::{Error, Kind};
use crate::io::{Tap, Transport};
use crate::observe::{ConnectionInfo, Opened};

/// Hears how many were made of one connection that was asked for in advance, or why it was not.
pub(super) type Asked = oneshot::Sender<Result<usize, Error>>;

/// The place of a connection that is being made. Dropped with its task, at the runtime's end: it is
/// given up.
struct Connecting {
    shared: Arc<Shared>,
    origin: Origin,
    /// Who asked for it in advance.
    asked: Option<Asked>,
    is_done: bool,
}

impl Shared {
    /// Makes a connection in a place that is counted already.
    pub(super) fn make(self: &Arc<Self>, origin: Origin, asked: Option<Asked>) {
        let connecting = Connecting { shared: Arc::clone(self), origin, asked, is_done: false };
        // Without a runtime it is dropped, and its request told.
        self.spawn(connecting.run());
    }

    fn made(self: &Arc<Self>, origin: Origin, made: Connected) {
        let pooled = self.pooled(origin, made);
        let mut state = self.lock();
        let now = now();
        let Some(ticket) = state.pool.connected(&pooled.origin, now) else {
            drop(state);
            return self.check_in(pooled, crate::io::now());
        };
        let waiting = state.waiting.remove(&ticket);
        drop(state);
        hand_over(waiting, Ok(self.lent(pooled, now, None)));
    }

    /// A request that waits hears of it, if no other attempt is left for it; else it is returned.
    fn not_made(self: &Arc<Self>, origin: &Origin, error: Error) -> Option<Error> {
        let mut state = self.lock();
        let (told, acts) = state.pool.failed(origin, now());
        let waiting = told.and_then(|ticket| state.waiting.remove(&ticket));
        drop(state);
        let untold = match waiting {
            Some(waiting) => {
                hand_over(Some(waiting), Err(error));
                None
            }
            None => Some(error),
        };
        self.carry_out(acts);
        untold
    }

    fn pooled(&self, origin: Origin, made: Connected) -> Box<Pooled> {
        let id = {
            let mut state = self.lock();
            state.next_id += 1;
            state.next_id
        };
        if let Some(observer) = &self.observer {
            let (peer, server) = (made.peer, Some(origin.address().clone()));
            observer.opened(Opened { id, peer, server, took: made.took, round_trip: made.round_trip });
        }
        let now = now();
        let info = ConnectionInfo {
            id,
            request: 0,
            peer: made.peer,
            local: made.local,
            client: None,
            server: Some(origin.address().clone()),
            age: Duration::ZERO,
            idle: Duration::ZERO,
            tls: made.tls,
            pipelined: None,
        };
        Box::new(Pooled {
            transport: Transport::new(made.stream, Tap { observer: self.observer.clone(), id }),
            connection: Connection::new(Arc::clone(&self.config)),
            alarm: Alarm::new(origin.clone(), id, Arc::clone(&self.watch)),
            course: Course::begin(info, Beginning { called: now, began: now, making: Some(made.making) }),
            origin,
            id,
            opened: now,
            old_at: self.max_age.and_then(|age| now.checked_add(self.jitter.less(id, age))),
            carries: self.max_requests.map(|most| most - self.jitter.of(id, most / 10)),
            quiet_since: now,
            exchanges: 0,
            was_idle: false,
            hint: None,
        })
    }
}

impl Connecting {
    async fn run(mut self) {
        let made = loop {
            match self.shared.connector.connect(&self.origin).await {
                Err(error) if error.lacks_descriptors() && self.shared.give_up_one() => {}
                made => break made,
            }
        };
        self.end(made);
    }

    fn end(&mut self, made: Result<Connected, Error>) {
        self.is_done = true;
        let outcome = match made {
            Ok(made) => {
                self.shared.made(self.origin.clone(), made);
                Ok(1)
            }
            Err(error) => self.shared.not_made(&self.origin, error).map_or(Ok(0), Err),
        };
        match (self.asked.take(), outcome) {
            (Some(asked), outcome) => drop(asked.send(outcome)),
            (None, Err(error)) => tracing::debug!(%error, "nobody waits for this connection any more"),
            (None, Ok(_)) => {}
        }
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        if !self.is_done {
            let source = io::Error::other("there is no runtime, or it has ended").into();
            let kind = Kind::Connect { target: self.origin.to_string(), source };
            self.end(Err(Error::new(kind, Fate::NotSent)));
        }
    }
}
