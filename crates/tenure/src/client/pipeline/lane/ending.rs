//! What follows the end of a response on a lane, and the end of its connection: who goes on where.

use tenure_proto::{CloseReason, Fate, Persistence};

use super::turn::{Stage, Turn};
use super::{Lane, Line};
use crate::client::drive::Exchange;
use crate::client::learned::{Ended, Known};
use crate::client::lease::Lease;
use crate::client::pipeline::job::{Failure, Job, Reply, Sent};
use crate::client::pipeline::lanes::Answered;
use crate::client::pipeline::trust::Ending;
use crate::error::{Error, Kind};
use crate::io::now;

impl Line {
    pub(super) fn answered(&mut self, exchange: Exchange, turn: Turn) -> Option<Lease> {
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
    pub(super) fn broken(&mut self, mut exchange: Exchange, mut turn: Turn, error: Error) {
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
    pub(super) fn stop(&mut self) {
        self.is_open = false;
        let Lane { shared, origin, id, .. } = &self.lane;
        let unsent = self.lane.pipeline().closing(origin, *id);
        self.lane.pipeline().again(shared, origin, unsent.into(), false);
    }

    /// Those behind the response under way get no answer here. `due`: the one whose turn it is has none
    /// either.
    pub(super) fn release(&mut self, why: CloseReason, written: u64, due: Option<&Turn>) -> Unanswered {
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
pub(super) struct Unanswered(Vec<(Job, Error)>);

impl Unanswered {
    pub(super) fn tell(self) {
        for (job, error) in self.0 {
            job.reply(Reply::Failed(Failure { error, reused: true, pipelined: true }));
        }
    }
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
