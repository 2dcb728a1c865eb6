//! A request's content on its way to the handler, and what becomes of the part that nobody reads.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use http::StatusCode;
use tenure_proto::{CloseReason, Directive, Event, ProtocolError};

use super::drive::{Drive, Ended, Quiet};
use super::request::{Step, content_step};
use super::stream::Stream;
use crate::error::{Error, Kind};
use crate::io::incoming::{self, Feed};
use crate::io::now;
use crate::{Body, Fate};

/// Content that the handler left unread is read and thrown away up to this many bytes, so that the
/// connection can go on; beyond it the connection closes (RFC 9110 section 7.5).
const DISCARD: u64 = 256 * 1024;

impl<S: Stream> Drive<S> {
    /// The request's content: nothing if there is none, else a slot that the loop fills on demand.
    pub(super) fn content(&mut self) -> Body {
        self.feed = None;
        if self.connection.content_left() == Some(0) {
            // Takes the end of the message, which needs no input.
            let end = self.connection.receive(&[], self.facts.stepped);
            debug_assert!(matches!(end, Ok((0, Event::End(_)))), "an end needs no input");
            return Body::empty();
        }
        let (feed, incoming) = incoming::slot(self.connection.content_left());
        self.feed = Some(feed);
        Body::incoming(incoming)
    }

    /// What goes on while a handler waits, which it may be waiting for: a flush of earlier output,
    /// and the request's content. Ready when it was given something to go on with.
    pub(super) fn poll_beside(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        if let Poll::Ready(Err(ended)) = self.poll_flush(cx) {
            return Poll::Ready(Err(ended));
        }
        self.poll_content(cx)
    }

    fn poll_content(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        self.awaits_content = false;
        loop {
            if self.feed.as_ref().is_none_or(|feed| feed.poll_wanted(cx).is_pending()) {
                // A handler that takes its time is not the client's fault.
                self.connection.pause_wait(now());
                return Poll::Pending;
            }
            self.send_continue();
            match content_step(&mut self.connection, &mut self.transport, now()) {
                Ok(Step::Content(data)) => {
                    self.observed.request_content(data.len());
                    return Poll::Ready(self.feed(|feed| feed.content(data)));
                }
                Ok(Step::End(trailers)) => {
                    let fed = self.feed(|feed| feed.end(trailers));
                    self.feed = None;
                    return Poll::Ready(fed);
                }
                Ok(Step::NeedInput) => {}
                Ok(Step::Paused | Step::Closed | Step::Request(_)) => return Poll::Pending,
                Err(error) => return Poll::Ready(self.fail_content(error)),
            }
            // A client that waits for 100 (Continue) sends nothing before it has come.
            if let Poll::Ready(Err(ended)) = self.poll_flush(cx) {
                return Poll::Ready(Err(ended));
            }
            match self.poll_fill(cx) {
                Poll::Ready(filled) => filled?,
                Poll::Pending => {
                    self.awaits_content = true;
                    let at = self.connection.deadline().map(|(_, at)| at);
                    ready!(self.deadline.poll(at, cx));
                    if let Err(error) = self.connection.expire(now()) {
                        return Poll::Ready(self.fail_content(error));
                    }
                }
            }
        }
    }

    /// The content is wanted: a client that waits for 100 (Continue) hears so, once.
    pub(super) fn send_continue(&mut self) {
        if self.connection.expects_continue() {
            // Cannot fail: the response is due, and the status is interim.
            let sent = self.connection.send_interim(StatusCode::CONTINUE, [], self.transport.out());
            debug_assert!(sent.is_ok(), "100 is due");
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the shape of the loop that calls it")]
    fn feed(&self, give: impl FnOnce(&Feed)) -> Result<(), Ended> {
        if let Some(feed) = &self.feed {
            give(feed);
        }
        Ok(())
    }

    /// The handler learns that the content is not whole; its answer is still sent.
    #[expect(clippy::unnecessary_wraps, reason = "the shape of the loop that calls it")]
    pub(super) fn fail_content(&mut self, error: ProtocolError) -> Result<(), Ended> {
        if let Some(feed) = self.feed.take() {
            feed.fail(Error::new(Kind::Protocol(error), Fate::Incomplete));
        }
        Ok(())
    }

    /// Whether a part of the request is still to come, and the connection goes on after it.
    pub(super) fn has_rest(&self) -> bool {
        self.connection.is_receiving_content() && self.connection.directive() == Directive::Proceed
    }

    /// After the response: the rest of the request is read and thrown away, within a bound.
    pub(super) async fn finish_request(&mut self) -> Result<(), Ended> {
        self.feed = None;
        let mut discarded = 0;
        while self.has_rest() {
            let needs_input = match content_step(&mut self.connection, &mut self.transport, now()) {
                Ok(Step::Content(data)) => {
                    self.observed.request_content(data.len());
                    discarded += data.len() as u64;
                    false
                }
                Ok(step) => matches!(step, Step::NeedInput),
                // The response is out: there is nothing left to tell but the close itself.
                Err(_) => return Ok(()),
            };
            if needs_input {
                poll_fn(|cx| self.poll_flush(cx)).await?;
                self.fill(Quiet::Waits).await?;
            }
            if discarded > DISCARD {
                self.connection.close_after_current(CloseReason::UnreadContent);
            }
        }
        Ok(())
    }

    /// Before a response's head: what becomes of content that is still to come? Nobody reads it: is
    /// it too much to throw away? Somebody may read it while the response is sent: then 100
    /// (Continue) goes out now, since after the final head it would be part of the response.
    pub(super) fn announce_unread_content(&mut self) {
        let Some(feed) = &self.feed else { return };
        if !feed.is_dropped() {
            return self.send_continue();
        }
        self.pass_over_received();
        let small = self.connection.content_left().is_some_and(|left| left <= DISCARD);
        if !small && self.connection.is_receiving_content() {
            self.connection.close_after_current(CloseReason::UnreadContent);
        }
    }

    /// Throws away what has come of the content. Chunked content says no length: whether it is
    /// small, only its end can tell.
    fn pass_over_received(&mut self) {
        while self.connection.is_receiving_content() {
            let Ok(Step::Content(data)) = content_step(&mut self.connection, &mut self.transport, now()) else { break };
            self.observed.request_content(data.len());
        }
        // The rest is waited for when the response is out.
        self.connection.pause_wait(now());
    }
}
