//! One HTTP/1 connection: what it may receive, what it may send, and when it ends.
//!
//! The two halves, receiving and sending, step separately and meet in [`Connection::settle`], the
//! only place that ends an exchange. No state holds a buffer, a socket or a clock.
//!
//! | receiving | means | next |
//! |---|---|---|
//! | Head | a head is due or on its way | Content |
//! | Content | content is due | Complete |
//! | Complete | the message is whole; the exchange is not | Head, Closed, HandOver |
//! | HandOver | another protocol owns the input | |
//! | Closed | no further message; input is discarded | |

mod keep_alive;
mod outstanding;
mod persistence;
mod receive;
mod retry;
mod send;
mod send_request;
mod send_response;
mod teardown;
mod timeout;

use std::sync::Arc;

pub use outstanding::MethodClass;
pub use persistence::{CloseReason, ConnectionOptions, Persistence};
pub use retry::{Attempt, Fate, Verdict};
pub use send::{Delimiters, FieldLine};
pub use send_request::RequestLine;
pub use teardown::Directive;
pub use timeout::Timer;

pub(crate) use keep_alive::Kept;
pub(crate) use outstanding::{Exchange, Outstanding};

use crate::body::Framing;
use crate::body::chunked::ChunkedDecoder;
use crate::config::Config;
use crate::error::{ErrorKind, ProtocolError};
use crate::message::head::HeadParser;
use crate::role::Role;
use crate::role::sealed::{Sealed, State};
use timeout::{Pace, Wait};

/// The state of one connection in the role `R`. See the [crate documentation](crate) for the
/// order of calls.
#[derive(Clone, Debug)]
pub struct Connection<R: Role> {
    config: Arc<Config>,
    receiving: Receiving,
    sending: Sending,
    state: <R as Sealed>::State,
    persistence: Persistence,
    directive: Directive,
    wait: Option<Wait>,
    /// The peer has closed its side: nothing we send can be lost to unread input.
    peer_finished: bool,
    received: u64,
    exchanges: u64,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Receiving {
    Head { parser: HeadParser, empty_lines: u8 },
    Content { content: Content, pace: Pace },
    Complete,
    HandOver,
    Closed,
}

/// Content on its way in.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Content {
    Length { left: u64 },
    Chunked(ChunkedDecoder),
    UntilClose { received: u64 },
}

impl From<Framing> for Content {
    #[inline]
    fn from(framing: Framing) -> Self {
        match framing {
            Framing::Length(left) => Self::Length { left },
            Framing::Chunked => Self::Chunked(ChunkedDecoder::NEW),
            Framing::CloseDelimited => Self::UntilClose { received: 0 },
        }
    }
}

impl Receiving {
    const HEAD: Self = Self::Head { parser: HeadParser::NEW, empty_lines: 0 };
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Sending {
    /// No message is under way.
    Idle,
    Length {
        left: u64,
    },
    Chunked,
    UntilClose,
    /// Server: the response is whole, the exchange is not.
    Finished,
}

impl<R: Role> Connection<R> {
    /// A new connection that has carried nothing yet.
    pub fn new(config: Arc<Config>) -> Self {
        Self {
            state: State::new(&config),
            config,
            receiving: Receiving::HEAD,
            sending: Sending::Idle,
            persistence: Persistence::Persist,
            directive: Directive::Proceed,
            wait: None,
            peer_finished: false,
            received: 0,
            exchanges: 0,
        }
    }

    /// The current exchange shall be the last: its response says `close` if its head is not sent
    /// yet. An idle connection stays open for one more request, which is answered with `close`. If
    /// the response is sent and only the rest of its request is to come, it ends here.
    #[inline]
    pub fn close_after_current(&mut self, why: CloseReason) {
        self.persistence = self.persistence.and(Persistence::Close(why));
        self.settle();
    }

    /// Ends the connection at once, whatever is under way.
    pub fn close(&mut self, why: CloseReason) {
        self.persistence = self.persistence.and(Persistence::Close(why));
        self.receiving = Receiving::Closed;
        self.wait = None;
        self.directive = Directive::Close(why);
    }

    /// What to do with the socket, once everything queued is flushed.
    #[inline]
    pub const fn directive(&self) -> Directive {
        self.directive
    }

