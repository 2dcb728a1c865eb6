//! What is known of a connection in the end.

use std::net::SocketAddr;
use std::time::Duration;

use tenure_proto::{CloseReason, ErrorKind, KeepAlive};

use crate::fate::Outcome;
use crate::side::{Side, SideBasis};
use crate::{Moment, Who};

/// A connection from its first packet in the capture to its last.
#[derive(Clone, Debug)]
pub struct Life {
    /// Counted from 1, in the order of their first packets.
    pub number: u64,
    /// Who opened it, as far as that can be told.
    pub client: SocketAddr,
    /// The other one.
    pub server: SocketAddr,
    /// Its first packet.
    pub first: Moment,
    /// Its last packet.
    pub last: Moment,
    /// The handshake, if the capture has it.
    pub opening: Option<Opening>,
    /// What it carries.
    pub protocol: Protocol,
    /// Where it was captured, and how that is known.
    pub side: (Side, SideBasis),
    /// Its exchanges, in order. Empty unless it carries HTTP/1.
    pub exchanges: Vec<Exchange>,
    /// Bytes from the client and from the server, retransmissions not counted.
    pub bytes: [u64; 2],
    /// Segments that carried nothing new, by direction.
    pub repeated: [u64; 2],
    /// Bytes that the capture lacks, by direction.
    pub lacking: [u64; 2],
    /// Where reading each direction's messages stopped, and why, if it did.
    pub stops: [Option<Stop>; 2],
    /// Who closed first, how and why; `None` if it was still open.
    pub ending: Option<Ending>,
    /// All FINs and resets, the first of each kind by each side.
    pub closes: Vec<Close>,
    /// Bytes from the server that answer nothing: when they came, and the status if they are a response.
    pub unasked: Option<(Moment, Option<u16>)>,
    /// For what is not HTTP/1: when the client sent after the server had, which is about once a request.
    pub turns: Vec<Moment>,
}

/// The three packets of a handshake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Opening {
    /// The client's SYN.
    pub syn: Moment,
    /// The server's answer.
    pub accepted: Option<Moment>,
    /// The client's acknowledgement.
    pub acknowledged: Option<Moment>,
}

/// What a connection carries.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Protocol {
    /// No byte was seen in either direction.
    Nothing,
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// TLS: timing and endings only.
    Tls,
    /// HTTP/2 in the clear: timing and endings only.
    Http2,
    /// Anything else.
    Other,
}

/// A request and what became of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// `?` for a request that no server would read.
    pub method: String,
    /// As sent, at most 512 characters.
    pub target: String,
    /// The request's place in the client's stream.
    pub request: Message,
    /// The final response, once its head came.
    pub response: Option<Response>,
    /// The connection went over to another protocol with the response.
    pub handed_over: bool,
    /// What became of it.
    pub outcome: Outcome,
}

impl Exchange {
    pub(crate) const fn new(method: String, target: String, request: Message) -> Self {
        Self { method, target, request, response: None, handed_over: false, outcome: Outcome::Open }
    }

    /// Both messages are whole.
    pub fn is_whole(&self) -> bool {
        self.response.is_some_and(|response| response.message.whole.is_some())
    }
}

/// A message's place in its stream and in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message {
    /// Place of its first byte.
    pub start: u64,
    /// Place after its last byte so far.
    pub end: u64,
    /// When its first byte passed.
    pub begun: Moment,
    /// When its last byte so far passed.
    pub latest: Moment,
    /// When its last byte passed, if it is whole.
    pub whole: Option<Moment>,
}

impl Message {
    pub(crate) const fn begun(at: u64, moment: Moment) -> Self {
        Self { start: at, end: at, begun: moment, latest: moment, whole: None }
    }

    pub(crate) const fn until(self, end: u64, latest: Moment) -> Self {
        Self { end, latest, ..self }
    }

    pub(crate) const fn whole(self, moment: Moment) -> Self {
        Self { whole: Some(moment), ..self }
    }
}

