//! What became of a request: the client's design (RFC 9112 section 9.3.1), seen from outside. A
//! capture shows more than the client's kernel tells it: what the server's FIN and resets
//! acknowledge, and, at the server, their order.

use std::fmt;
use std::time::Duration;

use tenure_proto::{ErrorKind, Fate};

use crate::life::{Close, Exchange, How, Stop};
use crate::side::Side;
use crate::{Moment, Who};

/// What became of an exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The response is whole.
    Answered,
    /// The capture ends before the response, and the connection was still open.
    Open,
    /// The capture lacks what would tell.
    Unseen,
    /// The connection ended without a whole response.
    Lost {
        /// What is known about the request, in the client's terms.
        fate: Fate,
        /// It met the server's close, if that is so.
        race: Option<Race>,
        /// What that rests on.
        basis: Basis,
    },
}

/// A request that met a close.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Race {
    /// How the server closed.
    pub how: How,
    /// When that passed.
    pub at: Moment,
    /// The order of the two.
    pub relation: Relation,
}

/// Which passed first, the request or the close.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relation {
    /// The request, so long after the close.
    After(Duration),
    /// The close, so long after the request, of which its sender knew nothing yet.
    Crossed(Duration),
}

/// What a [`Fate`] rests on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Basis {
    /// The server had closed its side, acknowledged no byte of the request, and reset the connection.
    NothingAcknowledged,
    /// The server had reset the connection before the request came to it.
    ResetBefore,
    /// The server's side acknowledged the request, or a part of it.
    Acknowledged,
    /// The server's side closed, and no reset tells that it refused the request.
    NoReset,
    /// Packets were not recorded, and one of them may have acknowledged the request.
    Lossy,
    /// The connection was reset, and where the capture was made that proves nothing.
    ResetAlone,
    /// The response began.
    CutShort,
    /// The client ended the connection before its request was whole.
    ClientStopped,
    /// The client ended the connection before an answer came.
    ClientGaveUp,
    /// What came as the answer was sent before the server had a byte of the request.
    AnsweredBefore,
}

impl Basis {
    /// One sentence.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NothingAcknowledged => {
                "the server had closed its side, acknowledged no byte of the request and reset the connection; it \
                 processes nothing that comes after its close (RFC 9112 section 9.6)"
            }
            Self::ResetBefore => "the server had reset the connection before the request came to it",
            Self::Acknowledged => {
                "the server's machine acknowledged bytes of it; whether its program read them no capture shows"
            }
            Self::NoReset => "the server had closed its side, but no reset in the capture refuses the request",
            Self::Lossy => "packets were not recorded, and one of them may have acknowledged the request",
            Self::ResetAlone => "a reset alone is no proof: others than the server can send one",
            Self::CutShort => "the response began and is not whole",
            Self::ClientStopped => "the client ended the connection before its request was whole",
            Self::ClientGaveUp => "the client ended the connection before an answer came",
            Self::AnsweredBefore => {
                "the response was sent before the server had a byte of the request: it tells of the close, and \
                 answers nothing"
            }
        }
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// The whole connection, as far as it tells of its requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence<'a> {
    pub(crate) closes: &'a [Close],
    /// Up to where the server acknowledged the client's stream, in all.
    pub(crate) acked: u64,
    pub(crate) side: Side,
    pub(crate) stops: [Option<Stop>; 2],
    /// Packets of the connection were not recorded: one that acknowledges the request may be among them.
    pub(crate) is_lossy: bool,
}

impl Evidence<'_> {
    fn close(&self, by: Who, how: How) -> Option<&Close> {
        self.closes.iter().find(|close| close.by == by && close.how == how)
    }

    /// The server's first FIN or reset.
    fn server_close(&self) -> Option<&Close> {
        self.closes.iter().filter(|close| close.by == Who::Server).min_by_key(|close| close.at.packet)
    }

    fn lacks(&self, who: Who) -> bool {
        matches!(self.stops[who.index()], Some(Stop::Lacking { .. } | Stop::Unmatched | Stop::TooMany))
    }

    /// Responses cannot be told from each other.
    fn is_unreadable(&self) -> bool {
        match self.stops[Who::Server.index()] {
            Some(Stop::Failed(error)) => !matches!(
                error,
                ErrorKind::NoResponse
                    | ErrorKind::IncompleteHead
                    | ErrorKind::IncompleteContent
                    | ErrorKind::Unsolicited
            ),
            _ => self.lacks(Who::Server),
        }
    }
}

