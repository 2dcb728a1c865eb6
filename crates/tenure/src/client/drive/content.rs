//! The response's content, as it is taken from its connection, and its end.

use std::time::Instant;

use bytes::Bytes;
use tenure_proto::Event;

use super::Exchange;

impl Exchange {
    /// Bytes of the response's content still to come, if that is known.
    pub(in super::super) fn content_left(&mut self) -> Option<u64> {
        self.lease.pooled().connection.content_left()
    }

    /// The response's content, if all of it has come with its head, or it has none. Then the exchange has
    /// ended with what came last.
    pub(in super::super) fn take_whole(&mut self) -> Option<Bytes> {
        let (left, now) = (self.content_left()?, self.heard_at);
        let pooled = self.lease.pooled();
        let content = match pooled.transport.unread() {
            _ if left == 0 => Bytes::new(),
            unread if left <= unread.len() as u64 => match pooled.connection.receive(unread, now) {
                Ok((used, Event::Content(data))) => {
                    let len = data.len();
                    self.content(used, len)
                }
                _ => return None,
            },
            _ => return None,
        };
        self.take_end(|| now);
        self.lease.ended = self.is_read.then_some(now);
        Some(content)
    }

    /// Gives the connection back, if nothing is left to be done with it. False: it goes on.
    pub(in super::super) fn give_back(&mut self) -> bool {
        let is_over = self.is_over();
        if is_over {
            self.lease.give_back();
        }
        is_over
    }

    /// The end of a length-delimited message needs no further input: take it when the last of its content
    /// is taken, so that the connection is free before the caller asks again.
    pub(in super::super) fn take_end(&mut self, now: impl FnOnce() -> Instant) {
        if self.lease.pooled().connection.receive_end() {
            self.ended(now());
            self.is_read = true;
        }
    }

    /// The last `len` of `used` unread bytes are content.
    pub(super) fn content(&mut self, used: usize, len: usize) -> Bytes {
        if let Some(observed) = &mut self.observed {
            observed.response_content(len);
        }
        self.lease.pooled().transport.take(used, len)
    }

    /// The response has ended.
    pub(super) fn ended(&mut self, now: Instant) {
        self.end_sending();
        if let Some(observed) = self.observed.take() {
            observed.complete();
        }
        self.lease.course_mut().ended(now);
    }
}
