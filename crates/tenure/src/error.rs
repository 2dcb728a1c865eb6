//! The one error of this crate: opaque, with questions.

use std::time::Duration;
use std::{fmt, io};

use tenure_proto::{CloseReason, ErrorKind, Fate, MisuseError, ProtocolError};

use crate::BoxError;

/// Why an exchange failed, and what is known about the request.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    fate: Fate,
}

#[derive(Debug)]
pub(crate) enum Kind {
    /// The request itself cannot be sent: a bad URI, a field with a line break.
    Request(BoxError),
    /// No connection could be made.
    Connect { target: String, source: BoxError },
    /// No connection became free, and no other could be made within the limits.
    NoTurn { target: String, limit: Duration, open: usize, waiting: usize },
    /// The peer broke the protocol, was too slow, or stopped in the middle of a message.
    Protocol(ProtocolError),
    /// The connection failed.
    Io(io::Error),
    /// The content to be sent failed.
    Content(BoxError),
    /// What came was sent before the request could have come.
    Stray,
    /// The response's content is coded in a way that was not asked for.
    Coding,
    /// The connection ended while content was awaited.
    Ended(CloseReason),
    /// The connection of a pipelined request ended while it waited for its answer.
    Unanswered(CloseReason),
    /// A wait of this client ended.
    TimedOut(&'static str),
}

impl Error {
    pub(crate) fn new(kind: Kind, fate: Fate) -> Self {
        Self(Box::new(Inner { kind, fate }))
    }

    /// The same error, with more known about the request.
    pub(crate) fn with_fate(mut self, fate: Fate) -> Self {
        self.0.fate = fate;
        self
    }

    /// The same error, after an earlier attempt with its own fate: the server may have that one.
    pub(crate) fn after(self, earlier: Fate) -> Self {
        match self.fate() {
            Fate::NotSent => self.with_fate(earlier),
            fate if fate.is_safe_to_retry() && !earlier.is_safe_to_retry() => self.with_fate(earlier),
            _ => self,
        }
    }

    /// What became of the request, as far as this side can know.
    pub fn fate(&self) -> Fate {
        self.0.fate
    }

    /// True if sending the request again cannot make the server act twice; see
    /// [`Fate::is_safe_to_retry`]. An idempotent request may be sent again in any case.
    pub fn is_safe_to_retry(&self) -> bool {
        self.0.fate.is_safe_to_retry()
    }

    /// No connection could be made.
    pub fn is_connect(&self) -> bool {
        matches!(self.0.kind, Kind::Connect { .. })
    }

    /// No connection could be made for want of a descriptor.
    pub(crate) fn lacks_descriptors(&self) -> bool {
        let Kind::Connect { source, .. } = &self.0.kind else { return false };
        source.downcast_ref().is_some_and(crate::sys::lacks_descriptors)
    }

    /// A wait ended: for a connection, a head, content, or a place in the pool.
    pub fn is_timeout(&self) -> bool {
        match &self.0.kind {
            Kind::Protocol(e) => matches!(e.kind(), ErrorKind::TimedOut(_)),
            Kind::TimedOut(_) | Kind::NoTurn { .. } => true,
            Kind::Connect { source, .. } => {
                source.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::TimedOut)
            }
            _ => false,
        }
    }

    /// The peer's message was cut short (RFC 9112 section 8).
    pub fn is_incomplete(&self) -> bool {
        match &self.0.kind {
            Kind::Protocol(e) => {
                matches!(e.kind(), ErrorKind::IncompleteHead | ErrorKind::IncompleteContent | ErrorKind::NoResponse)
            }
            Kind::Ended(_) | Kind::Unanswered(_) => true,
            // A reset, or TLS without its closure alert, where more of the response was due.
            Kind::Io(_) => self.0.fate == Fate::AnsweredInPart,
            _ => false,
        }
    }

    /// The connection ended under the exchange before any answer: the race that a repeated request
    /// wins (RFC 9112 section 9.3.1). A wait that ended is none.
    pub(crate) fn lost_connection(&self) -> bool {
        match &self.0.kind {
            Kind::Protocol(e) => e.kind() == ErrorKind::NoResponse,
            Kind::Io(_) | Kind::Stray | Kind::Unanswered(_) => true,
            _ => false,
        }
    }

    /// The same, for another request that waited for the same connection.
    pub(crate) fn copy(&self) -> Self {
        let kind = match &self.0.kind {
            Kind::Connect { target, source } => {
                let kind = source.downcast_ref::<io::Error>().map_or(io::ErrorKind::Other, io::Error::kind);
                Kind::Connect { target: target.clone(), source: io::Error::new(kind, source.to_string()).into() }
            }
            Kind::TimedOut(what) => Kind::TimedOut(what),
            _ => Kind::Request(self.to_string().into()),
        };
        Self::new(kind, self.0.fate)
    }

    /// What came answers nothing.
    pub(crate) fn is_stray(&self) -> bool {
        matches!(self.0.kind, Kind::Stray)
    }

    /// The content that was to be sent failed, ended early, or was longer than announced.
    pub fn is_content(&self) -> bool {
        matches!(self.0.kind, Kind::Content(_))
    }

    /// The rule the peer broke, if that is the reason.
    pub fn protocol(&self) -> Option<&ProtocolError> {
        match &self.0.kind {
            Kind::Protocol(e) => Some(e),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::Request(e) => write!(f, "the request cannot be sent: {e}")?,
            Kind::Connect { target, source } => write!(f, "cannot connect to {target}: {source}")?,
            Kind::NoTurn { target, limit, open, waiting } => write!(
                f,
                "no connection to {target} became free within {limit:?}: {open} are open, {waiting} requests wait; \
                 more are allowed by connections_per_origin or max_connections"
            )?,
            Kind::Protocol(e) => write!(f, "{e}")?,
            Kind::Io(e) => write!(f, "the connection failed: {e}")?,
            Kind::Content(e) => write!(f, "the content could not be sent: {e}")?,
            Kind::Stray => f.write_str(
                "the server sent bytes before it had the request, so they are no answer (RFC 9112 section 9.2)",
            )?,
            Kind::Coding => f.write_str("the response has a transfer coding that was not asked for")?,
            Kind::Ended(why) => write!(f, "the connection ended before the content was complete: {why}")?,
            Kind::Unanswered(why) => write!(f, "the connection ended before the answer came: {why}")?,
            Kind::TimedOut(what) => write!(f, "timed out waiting for {what}")?,
        }
        if self.0.fate == Fate::NotSent { Ok(()) } else { write!(f, "; {}", self.0.fate) }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            Kind::Request(e) | Kind::Content(e) | Kind::Connect { source: e, .. } => Some(&**e),
            Kind::Protocol(e) => Some(e),
            Kind::Io(e) => Some(e),
            Kind::Stray
            | Kind::NoTurn { .. }
            | Kind::Coding
            | Kind::Ended(_)
            | Kind::Unanswered(_)
            | Kind::TimedOut(_) => None,
        }
    }
}

impl Kind {
    /// What cannot be sent, and why.
    pub(crate) fn misuse(error: MisuseError) -> Self {
        match error {
            MisuseError::TooMuchContent | MisuseError::ContentTooShort { .. } => Self::Content(error.into()),
            _ => Self::Request(error.into()),
        }
    }
}
