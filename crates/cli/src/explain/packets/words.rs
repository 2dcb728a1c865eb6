//! The sentences that all three forms share.

use std::time::Duration;

use tenure::Fate;
use tenure_capture::{
    Basis, Capture, EndState, Ending, Exchange, FileEnd, How, Life, Outcome, Protocol, Race, Relation, Side, SideBasis,
    Stop, Who,
};

use super::super::text::{count, time};

/// A time since the first packet, to the microsecond.
pub(super) fn stamp(at: Duration) -> String {
    format!("{}.{:06}", at.as_secs(), at.subsec_micros())
}

/// What became of a request, in two words.
pub(super) const fn processed(fate: Fate) -> &'static str {
    match fate {
        Fate::LikelyUndelivered | Fate::NotSent | Fate::Refused => "not processed",
        Fate::Incomplete => "not processed as a whole",
        Fate::AnsweredInPart => "processed, at least in part",
        _ => "processed: unknown",
    }
}

/// `FIN` or `reset`.
pub(super) const fn how(how: How) -> &'static str {
    match how {
        How::Fin => "FIN",
        How::Reset => "reset",
    }
}

/// Which passed first, as it looks from where it was captured.
pub(super) fn race(number: usize, race: &Race, side: Side) -> String {
    let how = how(race.how);
    match (race.relation, side) {
        (Relation::After(gap), Side::Client) => {
            format!("request {number} left {} after the server's {how} had arrived", time(gap))
        }
        (Relation::After(gap), Side::Server) => {
            format!("request {number} arrived {} after the server had sent its {how}", time(gap))
        }
        (Relation::After(gap), _) => format!("request {number} left {} after the server's {how}", time(gap)),
        (Relation::Crossed(gap), Side::Client) => format!(
            "request {number} left {} before the server's {how} arrived, which was sent before the request was there",
            time(gap)
        ),
        (Relation::Crossed(gap), _) => format!(
            "request {number} and the server's {how} crossed: the {how} follows {} later and acknowledges nothing of it",
            time(gap)
        ),
    }
}

/// What became of an exchange without a whole response; nothing for an answered one.
pub(super) fn outcome(number: usize, exchange: &Exchange, side: Side) -> Option<(String, Option<Basis>)> {
    match exchange.outcome {
        Outcome::Answered => None,
        Outcome::Open => Some(("no whole answer before the capture ends; the connection was still open".into(), None)),
        Outcome::Lost { fate, race: Some(found), basis } => {
            Some((format!("RACE: {}: {}", race(number, &found, side), processed(fate)), Some(basis)))
        }
        Outcome::Lost { fate, race: None, basis } => {
            Some((format!("LOST: request {number} has no whole answer: {}", processed(fate)), Some(basis)))
        }
        _ => Some(("unknown: the capture lacks what would tell".into(), None)),
    }
}

/// Who closed, and why.
pub(super) fn ending(ending: &Ending) -> String {
    let (by, verb) =
        (ending.close.by.name(), if ending.close.how == How::Fin { "closes (FIN)" } else { "resets (RST)" });
    let state = match ending.state {
        EndState::Unused => " an unused connection".to_owned(),
        EndState::Idle(gap) => format!(" after {} idle", time(gap)),
        EndState::Within(number) => format!(" within exchange {number}"),
        _ => String::new(),
    };
    let reason = ending.reason.map_or_else(String::new, |reason| format!(": {}", reason.name()));
    format!("the {by} {verb}{state}{reason}")
}

pub(super) const fn protocol(protocol: &Protocol) -> &'static str {
    match protocol {
        Protocol::Nothing => "nothing",
        Protocol::Http1 => "HTTP/1",
        Protocol::Tls => "TLS",
        Protocol::Http2 => "HTTP/2",
        _ => "another protocol",
    }
}

/// Where it was captured, and how that is known.
pub(super) fn side((side, basis): (Side, SideBasis)) -> String {
    let place = match side {
        Side::Client => "captured at the client",
        Side::Server => "captured at the server",
        Side::Both => "captured on the one machine that is both client and server",
        Side::Middle => "captured in between, or at an end that cannot be told",
    };
    let how = match basis {
        SideBasis::Stated => " (as stated)".to_owned(),
        SideBasis::Handshake { server, client } => {
            format!(" (guessed: in the handshake the server took {}, the client {})", time(server), time(client))
        }
        SideBasis::Ttl => " (guessed: its packets had passed no router yet)".to_owned(),
        SideBasis::Addresses => String::new(),
        SideBasis::Unknown => "; --side says where, if you know".to_owned(),
    };
    format!("{place}{how}")
}

/// Why a direction was not read to its end; nothing if it was.
pub(super) fn stop(who: Who, stop: Option<Stop>, life: &Life) -> Option<String> {
    let who = who.name();
    match stop? {
        Stop::Lacking { at, bytes: 1 } => {
            Some(format!("the capture lacks the {who}'s last byte, or its FIN, at byte {at}"))
        }
        Stop::Unmatched => Some(format!("what the {who} sends from here on answers what the capture lacks")),
        Stop::Lacking { at, bytes } => Some(format!(
            "the capture lacks {} of the {who}'s at byte {at}: its messages are not read beyond that",
            count(bytes, "byte")
        )),
        Stop::Failed(error) if error.name().starts_with("incomplete") || error.name() == "no-response" => None,
        Stop::Failed(error) if error.name() == "unsolicited" => None,
        Stop::Failed(error) => Some(format!("the {who} breaks a rule of HTTP/1: {}", error.name())),
        Stop::TooMany => Some(format!("only the first {} exchanges are shown", life.exchanges.len())),
        _ => None,
    }
}

/// What is incomplete about the capture as a whole.
pub(super) fn warnings(capture: &Capture) -> Vec<String> {
    let mut warnings = Vec::new();
    match capture.end {
        FileEnd::Whole => {}
        FileEnd::Cut => warnings.push("the file ends inside a packet: what came after is not here".to_owned()),
        FileEnd::Damaged => warnings.push("the file is damaged: what follows the damage is not read".to_owned()),
    }
    for (n, what) in [
        (capture.dropped, "lost by the recording machine, as it says"),
        (capture.cut, "recorded in part (snap length): tcpdump -s 0 records all"),
        (capture.headers_cut, "too short to hold even a TCP header"),
        (capture.fragments, "IP fragments, which are not put together"),
    ] {
        if n > 0 {
            warnings.push(format!("{} {what}", count(n, "packet")));
        }
    }
    if capture.lives.is_empty() && capture.not_followed == 0 {
        warnings.push("there is no TCP connection in it".to_owned());
    }
    for (link, n) in &capture.unknown_links {
        warnings.push(format!("{} of link type {link}, which is not known here", count(*n, "packet")));
    }
    if capture.not_followed > 0 {
        warnings.push(format!("{} more: too many to follow", count(capture.not_followed, "connection")));
    }
    warnings
}
