//! The engine for a raw handler: one whole request at a time.

use std::cell::OnceCell;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;
use tenure_proto::{
    Connection, Directive, Event, Expectation, KnownFields, MisuseError, ProtocolError, RequestHead, Server,
};

use super::{Answered, Request, Response};
use crate::io::known_fields::{self, Peer};
use crate::server::drive::{Drive, Ended, Engine, Served, Turned};
use crate::server::facts::Asked;
use crate::server::stream::Stream;

/// A handler, and the request on its way if it comes in pieces.
pub(in crate::server) struct RawEngine<H> {
    handler: Arc<H>,
    held: Option<Box<Held>>,
}

/// A request that did not come at once.
struct Held {
    /// Head and decoded content.
    bytes: Vec<u8>,
    /// How much of it is head.
    head: usize,
}

impl<H> RawEngine<H> {
    pub(in crate::server) fn new(handler: H) -> Self {
        Self { handler: Arc::new(handler), held: None }
    }
}

impl<H> Clone for RawEngine<H> {
    fn clone(&self) -> Self {
        Self { handler: Arc::clone(&self.handler), held: None }
    }
}

/// What the loop has to do next.
enum Next {
    /// Obey the core, or go on.
    Step,
    /// Write what is queued.
    Flush,
    /// Wait for more.
    NeedInput,
    /// Refuse what the client expects.
    UnknownExpectation,
    /// The connection has ended.
    Ended(Ended),
}

impl<S, H> Engine<S> for RawEngine<H>
where
    S: Stream,
    H: Fn(&Request<'_>, Response<'_>) -> Answered + Send + Sync + 'static,
{
    async fn turn(mut served: Box<Served<S, Self>>) -> Turned<S, Self> {
        let Served { drive, engine } = &mut *served;
        let next = engine.next(drive);
        let turned = match next {
            Next::Step => Ok(()),
            Next::Flush => poll_fn(|cx| drive.poll_flush(cx)).await,
            Next::NeedInput => drive.wait_for_request().await,
            Next::UnknownExpectation => Box::pin(refuse_expectation(drive)).await,
            Next::Ended(ended) => Err(ended),
        };
        (served, turned)
    }
}

impl<H> RawEngine<H>
where
    H: Fn(&Request<'_>, Response<'_>) -> Answered,
{
    /// All that can be done without waiting.
    fn next<S: Stream>(&mut self, drive: &mut Drive<S>) -> Next {
        let input = drive.transport.lend();
        let mut used = 0;
        let next = known_fields::with(Peer::Client(drive.id()), |known| {
            self.answer_all(drive, &input, &mut used, &mut known.fields)
        });
        drive.transport.give_back(input, used);
        next.unwrap_or_else(|error| match drive.refuse_now(error) {
            Ok(()) => Next::Flush,
            Err(ended) => Next::Ended(ended),
        })
    }

    /// Answers every whole request of `input`, one after the other, and counts the bytes that it `used`.
    fn answer_all<S: Stream>(
        &mut self,
        drive: &mut Drive<S>,
        input: &[u8],
        used: &mut usize,
        known: &mut KnownFields,
    ) -> Result<Next, ProtocolError> {
        // What came together came at one time.
        let mut now = drive.take_time();
        while drive.connection.directive() == Directive::Proceed && !drive.transport.is_full() {
            if *used == input.len() && drive.has_fallen_quiet() {
                // The wait for the next request begins behind the last answer.
                now = drive.take_time();
            }
            let (n, event) = drive.connection.receive_knowing(&input[*used..], now, known)?;
            *used += n;
            let answered = match event {
                Event::Head(ref head) if head.expectation == Expectation::Unknown => {
                    return Ok(Next::UnknownExpectation);
                }
                Event::Head(ref head) if drive.connection.receive_end() => self.answer(drive, head, &[]),
                Event::Head(ref head) => {
                    let rest = &input[*used..];
                    if drive.connection.content_left().is_none_or(|left| left > rest.len() as u64) {
                        self.held = Some(Box::new(Held { bytes: input[*used - n..*used].to_vec(), head: n }));
                        continue;
                    }
                    let (n, content) = content(&mut drive.connection, rest, now)?;
                    *used += n;
                    self.answer(drive, head, content)
                }
                Event::Content(data) => {
                    if let Some(held) = &mut self.held {
                        held.bytes.extend_from_slice(data);
                    }
                    continue;
                }
                Event::End(_) => self.answer_held(drive, now)?,
                Event::NeedInput => {
                    drive.send_continue();
                    return Ok(Next::NeedInput);
                }
                Event::Paused | Event::HandOver | Event::Closed => break,
                Event::Interim(never) => match never {},
            };
            if let Err(Err(ended)) = answered.map_err(|error| drive.cannot_be_sent(&error)) {
                return Ok(Next::Ended(ended));
            }
            drive.observed.complete();
        }
        Ok(if drive.transport.is_full() { Next::Flush } else { Next::Step })
    }

    /// The held request is whole: its head, read again from where it is now, can be borrowed.
    fn answer_held<S: Stream>(
        &mut self,
        drive: &mut Drive<S>,
        now: Instant,
    ) -> Result<Result<(), MisuseError>, ProtocolError> {
        let Some(held) = self.held.take() else { return Ok(Ok(())) };
        let (head, content) = held.bytes.split_at(held.head);
        match Connection::<Server>::new(Arc::clone(&drive.shared.config)).receive(head, now)? {
            (_, Event::Head(ref head)) => Ok(self.answer(drive, head, content)),
            _ => Ok(Ok(())),
        }
    }

    fn answer<S: Stream>(
        &self,
        drive: &mut Drive<S>,
        head: &RequestHead<'_>,
        content: &[u8],
    ) -> Result<(), MisuseError> {
        drive.announce_last();
        let span = drive.is_watched().then(|| drive.begin_raw(head));
        drive.observed.request_content(content.len());
        let is_connect = head.method == b"CONNECT";
        let number = drive.connection.exchanges() + 1;
        let (stream, out) = drive.transport.stream_and_out();
        let asked = Asked::new(&drive.facts, stream, drive.shared.forwarding.as_ref(), number);
        let request = Request { head, content, asked, connection: OnceCell::new() };
        let response = Response { connection: &mut drive.connection, out, is_connect, now: drive.facts.stepped };
        let Answered(answered) = match span {
            Some(span) => span.in_scope(|| (self.handler)(&request, response)),
            None => (self.handler)(&request, response),
        };
        drive.fell_quiet();
        answered.map(|(status, content)| {
            drive.observed.answered(status);
            drive.observed.response_content(content);
        })
    }
}

/// Rare, and so boxed by who calls it.
async fn refuse_expectation<S: Stream>(drive: &mut Drive<S>) -> Result<(), Ended> {
    drive.begin_unread();
    drive.answer(StatusCode::EXPECTATION_FAILED, "only the expectation 100-continue is known").await?;
    drive.observed.complete();
    Ok(())
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
