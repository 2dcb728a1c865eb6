//! One request on its way through a pipeline.

use std::sync::Arc;

use http::Response;
use tokio::sync::oneshot;

use super::lanes::Ticket;
use crate::client::evidence::Before;
use crate::client::request::Prepared;
use crate::client::timing::Course;
use crate::observe::UnderWay;
use crate::{Body, Error};

/// What its caller hears.
pub(super) enum Reply {
    /// To be sent alone: this origin is not pipelined to.
    Direct,
    Answered(Response<Body>),
    Failed(Failure),
}

/// A request without an answer.
pub(super) struct Failure {
    pub(super) error: Error,
    /// It was sent on a connection that had carried another request.
    pub(super) reused: bool,
    /// Others were outstanding beside it: the failure may be theirs.
    pub(super) pipelined: bool,
}

impl Failure {
    /// Before it had a connection.
    pub(super) const fn early(error: Error) -> Self {
        Self { error, reused: false, pipelined: false }
    }
}

/// A request that is to be sent, and where its answer goes.
pub(super) struct Job {
    pub(super) ticket: Ticket,
    pub(super) prepared: Arc<Prepared>,
    pub(super) reply: oneshot::Sender<Reply>,
}

impl Job {
    /// Tells the caller, if it still waits.
    pub(super) fn reply(self, reply: Reply) {
        drop(self.reply.send(reply));
    }
}

/// A request that was queued for sending, until its answer is due.
pub(super) struct Sent {
    pub(super) job: Job,
    pub(super) observed: Option<Box<UnderWay>>,
    /// Where its bytes stand among all that were sent on the connection.
    pub(super) from: u64,
    pub(super) to: u64,
    /// On a reused connection: what had been sent before it.
    pub(super) before: Option<Before>,
    pub(super) course: Course,
}