impl Outcome {
    /// Without what only a capture that has every packet can prove.
    pub(crate) fn if_lossy(self) -> Self {
        match self {
            Self::Lost { race, basis: Basis::NothingAcknowledged | Basis::ResetBefore, .. } => {
                Self::Lost { fate: Fate::Unknown, race, basis: Basis::Lossy }
            }
            other => other,
        }
    }
}

/// Judges one exchange.
pub(crate) fn outcome(exchange: &Exchange, evidence: &Evidence<'_>) -> Outcome {
    let lost = |fate, basis| Outcome::Lost { fate, race: race(exchange, evidence), basis };
    match exchange.response {
        _ if exchange.handed_over => Outcome::Answered,
        Some(response) if response.crossed => lost(Fate::Refused, Basis::AnsweredBefore),
        Some(response) if response.message.whole.is_some() => Outcome::Answered,
        _ if evidence.is_unreadable() => Outcome::Unseen,
        _ if evidence.closes.is_empty() => Outcome::Open,
        // The core began it, so the server had the request; no race can take that back.
        Some(_) => Outcome::Lost { fate: Fate::AnsweredInPart, race: None, basis: Basis::CutShort },
        None => unanswered(exchange, evidence),
    }
}

fn unanswered(exchange: &Exchange, evidence: &Evidence<'_>) -> Outcome {
    let request = exchange.request;
    let race = race(exchange, evidence);
    let lost = |fate, basis| Outcome::Lost { fate, race, basis };
    let first = evidence.closes.iter().min_by_key(|close| close.at.packet);
    let client_first = first.is_some_and(|close| close.by == Who::Client);
    if request.whole.is_none() {
        if evidence.lacks(Who::Client) {
            return Outcome::Unseen;
        }
        if client_first {
            return lost(Fate::Incomplete, Basis::ClientStopped);
        }
    }
    let (fin, reset) = (evidence.close(Who::Server, How::Fin), evidence.close(Who::Server, How::Reset));
    if evidence.acked > request.start {
        let gave_up = client_first && fin.is_none() && reset.is_none();
        return lost(Fate::Unknown, if gave_up { Basis::ClientGaveUp } else { Basis::Acknowledged });
    }
    // At the server, and on one machine, packets are recorded in the order in which it sent and got them.
    let order_proves = matches!(evidence.side, Side::Server | Side::Both);
    match (fin, reset) {
        (_, Some(_)) if evidence.is_lossy => lost(Fate::Unknown, Basis::Lossy),
        (Some(_), Some(_)) => lost(Fate::LikelyUndelivered, Basis::NothingAcknowledged),
        (None, Some(reset)) if order_proves && reset.at.packet < request.begun.packet => {
            lost(Fate::LikelyUndelivered, Basis::ResetBefore)
        }
        (Some(_), None) => lost(Fate::Unknown, Basis::NoReset),
        (None, Some(_)) => lost(Fate::Unknown, Basis::ResetAlone),
        (None, None) => lost(Fate::Unknown, Basis::ClientGaveUp),
    }
}

/// The request passed after the server's close, or before one whose sender had nothing of it.
fn race(exchange: &Exchange, evidence: &Evidence<'_>) -> Option<Race> {
    let (begun, close) = (exchange.request.begun, evidence.server_close()?);
    let relation = if close.at.packet < begun.packet {
        Relation::After(begun.time.saturating_sub(close.at.time))
    } else if close.acked? <= exchange.request.start {
        Relation::Crossed(close.at.time.saturating_sub(begun.time))
    } else {
        return None;
    };
    Some(Race { how: close.how, at: close.at, relation })
}
