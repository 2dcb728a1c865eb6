//! From the core's events to `http::Request`.

use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};
use tenure_proto::{Connection, Event, Expectation, ProtocolError, RequestHead, Server, Version};

use super::spare_map;
use crate::Body;
use crate::io::{HeadCopy, Transport, Wire, fields};

/// One step of the client's message, owned.
pub(super) enum Step<R = ()> {
    /// A request's head, as whoever took the step reads it.
    Request(R),
    Content(Bytes),
    End(Option<HeaderMap>),
    NeedInput,
    /// The exchange must end first.
    Paused,
    /// No further message.
    Closed,
}

/// What a request's head says beside the request.
pub(super) struct Received {
    /// `Err`: the target is one that `http::Uri` does not take, and the request is not whole.
    pub(super) readable: Result<(), http::Error>,
    pub(super) unknown_expectation: bool,
    /// It asks for another protocol: `Upgrade`, or CONNECT.
    pub(super) upgrade: bool,
}

/// The next step from what was received; `read` is given a head, and where its bytes lie.
pub(super) fn step<S: Wire, R>(
    connection: &mut Connection<Server>,
    transport: &mut Transport<S>,
    now: Instant,
    read: impl FnOnce(&RequestHead<'_>, &[u8]) -> R,
) -> Result<Step<R>, ProtocolError> {
    let input = transport.unread();
    let (used, step) = match connection.receive(input, now) {
        Ok((used, Event::Head(ref head))) => (used, Step::Request(read(head, &input[..used]))),
        Ok((used, Event::Content(data))) => {
            let len = data.len();
            return Ok(Step::Content(transport.take(used, len)));
        }
        Ok((used, Event::End(trailers))) => (used, Step::End(fields::to_trailers(trailers))),
        Ok((used, Event::NeedInput)) => (used, Step::NeedInput),
        Ok((used, Event::Paused | Event::HandOver)) => (used, Step::Paused),
        Ok((used, Event::Closed)) => (used, Step::Closed),
        Ok((_, Event::Interim(never))) => match never {},
        Err(error) => return Err(error),
    };
    transport.consume(used);
    Ok(step)
}

/// The same where no request can begin.
pub(super) fn content_step<S: Wire>(
    connection: &mut Connection<Server>,
    transport: &mut Transport<S>,
    now: Instant,
) -> Result<Step, ProtocolError> {
    step(connection, transport, now, |_, _| ())
}

/// Makes `request`, which is new, the one whose head was received. It is filled where it lies: it
/// is too large to be passed on from hand to hand.
pub(super) fn read_head(head: &RequestHead<'_>, received: &[u8], request: &mut Request<Body>) -> Received {
    Received {
        readable: fill(request, head, &HeadCopy::new(received)),
        unknown_expectation: head.expectation == Expectation::Unknown,
        upgrade: head.upgrade || head.method == b"CONNECT",
    }
}

fn fill(request: &mut Request<Body>, head: &RequestHead<'_>, copy: &HeadCopy<'_>) -> Result<(), http::Error> {
    *request.method_mut() = Method::from_bytes(head.method)?;
    *request.uri_mut() = Uri::from_maybe_shared(copy.share(head.target))?;
    *request.version_mut() = match head.version {
        Version::Http09 => http::Version::HTTP_09,
        Version::Http10 => http::Version::HTTP_10,
        Version::Http11 => http::Version::HTTP_11,
    };
    spare_map::take(request.headers_mut(), head.fields.len());
    fields::to_map_shared(head.fields, request.headers_mut(), copy);
    Ok(())
}
