//! The times of the exchange that a connection carries, and which exchange that is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::observe::{ConnectionInfo, Known, Making, Pipelined, Timing, Told};

/// What is told of one exchange, as it becomes known. The response gets a handle of it, once its head
/// is there.
#[derive(Debug)]
pub(super) struct Course(Arc<Told>);

/// A request that begins.
pub(super) struct Beginning {
    /// It was made then.
    pub(super) called: Instant,
    /// It has its connection now.
    pub(super) began: Instant,
    /// That was made for it, in this time.
    pub(super) making: Option<Making>,
}

impl Course {
    /// A request on `connection`.
    pub(super) fn begin(connection: ConnectionInfo, request: Beginning) -> Self {
        let Beginning { called, began, making } = request;
        let queue = Known::between(called, began);
        let (sent, sent_late, headed, receive) = Default::default();
        Self(Arc::new(Told { connection, queue, making, began, sent, sent_late, headed, receive }))
    }

    /// The next request on the same connection: its number, the connection's age, and for how long that
    /// has been idle.
    pub(super) fn next(&mut self, (number, age, idle): (u64, Duration, Duration), request: Beginning) {
        let Some(told) = Arc::get_mut(&mut self.0) else {
            // Somebody still looks at what is told of the one before.
            let connection = ConnectionInfo { request: number, age, idle, ..self.0.connection.clone() };
            *self = Self::begin(connection, request);
            return;
        };
        (told.connection.request, told.connection.age, told.connection.idle) = (number, age, idle);
        (told.connection.pipelined, told.making, told.began) = (None, request.making, request.began);
        told.queue = Known::between(request.called, request.began);
        (told.sent, told.sent_late, told.headed, told.receive) = Default::default();
    }

    /// On which connection it takes place.
    pub(super) fn connection(&self) -> &ConnectionInfo {
        &self.0.connection
    }

    /// How long making the connection took.
    pub(super) fn take_making(&mut self) -> Option<Making> {
        Arc::get_mut(&mut self.0)?.making.take()
    }

    /// It was held up by those before it until now.
    pub(super) fn waited(&mut self, now: Instant) -> Option<Pipelined> {
        let told = Arc::get_mut(&mut self.0)?;
        let pipelined = told.connection.pipelined.as_mut()?;
        pipelined.waited = now - told.sent?;
        Some(*pipelined)
    }

    /// When it had its connection.
    pub(super) fn began(&self) -> Instant {
        self.0.began
    }

    /// The last byte has left at `now`. Only the first call counts.
    pub(super) fn sent(&mut self, now: impl FnOnce() -> Instant) {
        if self.has_left() {
            return;
        }
        match Arc::get_mut(&mut self.0) {
            Some(told) => told.sent = Some(now()),
            // The response came first.
            None => self.0.sent_late.set(self.0.began, now()),
        }
    }

    /// The last byte has left.
    pub(super) fn has_left(&self) -> bool {
        self.0.sent.is_some() || self.0.sent_late.get().is_some()
    }

    /// When the last byte left, if that was before the response.
    pub(super) fn sent_at(&self) -> Option<Instant> {
        self.0.sent
    }

    /// The final response's head is there.
    pub(super) fn headed(&mut self, now: Instant) {
        if let Some(told) = Arc::get_mut(&mut self.0) {
            told.headed = Some(now);
        }
    }

    /// The content has ended.
    pub(super) fn ended(&self, now: Instant) {
        if let Some(headed) = self.0.headed {
            self.0.receive.set(headed, now);
        }
    }

    /// For the response.
    pub(super) fn timing(&self) -> Timing {
        Timing::new(Arc::clone(&self.0))
    }
}
