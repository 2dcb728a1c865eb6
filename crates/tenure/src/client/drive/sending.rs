//! The sending half of an exchange: its request's content, as it comes and as the server takes it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body as _, Frame};
use tenure_proto::{CloseReason, Fate};

use super::Exchange;
use crate::error::{Error, Kind};
use crate::io::{fields, now};

impl Exchange {
    /// The request has left, and nothing else is sent on this connection meanwhile.
    pub(super) fn is_sent(&self) -> bool {
        self.content.is_none() && self.lease.course().has_left() && self.sent_whole.is_none()
    }

    /// Sends as much as can be sent now.
    pub(in crate::client) fn poll_send(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        while self.write_error.is_none() {
            let queued = self.queue_content(cx)?;
            match self.lease.pooled().transport.poll_flush(cx) {
                Poll::Ready(Ok(())) if queued => {}
                Poll::Ready(Ok(())) => {
                    if self.content.is_none() || self.owed == Some(0) {
                        self.lease.course_mut().sent(now);
                    }
                    self.stalled = None;
                    return Ok(());
                }
                Poll::Ready(Err(e)) => {
                    self.write_error = Some(e);
                    self.content = None;
                }
                Poll::Pending => {
                    let sent = self.lease.pooled().transport.sent();
                    if self.stalled.is_none_or(|(before, _)| before < sent) {
                        self.stalled = Some((sent, now()));
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Queues content until there is none, none yet, or enough. True if there may be more.
    fn queue_content(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        if self.hold.is_some() {
            return Ok(false);
        }
        while !self.lease.pooled().transport.is_full() {
            let Some(content) = &mut self.content else { return Ok(false) };
            let Poll::Ready(frame) = Pin::new(content).poll_frame(cx) else { return Ok(false) };
            match frame {
                None => {
                    self.content = None;
                    let pooled = self.lease.pooled();
                    let trailers = self.trailers.iter().flat_map(|trailers| fields::pairs(trailers));
                    let ended = pooled.connection.send_end(trailers, pooled.transport.out());
                    return ended.map(|()| false).map_err(|e| self.content_error(Kind::misuse(e)));
                }
                Some(Ok(frame)) => self.queue_frame(frame)?,
                Some(Err(error)) => return Err(self.content_error(Kind::Content(error.into()))),
            }
        }
        Ok(true)
    }

    fn queue_frame(&mut self, frame: Frame<Bytes>) -> Result<(), Error> {
        match frame.into_data() {
            Ok(data) if data.is_empty() => Ok(()),
            Ok(data) => {
                let pooled = self.lease.pooled();
                let delimiters =
                    pooled.connection.send_content(data.len()).map_err(|e| self.content_error(Kind::misuse(e)))?;
                let transport = &mut self.lease.pooled().transport;
                transport.out().extend_from_slice(delimiters.before());
                self.owed = self.owed.map(|owed| owed.saturating_sub(data.len() as u64));
                if let Some(observed) = &mut self.observed {
                    observed.request_content(data.len());
                }
                transport.push(data, delimiters.after());
                Ok(())
            }
            Err(frame) => {
                self.trailers.get_or_insert_default().extend(frame.into_trailers().unwrap_or_default());
                Ok(())
            }
        }
    }

    /// The request cannot be completed, by this side's own doing.
    fn content_error(&mut self, kind: Kind) -> Error {
        self.lease.pooled().connection.close(CloseReason::ApplicationFailed);
        self.content = None;
        let fate = self.sent_part();
        Error::new(kind, fate)
    }

    /// How much of the request the server can have, by what was written.
    pub(super) fn sent_part(&mut self) -> Fate {
        let pooled = self.lease.pooled();
        let sent = pooled.transport.sent();
        // With the last announced byte the request is whole, also if the body has not said its end.
        let owes = pooled.connection.is_sending() && self.owed != Some(0);
        let is_whole = self.sent_whole.map_or(pooled.transport.is_flushed() && !owes, |whole| sent >= whole);
        match is_whole {
            _ if sent <= self.sent_before => Fate::NotSent,
            _ if self.hold.is_some() => Fate::Withheld,
            true => Fate::Unknown,
            false => Fate::Incomplete,
        }
    }

    /// The server has answered to the end. If it has every announced byte, the request is over too,
    /// although its body may not have said so yet: the connection is free.
    pub(super) fn end_sending(&mut self) {
        let pooled = self.lease.pooled();
        if self.content.is_some() && self.owed == Some(0) && pooled.transport.is_flushed() {
            self.content = None;
            let ended = pooled.connection.send_end([], pooled.transport.out());
            debug_assert!(ended.is_ok(), "nothing is owed");
        }
    }

    /// When the peer has taken nothing for too long.
    pub(super) fn send_deadline(&mut self) -> Option<Instant> {
        let (_, since) = self.stalled?;
        since.checked_add(self.lease.pooled().connection.config().timeouts.send?)
    }
}