/// A final response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Response {
    /// Its status code.
    pub status: u16,
    /// Its place.
    pub message: Message,
    /// What it announces.
    pub keep_alive: Option<KeepAlive>,
    /// It was sent before its server had a byte of the request: it answers something else.
    pub crossed: bool,
    /// It ends with the connection.
    pub by_close: bool,
}

/// Why no further message is read in a direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Stop {
    /// Its sender closed it, between two messages.
    Ended,
    /// No message may follow, by HTTP's rules.
    Over(CloseReason),
    /// A rule was broken.
    Failed(ErrorKind),
    /// The capture lacks bytes at this place, and without them nobody knows where the next message begins.
    Lacking {
        /// Place of the first byte that is not there.
        at: u64,
        /// How many.
        bytes: u64,
    },
    /// What is sent answers requests that the capture lacks.
    Unmatched,
    /// More exchanges than are kept.
    TooMany,
}

/// A message that said the connection would end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Said {
    pub(crate) who: Who,
    pub(crate) reason: CloseReason,
    /// In which exchange, counted from 1.
    pub(crate) exchange: usize,
}

/// A FIN or a reset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Close {
    /// Who sent it.
    pub by: Who,
    /// Which of the two.
    pub how: How,
    /// When it passed.
    pub at: Moment,
    /// Up to which place of the other direction its sender had received, if it says so.
    pub acked: Option<u64>,
}

/// How a side ends a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// It sends nothing more (FIN).
    Fin,
    /// It neither sends nor receives (RST).
    Reset,
}

/// The end of a connection: what came first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ending {
    /// The FIN or reset that came first.
    pub close: Close,
    /// Why, where the packets tell.
    pub reason: Option<CloseReason>,
    /// What was under way.
    pub state: EndState,
}

/// What a connection was doing when it was closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndState {
    /// Nothing was asked on it.
    Unused,
    /// Nothing was outstanding, for so long.
    Idle(Duration),
    /// This exchange, counted from 1, was under way.
    Within(usize),
    /// What was under way cannot be told.
    Unknown,
}

impl Life {
    /// Exchanges that lost the race with a close.
    pub fn races(&self) -> impl Iterator<Item = (usize, &Exchange)> {
        let lost = |exchange: &Exchange| matches!(exchange.outcome, Outcome::Lost { race: Some(_), .. });
        self.exchanges.iter().enumerate().filter(move |(_, exchange)| lost(exchange)).map(|(i, e)| (i + 1, e))
    }

    /// Exchanges whose response is not whole though the connection is over.
    pub fn lost(&self) -> impl Iterator<Item = (usize, &Exchange)> {
        let lost = |exchange: &Exchange| matches!(exchange.outcome, Outcome::Lost { .. });
        self.exchanges.iter().enumerate().filter(move |(_, exchange)| lost(exchange)).map(|(i, e)| (i + 1, e))
    }

    /// The first FIN or reset of that kind.
    pub fn close(&self, by: Who, how: How) -> Option<&Close> {
        self.closes.iter().find(|close| close.by == by && close.how == how)
    }

    /// Where nothing was outstanding: after which exchange (0: before the first), from when to when.
    pub fn idle(&self) -> Vec<(usize, Moment, Moment)> {
        let mut gaps = Vec::new();
        let mut since = self.opening.and_then(|opening| opening.acknowledged.or(opening.accepted));
        for (i, exchange) in self.exchanges.iter().enumerate() {
            if let Some(since) = since.filter(|since| since.packet < exchange.request.begun.packet) {
                gaps.push((i, since, exchange.request.begun));
            }
            since = exchange.response.and_then(|response| response.message.whole);
        }
        let end = self.ending.map_or(self.last, |ending| ending.close.at);
        if let Some(since) = since.filter(|since| since.packet < end.packet) {
            gaps.push((self.exchanges.len(), since, end));
        }
        gaps
    }
}
