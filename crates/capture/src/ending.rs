//! Who closed a connection first, what it was doing, and why, as far as the packets tell.

use std::time::Duration;

use tenure_proto::CloseReason;

use crate::fate::Outcome;
use crate::life::{Close, EndState, Ending, Exchange, Opening, Said};
use crate::{Moment, Who};

/// A server that closes sooner after a response did not wait for the next request.
const IDLE_LEAST: Duration = Duration::from_millis(20);

/// What an ending is judged by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) closes: &'a [Close],
    pub(crate) exchanges: &'a [Exchange],
    pub(crate) opening: Option<Opening>,
    pub(crate) said: Option<Said>,
    /// Bytes that answer nothing came from the server, with this status.
    pub(crate) unasked: Option<(Moment, Option<u16>)>,
    /// When anything of substance passed last; for what is not HTTP/1.
    pub(crate) last_data: Option<Moment>,
    /// It carries HTTP/1, or nothing.
    pub(crate) is_http: bool,
    /// The capture lacks bytes without which its messages cannot be read.
    pub(crate) is_blind: bool,
}

/// The first FIN or reset, if there was one.
pub(crate) fn ending(scene: &Scene<'_>) -> Option<Ending> {
    let close = *scene.closes.iter().min_by_key(|close| close.at.packet)?;
    let state = if scene.is_http { state(scene, &close) } else { quiet(scene, &close) };
    Some(Ending { close, state, reason: if scene.is_http { reason(scene, &close, state) } else { None } })
}

fn state(scene: &Scene<'_>, close: &Close) -> EndState {
    let before = |exchange: &Exchange| exchange.request.begun.packet < close.at.packet;
    let whole = |exchange: &Exchange| {
        exchange.response.and_then(|r| r.message.whole).filter(|whole| whole.packet <= close.at.packet)
    };
    // A request of which the server had nothing was not under way for it.
    let unknown =
        |exchange: &Exchange| close.by == Who::Server && close.acked.is_some_and(|a| a <= exchange.request.start);
    let under_way =
        scene.exchanges.iter().position(|e| before(e) && whole(e).is_none() && !unknown(e) && !e.handed_over);
    match under_way.map(|at| (at, scene.exchanges[at].outcome)) {
        Some((_, Outcome::Unseen)) => return EndState::Unknown,
        Some((at, _)) => return EndState::Within(at + 1),
        None => {}
    }
    match scene.exchanges.iter().filter(|e| before(e)).filter_map(whole).next_back() {
        Some(since) => EndState::Idle(close.at.time.saturating_sub(since.time)),
        None if scene.exchanges.is_empty() && scene.opening.is_some() && !scene.is_blind => EndState::Unused,
        None => EndState::Unknown,
    }
}

/// Without messages only silence can be measured.
fn quiet(scene: &Scene<'_>, close: &Close) -> EndState {
    match scene.last_data {
        Some(since) => EndState::Idle(close.at.time.saturating_sub(since.time)),
        None if scene.opening.is_some() => EndState::Unused,
        None => EndState::Unknown,
    }
}

fn reason(scene: &Scene<'_>, close: &Close, state: EndState) -> Option<CloseReason> {
    let last = scene.exchanges.iter().rfind(|exchange| exchange.is_whole());
    if last.is_some_and(|exchange| exchange.handed_over) || scene.exchanges.iter().any(|e| e.handed_over) {
        return Some(CloseReason::HandedOver);
    }
    if matches!(state, EndState::Within(_) | EndState::Unknown) {
        return None;
    }
    if let Some((moment, status)) = scene.unasked
        && close.by == Who::Server
        && moment.packet <= close.at.packet
    {
        return Some(if status == Some(408) { CloseReason::TimedOut } else { CloseReason::Unsolicited });
    }
    if let Some(said) = scene.said
        && scene.exchanges.get(said.exchange - 1).is_some_and(Exchange::is_whole)
    {
        return Some(said.reason);
    }
    if close.by == Who::Client {
        return None;
    }
    if last.is_some_and(|exchange| exchange.request.whole.is_none()) {
        return Some(CloseReason::UnreadContent);
    }
    if last.and_then(|exchange| exchange.response?.keep_alive?.max) == Some(0) {
        return Some(CloseReason::RequestLimit);
    }
    match state {
        EndState::Idle(time) if time >= IDLE_LEAST => Some(CloseReason::Idle),
        // A server waits for the first request too (RFC 9112 section 9.5).
        EndState::Unused => {
            let since = scene.opening.map_or(close.at.time, |opening| opening.syn.time);
            (close.at.time.saturating_sub(since) >= IDLE_LEAST).then_some(CloseReason::Idle)
        }
        _ => None,
    }
}
