//! What the server does about one request: steps in order, decided before the first is taken.

use std::time::Duration;

/// One thing to do on the connection.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Step {
    /// Read the request's content to its end.
    ReadContent,
    /// The request counts as processed from here on: the server has acted on it.
    Process,
    /// Write these bytes: a response, or a part of one.
    Send(Vec<u8>),
    /// Write these bytes, which are no right response.
    SendWrong(Wrong, Vec<u8>),
    /// Write these bytes, unless the next request has come meanwhile: then that gets a plan of its own.
    SendUnasked(Vec<u8>),
    /// The response just sent said this about the connection's future: whoever goes on is held to it.
    Terms(Terms),
    /// No client can tell the answer to this request from what was sent: nobody is held to it.
    Cross,
    /// Do nothing for so long.
    Pause(Duration),
    /// Wait so long for the next request. If it comes it gets a plan of its own; else go on.
    Idle(Duration),
    /// Wait until the next request's first bytes are there, at most so long; leave them unread.
    AwaitUnread(Duration),
    /// Wait at most so long for the next request, read it and process it, without an answer.
    ProcessNext(Duration),
    /// Close the sending side: a FIN, and reading goes on.
    HalfClose,
    /// Read and throw away until the client's FIN, at most so long.
    Discard(Duration),
    /// Close both sides, over TLS with a closure alert. The kernel sends a FIN, or a reset if it
    /// holds unread bytes.
    Close,
    /// Close both sides; over TLS without a closure alert (RFC 9112 section 9.8).
    Sever,
    /// Close by a reset.
    Reset,
}

/// What is wrong with bytes that are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wrong {
    /// They end, and the response is not complete.
    Cut,
    /// They end where some take the response for complete, and others do not.
    Unclear,
    /// There is more than the response: bytes that nobody asked for.
    Stray,
}

/// What a response said about its connection's future.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Terms {
    /// No request may follow: a `close` option, or HTTP/1.0 without `keep-alive`.
    pub(crate) closes: bool,
    /// `Keep-Alive: timeout`.
    pub(crate) timeout: Option<Duration>,
    /// `Keep-Alive: max`.
    pub(crate) left: Option<u64>,
}

/// The close or reset that a parameter `by` names.
pub(crate) fn end(by: &str) -> Step {
    if by == "reset" { Step::Reset } else { Step::Close }
}

/// How long a staged close reads on (RFC 9112 section 9.6).
const LINGER: Duration = Duration::from_secs(5);

/// A close after which no response is lost (RFC 9112 section 9.6).
pub(crate) fn staged_close() -> [Step; 3] {
    [Step::HalfClose, Step::Discard(LINGER), Step::Close]
}
