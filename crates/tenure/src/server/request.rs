//! From the core's events to `http::Request`.

use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri};
use tenure_proto::{Connection, Event, Expectation, ProtocolError, RequestHead, Server, Version};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::io::{HeadCopy, Transport, fields};

/// One step of the client's message, owned.
pub(super) enum Step {
    Request(Received),
    Content(Bytes),
    End(Option<HeaderMap>),
    NeedInput,
    /// The exchange must end first.
    Paused,
    /// No further message.
    Closed,
}

/// A request's head.
pub(super) struct Received {
    /// `Err`: the target is one that `http::Uri` does not take.
    pub(super) request: Result<Request<()>, http::Error>,
    pub(super) unknown_expectation: bool,
    /// It asks for another protocol: `Upgrade`, or CONNECT.
    pub(super) upgrade: bool,
}

/// The next step from what was received.
pub(super) fn step<S: AsyncRead + AsyncWrite + Unpin>(
    connection: &mut Connection<Server>,
    transport: &mut Transport<S>,
    now: Instant,
) -> Result<Step, ProtocolError> {
    let input = transport.unread();
    let (used, event) = connection.receive(input, now)?;
    let step = match event {
        Event::Content(data) => {
            let len = data.len();
            return Ok(Step::Content(transport.take(used, len)));
        }
        Event::Head(head) => Step::Request(received(&head, &HeadCopy::new(&input[..used]))),
        Event::End(trailers) => Step::End(fields::to_trailers(trailers)),
        Event::NeedInput => Step::NeedInput,
        Event::Paused | Event::HandOver => Step::Paused,
        Event::Closed => Step::Closed,
        Event::Interim(never) => match never {},
    };
    transport.consume(used);
    Ok(step)
}

fn received(head: &RequestHead<'_>, copy: &HeadCopy<'_>) -> Received {
    Received {
        request: request(head, copy),
        unknown_expectation: head.expectation == Expectation::Unknown,
        upgrade: head.upgrade || head.method == b"CONNECT",
    }
}

fn request(head: &RequestHead<'_>, copy: &HeadCopy<'_>) -> Result<Request<()>, http::Error> {
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(head.method)?;
    *request.uri_mut() = Uri::from_maybe_shared(copy.share(head.target))?;
    *request.version_mut() = match head.version {
        Version::Http09 => http::Version::HTTP_09,
        Version::Http10 => http::Version::HTTP_10,
        Version::Http11 => http::Version::HTTP_11,
    };
    fields::to_map_shared(head.fields, request.headers_mut(), copy);
    Ok(request)
}