    /// Whether another exchange may follow the current one.
    pub const fn persistence(&self) -> Persistence {
        self.persistence
    }

    /// Requests whose responses are not complete.
    pub fn outstanding(&self) -> usize {
        self.state.len()
    }

    /// Exchanges completed.
    pub const fn exchanges(&self) -> u64 {
        self.exchanges
    }

    /// Bytes received and used.
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// True between exchanges: nothing is owed by either side and no byte of a next message came.
    pub fn is_idle(&self) -> bool {
        let fresh = matches!(&self.receiving, Receiving::Head { parser, .. } if parser.is_fresh());
        fresh && self.state.is_empty() && self.sending == Sending::Idle && self.directive == Directive::Proceed
    }

    /// Bytes of content still to be received, if the framing says; 0 if none is due.
    pub const fn content_left(&self) -> Option<u64> {
        match self.receiving {
            Receiving::Content { content: Content::Length { left }, .. } => Some(left),
            Receiving::Content { .. } => None,
            _ => Some(0),
        }
    }

    /// True while the received message is not whole: its content is still to come.
    pub const fn is_receiving_content(&self) -> bool {
        matches!(self.receiving, Receiving::Content { .. })
    }

    /// True while this side owes content or an end to the message it has begun.
    pub const fn is_sending(&self) -> bool {
        matches!(self.sending, Sending::Length { .. } | Sending::Chunked | Sending::UntilClose)
    }

    /// No further message; a server may still answer what failed.
    fn fail(&mut self, kind: ErrorKind, offset: u64) -> ProtocolError {
        let why = match kind {
            ErrorKind::TimedOut(Timer::First | Timer::Idle) => CloseReason::Idle,
            ErrorKind::TimedOut(_) => CloseReason::TimedOut,
            ErrorKind::IncompleteHead | ErrorKind::IncompleteContent | ErrorKind::NoResponse => CloseReason::PeerFin,
            ErrorKind::Unsolicited => CloseReason::Unsolicited,
            _ => CloseReason::Malformed,
        };
        self.persistence = self.persistence.and(Persistence::Close(why));
        self.receiving = Receiving::Closed;
        self.wait = None;
        if !R::IS_SERVER {
            self.directive = Directive::Close(why);
        } else if self.state.is_empty() {
            self.state.push(Exchange::UNREADABLE);
        } else {
            self.settle();
        }
        ProtocolError::new(kind, offset)
    }

    /// Ends the exchange if both halves are done, or if nothing more can come of it.
    #[inline]
    fn settle(&mut self) {
        if R::IS_SERVER { self.settle_server() } else { self.settle_client() }
    }

    #[inline]
    fn settle_server(&mut self) {
        if self.sending != Sending::Finished {
            return;
        }
        match (&self.receiving, self.persistence) {
            (Receiving::HandOver, _) => self.end_exchange(Receiving::HandOver),
            (_, Persistence::Close(why)) => {
                self.end_exchange(Receiving::Closed);
                self.directive = if self.peer_finished { Directive::Close(why) } else { Directive::HalfClose(why) };
            }
            (Receiving::Complete, Persistence::Persist) => self.end_exchange(Receiving::HEAD),
            // The rest of the request is still to be received.
            _ => {}
        }
    }

    fn settle_client(&mut self) {
        if self.receiving != Receiving::Complete {
            return;
        }
        let sending_this = self.state.len() == 1 && self.sending != Sending::Idle;
        match self.persistence {
            // A pipelined request that said close is the last one sent, not the one answered now.
            Persistence::Close(CloseReason::LastMessage) if self.state.len() > 1 => self.next_response(),
            Persistence::Close(why) => {
                self.end_exchange(Receiving::Closed);
                self.directive = Directive::Close(why);
            }
            // An early final response: the request is still being sent.
            Persistence::Persist if sending_this => {}
            Persistence::Persist => self.next_response(),
        }
    }

    /// Client: an exchange has ended; a later request may still be being sent.
    fn next_response(&mut self) {
        let sending = self.sending;
        self.end_exchange(Receiving::HEAD);
        self.sending = sending;
    }

    #[inline]
    fn end_exchange(&mut self, receiving: Receiving) {
        self.state.pop();
        self.exchanges += 1;
        self.receiving = receiving;
        self.sending = Sending::Idle;
        self.wait = None;
    }
}
