//! The engine for a raw handler: one whole request at a time.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;
use tenure_proto::{Connection, Event, Expectation, MisuseError, ProtocolError, RequestHead, Server};

use super::{Answered, Request, Response};
use crate::io::now;
use crate::server::drive::{Drive, Ended, Engine};
use crate::server::stream::Stream;

/// A handler, and the request on its way if it comes in pieces.
pub(in crate::server) struct RawEngine<H> {
    handler: Arc<H>,
    /// Head and decoded content of a request that did not come at once.
    held: Vec<u8>,
    /// How much of it is head.
    head: usize,
}

impl<H> RawEngine<H> {
    pub(in crate::server) fn new(handler: H) -> Self {
        Self { handler: Arc::new(handler), held: Vec::new(), head: 0 }
    }
}

impl<H> Clone for RawEngine<H> {
    fn clone(&self) -> Self {
        Self { handler: Arc::clone(&self.handler), held: Vec::new(), head: 0 }
    }
}

/// What the loop has to do next.
enum Next {
    /// Go on with what was received.
    Step,
    /// The request was answered, or its answer failed.
    Answered(Result<(), MisuseError>),
    /// Wait for more.
    NeedInput,
    /// Refuse what the client expects.
    UnknownExpectation,
}

impl<S, H> Engine<S> for RawEngine<H>
where
    S: Stream,
    H: Fn(&Request<'_>, Response<'_>) -> Answered + Send + Sync + 'static,
{
    async fn turn(&mut self, drive: &mut Drive<S>) -> Result<(), Ended> {
        match self.step(drive, now()) {
            Ok(Next::Step) => {}
            Ok(Next::Answered(answered)) => {
                if let Err(error) = answered {
                    drive.cannot_be_sent(&error)?;
                }
                drive.observed.complete();
                if drive.transport.is_full() {
                    poll_fn(|cx| drive.poll_flush(cx)).await?;
                }
            }
            Ok(Next::NeedInput) => {
                drive.send_continue();
                drive.wait_for_request().await?;
            }
            Ok(Next::UnknownExpectation) => {
                drive.begin_unread();
                drive.answer(StatusCode::EXPECTATION_FAILED, "only the expectation 100-continue is known").await?;
                drive.observed.complete();
            }
            Err(error) => drive.refuse(error).await?,
        }
        Ok(())
    }
}

impl<H> RawEngine<H>
where
    H: Fn(&Request<'_>, Response<'_>) -> Answered,
{
    /// The next step from what was received.
    fn step<S: Stream>(&mut self, drive: &mut Drive<S>, now: Instant) -> Result<Next, ProtocolError> {
        let input = drive.transport.lend();
        let step = self.step_in(drive, &input, now);
        drive.transport.give_back(input, step.as_ref().map_or(0, |(used, _)| *used));
        step.map(|(_, next)| next)
    }

    /// Also how much of `input` was used.
    fn step_in<S: Stream>(
        &mut self,
        drive: &mut Drive<S>,
        input: &[u8],
        now: Instant,
    ) -> Result<(usize, Next), ProtocolError> {
        let (used, event) = drive.connection.receive(input, now)?;
        let next = match event {
            Event::Head(head) if head.expectation == Expectation::Unknown => Next::UnknownExpectation,
            Event::Head(head) => {
                let rest = &input[used..];
                if drive.connection.content_left().is_some_and(|left| left <= rest.len() as u64) {
                    let (more, content) = content(&mut drive.connection, rest, now)?;
                    return Ok((used + more, Next::Answered(self.answer(drive, head, content))));
                }
                self.held.extend_from_slice(&input[..used]);
                self.head = used;
                Next::Step
            }
            Event::Content(data) => {
                self.held.extend_from_slice(data);
                Next::Step
            }
            Event::End(_) => self.answer_held(drive, now)?,
            Event::NeedInput => Next::NeedInput,
            Event::Paused | Event::HandOver | Event::Closed => Next::Step,
            Event::Interim(never) => match never {},
        };
        Ok((used, next))
    }

    /// The held request is whole: its head, read again from where it is now, can be borrowed.
    fn answer_held<S: Stream>(&mut self, drive: &mut Drive<S>, now: Instant) -> Result<Next, ProtocolError> {
        let held = std::mem::take(&mut self.held);
        let (head, content) = held.split_at(self.head);
        match Connection::<Server>::new(Arc::clone(&drive.shared.config)).receive(head, now)? {
            (_, Event::Head(head)) => Ok(Next::Answered(self.answer(drive, head, content))),
            _ => Ok(Next::Step),
        }
    }

    fn answer<S: Stream>(
        &self,
        drive: &mut Drive<S>,
        head: RequestHead<'_>,
        content: &[u8],
    ) -> Result<(), MisuseError> {
        drive.announce_last();
        let request = Request { head, content, connection: drive.info_raw(head.fields) };
        let span = drive.begin_raw(&head);
        drive.observed.request_content(content.len());
        let is_connect = head.method == b"CONNECT";
        let response = Response { connection: &mut drive.connection, out: drive.transport.out(), is_connect };
        let Answered(answered) = span.in_scope(|| (self.handler)(&request, response));
        drive.fell_quiet();
        answered.map(|(status, content)| {
            drive.observed.answered(status);
            drive.observed.response_content(content);
        })
    }
}

/// All of a request's content, which is there as it was sent. Also how much of `input` was used.
fn content<'b>(
    connection: &mut Connection<Server>,
    input: &'b [u8],
    now: Instant,
) -> Result<(usize, &'b [u8]), ProtocolError> {
    let (mut used, mut content) = (0, &[][..]);
    while connection.is_receiving_content() {
        let (n, event) = connection.receive(&input[used..], now)?;
        used += n;
        if let Event::Content(data) = event {
            content = data;
        }
    }
    Ok((used, content))
}
