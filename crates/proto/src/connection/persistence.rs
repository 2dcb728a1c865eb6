//! Persistence (RFC 9112 section 9.3): one pure function over every connection option and the version.

use std::fmt;

use crate::message::{is_name, token_end};
use crate::version::Version;

/// May the connection carry another message? Moves one way, and keeps the first reason.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Persistence {
    /// Yes.
    Persist,
    /// No, for this reason.
    Close(CloseReason),
}

/// Why a connection ends. One vocabulary for both sides, logs, metrics and tools.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer sent the `close` connection option (RFC 9112 section 9.6).
    CloseOption,
    /// This side sent `close`: its last message on this connection.
    LastMessage,
    /// HTTP/1.0 without `keep-alive` (RFC 9112 section 9.3).
    Http10,
    /// An HTTP/0.9 exchange, which only a close can end.
    Http09,
    /// The end of the content is the end of the connection (RFC 9112 section 6.3 rule 8).
    CloseDelimited,
    /// The framing could be read but not trusted for a next message (RFC 9112 section 6.1).
    FaultyFraming,
    /// A request's content was not read to its end (RFC 9110 section 7.5).
    UnreadContent,
    /// A response's content was not read to its end by the application.
    Abandoned,
    /// Idle for longer than this side waits (RFC 9112 section 9.5).
    Idle,
    /// The peer was too slow within a message (RFC 9110 section 15.5.9).
    TimedOut,
    /// As many requests as one connection may carry.
    RequestLimit,
    /// As old as a connection may become.
    Age,
    /// This side shuts down.
    Shutdown,
    /// Closed to make room for other connections.
    Pressure,
    /// As many connections as one address may have.
    AddressLimit,
    /// The peer is not one of those that may connect: it speaks for others, and is not trusted.
    Untrusted,
    /// The pool has no use for another idle connection.
    PoolFull,
    /// The peer's `Keep-Alive` hint said that it would close about now.
    Hint,
    /// The peer broke the protocol.
    Malformed,
    /// The peer sent bytes while no request was outstanding (RFC 9112 section 9.2).
    Unsolicited,
    /// The peer closed its side.
    PeerFin,
    /// The peer reset the connection.
    PeerReset,
    /// The application failed: it panicked, or did not produce the message its head announced.
    ApplicationFailed,
    /// Reading or writing failed for another reason.
    Transport,
    /// A response that its receiver did not read held up those behind it (RFC 9112 section 9.3.2).
    HeadOfLine,
    /// The connection was handed to another protocol (101, CONNECT).
    HandedOver,
}

impl CloseReason {
    /// A short name in kebab case, for example `close-option`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CloseOption => "close-option",
            Self::LastMessage => "last-message",
            Self::Http10 => "http-1.0",
            Self::Http09 => "http-0.9",
            Self::CloseDelimited => "close-delimited",
            Self::FaultyFraming => "faulty-framing",
            Self::UnreadContent => "unread-content",
            Self::Abandoned => "abandoned",
            Self::Idle => "idle",
            Self::TimedOut => "timed-out",
            Self::RequestLimit => "request-limit",
            Self::Age => "age",
            Self::Shutdown => "shutdown",
            Self::Pressure => "pressure",
            Self::AddressLimit => "address-limit",
            Self::Untrusted => "untrusted",
            Self::PoolFull => "pool-full",
            Self::Hint => "hint",
            Self::Malformed => "malformed",
            Self::Unsolicited => "unsolicited",
            Self::PeerFin => "peer-fin",
            Self::PeerReset => "peer-reset",
            Self::ApplicationFailed => "application-failed",
            Self::Transport => "transport",
            Self::HeadOfLine => "head-of-line",
            Self::HandedOver => "handed-over",
        }
    }

    /// One line for people.
    pub const fn text(self) -> &'static str {
        match self {
            Self::CloseOption => "the peer said close",
            Self::LastMessage => "we said close on our last message",
            Self::Http10 => "HTTP/1.0 without keep-alive",
            Self::Http09 => "HTTP/0.9 ends every answer by closing",
            Self::CloseDelimited => "the response's end was the connection's end",
            Self::FaultyFraming => "the message's framing cannot be trusted for a next one",
            Self::UnreadContent => "the request's content was not read to its end",
            Self::Abandoned => "the response's content was not read to its end",
            Self::Idle => "idle for too long",
            Self::TimedOut => "the peer was too slow within a message",
            Self::RequestLimit => "as many requests as one connection may carry",
            Self::Age => "as old as a connection may become",
            Self::Shutdown => "we are shutting down",
            Self::Pressure => "closed to make room for others",
            Self::AddressLimit => "as many connections as one address may have",
            Self::Untrusted => "the peer may not speak for others, and only such peers may connect",
            Self::PoolFull => "the pool has no use for another idle connection",
            Self::Hint => "the peer's Keep-Alive hint had run out",
            Self::Malformed => "the peer broke the protocol",
            Self::Unsolicited => "the peer sent bytes that nobody had asked for",
            Self::PeerFin => "the peer closed it",
            Self::PeerReset => "the peer reset it",
            Self::ApplicationFailed => "the application failed to complete its message",
            Self::Transport => "reading or writing failed",
            Self::HeadOfLine => "a response that nobody read held up those behind it",
            Self::HandedOver => "handed over to another protocol",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// The connection options of one message: every token of every `Connection` line, in any case.
/// A set, so the order of lines cannot matter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct ConnectionOptions {
    /// `close`
    pub close: bool,
    /// `keep-alive`
    pub keep_alive: bool,
    /// `upgrade`
    pub upgrade: bool,
}

impl ConnectionOptions {
    /// Adds the options of one field value.
    pub fn add(&mut self, value: &[u8]) {
        // Mostly one alone. A hyphen is looked at again, since only in a token nothing else is like it.
        if is_name(value, b"keep-alive") && value[4] == b'-' {
            self.keep_alive = true;
            return;
        }
        let mut start = 0;
        while start < value.len() {
            let end = token_end(value, start);
            let option = &value[start..end];
            match end - start {
                5 => self.close |= is_name(option, b"close"),
                10 => self.keep_alive |= is_name(option, b"keep-alive"),
                7 => self.upgrade |= is_name(option, b"upgrade"),
                _ => {}
            }
            start = end + 1;
        }
    }
}

impl Persistence {
    /// The rule of RFC 9112 section 9.3 for one message, in its order: `close` closes; HTTP/1.1
    /// persists; HTTP/1.0 persists if it says `keep-alive` and we honour that.
    #[inline]
    pub const fn of(version: Version, options: ConnectionOptions, honour_http10: bool) -> Self {
        match (version, options) {
            (_, ConnectionOptions { close: true, .. }) => Self::Close(CloseReason::CloseOption),
            (Version::Http11, _) => Self::Persist,
            (Version::Http10, ConnectionOptions { keep_alive: true, .. }) if honour_http10 => Self::Persist,
            (Version::Http10, _) => Self::Close(CloseReason::Http10),
            (Version::Http09, _) => Self::Close(CloseReason::Http09),
        }
    }

    /// Both must agree to persist; the earlier reason stands.
    #[inline]
    pub const fn and(self, later: Self) -> Self {
        match self {
            Self::Close(_) => self,
            Self::Persist => later,
        }
    }
}
