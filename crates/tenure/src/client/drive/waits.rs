//! What an exchange waits for, and how long.

use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tenure_proto::CloseReason;

use super::Exchange;
use crate::error::{Error, Kind};
use crate::io;

/// How long a client with `Expect: 100-continue` waits before it sends its content unasked
/// (RFC 9110 section 10.1.1 forbids to wait for ever).
pub(super) const CONTINUE_WAIT: Duration = Duration::from_secs(1);

impl Exchange {
    /// The request has only just left, and nothing has come: no read is tried.
    pub(super) fn is_early(&mut self, cx: &mut Context<'_>) -> bool {
        let pooled = self.lease.pooled();
        let is_first = !std::mem::replace(&mut self.waits, true);
        // Under TLS something may wait that the socket does not know of.
        let is_early =
            is_first && !pooled.origin.is_secure() && pooled.transport.stream().socket().poll_heard(cx).is_pending();
        if is_early {
            pooled.transport.rest();
        }
        is_early
    }

    /// Nothing has come: until one of the times that end a wait.
    pub(super) fn poll_waits(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let pooled = self.lease.pooled();
        let content_end = pooled.connection.deadline().map(|(_, at)| at);
        let (response_end, send_end) = (self.response_deadline(), self.send_deadline());
        let next = [self.hold, content_end, response_end, send_end].into_iter().flatten().min();
        ready!(self.deadline.poll(next, cx));
        let now = io::now();
        self.heard_at = now;
        if self.hold.is_some_and(|at| at <= now) {
            (self.hold, self.unasked) = (None, true);
            self.poll_send(cx)?;
        }
        for (end, what) in [(response_end, "the response"), (send_end, "the server to take the request")] {
            if end.is_some_and(|at| at <= now) {
                self.lease.pooled().connection.close(CloseReason::TimedOut);
                return Poll::Ready(Err(self.error(Kind::TimedOut(what))));
            }
        }
        match self.lease.pooled().connection.expire(now) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(e) => Poll::Ready(Err(self.error(Kind::Protocol(e)))),
        }
    }

    fn response_deadline(&self) -> Option<Instant> {
        if self.answered {
            return None;
        }
        let after_sending = self.lease.course().sent_at().max(self.due).zip(self.lease.shared.response_timeout);
        let after_sending = after_sending.and_then(|(sent, timeout)| sent.checked_add(timeout));
        [after_sending, self.until].into_iter().flatten().min()
    }
}
