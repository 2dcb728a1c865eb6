//! An exchange whose request was queued before its turn came, behind others.

use tenure_proto::{Framing, RequestLine};

use super::{Exchange, observed_head};
use crate::Fate;
use crate::client::OnInterim;
use crate::client::evidence::Before;
use crate::client::lease::{Lease, Pooled};
use crate::client::request::Prepared;
use crate::client::shared::Shared;
use crate::client::timing::Course;
use crate::error::{Error, Kind};
use crate::io::{Deadline, now};
use crate::observe::UnderWay;

/// A request that was queued whole.
pub(in crate::client) struct Queued {
    pub(in crate::client) observed: Option<Box<UnderWay>>,
    /// Where its bytes stand among all that are sent on the connection.
    pub(in crate::client) from: u64,
    pub(in crate::client) to: u64,
    /// On a reused connection: what had been sent before it.
    pub(in crate::client) before: Option<Before>,
    pub(in crate::client) course: Course,
    pub(in crate::client) on_interim: Option<OnInterim>,
}

impl Exchange {
    /// The turn of a queued request has come: its response is next.
    pub(in crate::client) fn resume(mut lease: Lease, queued: Queued) -> Self {
        // The server has the time that it has for any request from its turn on.
        let due = queued.course.sent_at().map(|_| now());
        *lease.course_mut() = queued.course;
        Self {
            observed: queued.observed,
            lease,
            content: None,
            owed: Some(0),
            trailers: None,
            hold: None,
            unasked: false,
            stalled: None,
            heard_at: now(),
            due,
            on_interim: queued.on_interim,
            write_error: None,
            sent_before: queued.from,
            sent_whole: Some(queued.to),
            answered: false,
            fin: false,
            heard: false,
            waits: false,
            before: queued.before,
            judges: false,
            // Its caller watches that: here others would suffer.
            until: None,
            deadline: Deadline::default(),
            left: None,
            is_read: false,
        }
    }

    /// The connection, for further requests to be queued.
    pub(in crate::client) const fn lease(&mut self) -> &mut Lease {
        &mut self.lease
    }

    /// The connection of an exchange that is over.
    pub(in crate::client) fn into_lease(self) -> Lease {
        self.lease
    }

    /// Bytes written on the connection since its beginning.
    pub(in crate::client) fn written(&mut self) -> u64 {
        self.lease.pooled().transport.sent()
    }

    /// Writing has failed: nothing more will be sent.
    pub(in crate::client) const fn cannot_write(&self) -> bool {
        self.write_error.is_some()
    }
}

/// Queues a request without content, whole.
///
/// # Errors
/// It cannot be sent; nothing was queued.
pub(in crate::client) fn queue_whole(lease: &mut Lease, prepared: &Prepared) -> Result<(), Error> {
    let pooled = lease.pooled();
    queue_head(pooled, prepared, Some(0))?;
    queue_end(pooled)
}

/// Queues the end of a request without content.
pub(super) fn queue_end(pooled: &mut Pooled) -> Result<(), Error> {
    let ended = pooled.connection.send_end([], pooled.transport.out());
    ended.map_err(|e| Error::new(Kind::misuse(e), Fate::NotSent))
}

/// Queues the head of a request with content of this `length`.
pub(super) fn queue_head(pooled: &mut Pooled, prepared: &Prepared, length: Option<u64>) -> Result<Framing, Error> {
    let line = RequestLine { method: prepared.method.as_str(), target: prepared.target(), version: prepared.version };
    // RFC 9110 section 10.1.1: without content there is nothing to expect about it.
    let vain = prepared.expects_continue && length == Some(0);
    let fields = prepared.fields().filter(|(name, _)| !(vain && *name == b"expect"));
    let out = pooled.transport.out();
    pooled.connection.send_head(line, fields, length, out).map_err(|e| Error::new(Kind::misuse(e), Fate::NotSent))
}

/// The exchange as it is observed, if somebody does.
pub(in crate::client) fn observe(shared: &Shared, course: &Course, prepared: &Prepared) -> Option<Box<UnderWay>> {
    let observer = shared.observer.clone()?;
    Some(UnderWay::begin(observer, course.connection().clone(), observed_head(prepared)))
}
