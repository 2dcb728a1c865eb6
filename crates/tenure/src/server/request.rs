//! From the core's events to `http::Request`.

use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};
use tenure_proto::{Connection, Event, Expectation, ProtocolError, RequestHead, Server, Version};

use super::spare_map;
use crate::Body;
use crate::io::known_fields::Known;
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
    known: &mut Known,
    read: impl FnOnce(&RequestHead<'_>, &[u8], &mut Known) -> R,
) -> Result<Step<R>, ProtocolError> {
    let input = transport.unread();
    let (used, step) = match connection.receive_knowing(input, now, &mut known.fields) {
        Ok((used, Event::Head(ref head))) => (used, Step::Request(read(head, &input[..used], known))),
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
    step(connection, transport, now, &mut Known::default(), |_, _, _| ())
}

/// Makes `request`, which is new, the one whose head was received. It is filled where it lies: it
/// is too large to be passed on from hand to hand.
pub(super) fn read_head(
    head: &RequestHead<'_>,
    received: &[u8],
    known: &mut Known,
    request: &mut Request<Body>,
) -> Received {
    let again = known.map(head.fields);
    let copied = if again.is_some() { head.target } else { received };
    Received {
        readable: fill(request, head, &HeadCopy::new(copied), again),
        unknown_expectation: head.expectation == Expectation::Unknown,
        upgrade: head.upgrade || head.method == b"CONNECT",
    }
}

fn fill(
    request: &mut Request<Body>,
    head: &RequestHead<'_>,
    copy: &HeadCopy<'_>,
    again: Option<HeaderMap>,
) -> Result<(), http::Error> {
    *request.method_mut() = Method::from_bytes(head.method)?;
    *request.uri_mut() = Uri::from_maybe_shared(copy.share(head.target))?;
    *request.version_mut() = match head.version {
        Version::Http09 => http::Version::HTTP_09,
        Version::Http10 => http::Version::HTTP_10,
        Version::Http11 => http::Version::HTTP_11,
    };
    if let Some(fields) = again {
        *request.headers_mut() = fields;
    } else {
        spare_map::take(request.headers_mut(), head.fields.len());
        fields::to_map_shared(head.fields, request.headers_mut(), copy);
    }
    Ok(())
}
