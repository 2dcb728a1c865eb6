//! A lane: the task that drives one connection for many callers. It sends requests as they come and
//! hands out the responses in their order, each by [`Exchange`](drive::Exchange), the client's one
//! loop: [`turn`]. What follows a response, or the connection's end, is in [`ending`].

mod ending;
mod turn;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::Pipeline;
use super::job::{Failure, Job, Reply, Sent};
use super::lanes::LaneId;
use crate::client::drive;
use crate::client::evidence::Before;
use crate::client::lease::Lease;
use crate::client::origin::Origin;
use crate::client::shared::{Need, Shared};
use crate::client::time;
use crate::client::timing::{Beginning, Course};
use crate::io::{Deadline, now};
use crate::{ConnectionInfo, Pipelined};

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
        match self.shared.lease(&self.origin, Need::Alive, None, None).await {
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
            if Self::is_spent(lease) {
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
    fn is_spent(lease: &mut Lease) -> bool {
        let pooled = lease.pooled();
        let requests = pooled.connection.exchanges() + pooled.connection.outstanding() as u64;
        requests > 0 && pooled.spent(requests, time::now()).is_some()
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
        let request =
            Beginning { called: job.prepared.called, began: now(), making: lease.pooled().making(info.request) };
        let course = Course::begin(info, request);
        let observed = drive::observe(&lease.shared, &course, &job.prepared);
        self.sent.push_back(Sent { job, observed, from, to, before, course });
    }
}
