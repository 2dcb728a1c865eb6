//! A capture for programs: docs/captures.md describes the document.

use std::time::Duration;

use serde::Serialize;
use tenure_capture::{Capture, EndState, Exchange, FileEnd, How, Life, Moment, Outcome, Relation};

use super::{Counts, words};

/// Changes when a program that reads the document has to.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    file: &'a str,
    start_unix_seconds: f64,
    seconds: f64,
    packets: u64,
    tcp_packets: u64,
    end: &'static str,
    warnings: Vec<String>,
    connections: Vec<Connection>,
    summary: Summary,
}

#[derive(Serialize)]
struct Summary {
    exchanges: u64,
    answered: u64,
    open: u64,
    unknown: u64,
    lost: u64,
    races: u64,
    not_processed: u64,
}

#[derive(Serialize)]
struct Connection {
    connection: u64,
    client: String,
    server: String,
    protocol: &'static str,
    side: &'static str,
    side_text: String,
    first_seconds: f64,
    last_seconds: f64,
    opened_seconds: Option<f64>,
    accepted_seconds: Option<f64>,
    client_bytes: u64,
    server_bytes: u64,
    lacking_bytes: u64,
    repeated_packets: u64,
    exchanges: Vec<ExchangeRow>,
    idle: Vec<Idle>,
    ending: Option<EndingRow>,
    closes: Vec<CloseRow>,
    turns_seconds: Vec<f64>,
}

#[derive(Serialize)]
struct ExchangeRow {
    exchange: usize,
    method: String,
    target: String,
    status: Option<u16>,
    request_seconds: f64,
    request_end_seconds: Option<f64>,
    response_seconds: Option<f64>,
    response_end_seconds: Option<f64>,
    outcome: &'static str,
    fate: Option<&'static str>,
    processed: Option<&'static str>,
    because: Option<&'static str>,
    race: Option<RaceRow>,
}

#[derive(Serialize)]
struct RaceRow {
    with: &'static str,
    close_seconds: f64,
    order: &'static str,
    seconds: f64,
    text: String,
}

#[derive(Serialize)]
struct Idle {
    after_exchange: usize,
    from_seconds: f64,
    seconds: f64,
}

#[derive(Serialize)]
struct EndingRow {
    by: &'static str,
    how: &'static str,
    at_seconds: f64,
    reason: Option<&'static str>,
    idle_seconds: Option<f64>,
    within_exchange: Option<usize>,
}

#[derive(Serialize)]
struct CloseRow {
    by: &'static str,
    how: &'static str,
    at_seconds: f64,
}

pub(super) fn document(name: &str, capture: &Capture) -> serde_json::Result<String> {
    let counts = Counts::of(capture);
    serde_json::to_string_pretty(&Document {
        version: VERSION,
        file: name,
        start_unix_seconds: seconds(capture.start),
        seconds: seconds(capture.duration),
        packets: capture.packets,
        tcp_packets: capture.segments,
        end: match capture.end {
            FileEnd::Whole => "whole",
            FileEnd::Cut => "cut",
            FileEnd::Damaged => "damaged",
        },
        warnings: words::warnings(capture),
        connections: capture.lives.iter().map(connection).collect(),
        summary: Summary {
            exchanges: counts.exchanges,
            answered: counts.answered,
            open: counts.open,
            unknown: counts.unseen,
            lost: counts.lost,
            races: counts.races,
            not_processed: counts.not_processed,
        },
    })
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

fn at(moment: Moment) -> f64 {
    seconds(moment.time)
}

const fn how(how: How) -> &'static str {
    match how {
        How::Fin => "fin",
        How::Reset => "reset",
    }
}

fn connection(life: &Life) -> Connection {
    Connection {
        connection: life.number,
        client: life.client.to_string(),
        server: life.server.to_string(),
        protocol: words::protocol(&life.protocol),
        side: life.side.0.name(),
        side_text: words::side(life.side),
        first_seconds: at(life.first),
        last_seconds: at(life.last),
        opened_seconds: life.opening.map(|opening| at(opening.syn)),
        accepted_seconds: life.opening.and_then(|opening| opening.accepted).map(at),
        client_bytes: life.bytes[0],
        server_bytes: life.bytes[1],
        lacking_bytes: life.lacking.iter().sum(),
        repeated_packets: life.repeated.iter().sum(),
        exchanges: life.exchanges.iter().enumerate().map(|(i, e)| exchange(i + 1, e, life)).collect(),
        idle: life
            .idle()
            .into_iter()
            .map(|(after_exchange, from, to)| Idle {
                after_exchange,
                from_seconds: at(from),
                seconds: seconds(to.time.saturating_sub(from.time)),
            })
            .collect(),
        ending: life.ending.map(|ending| EndingRow {
            by: ending.close.by.name(),
            how: how(ending.close.how),
            at_seconds: at(ending.close.at),
            reason: ending.reason.map(tenure::CloseReason::name),
            idle_seconds: if let EndState::Idle(gap) = ending.state { Some(seconds(gap)) } else { None },
            within_exchange: if let EndState::Within(number) = ending.state { Some(number) } else { None },
        }),
        closes: life
            .closes
            .iter()
            .map(|close| CloseRow { by: close.by.name(), how: how(close.how), at_seconds: at(close.at) })
            .collect(),
        turns_seconds: life.turns.iter().copied().map(at).collect(),
    }
}

fn exchange(number: usize, exchange: &Exchange, life: &Life) -> ExchangeRow {
    let (outcome, lost) = match exchange.outcome {
        Outcome::Answered => ("answered", None),
        Outcome::Open => ("open", None),
        Outcome::Lost { fate, race, basis } => ("lost", Some((fate, race, basis))),
        _ => ("unknown", None),
    };
    let race = lost.and_then(|(_, race, _)| race).map(|race| {
        let (order, gap) = match race.relation {
            Relation::After(gap) => ("request-after-close", gap),
            Relation::Crossed(gap) => ("crossed", gap),
        };
        RaceRow {
            with: how(race.how),
            close_seconds: at(race.at),
            order,
            seconds: seconds(gap),
            text: words::race(number, &race, life.side.0),
        }
    });
    ExchangeRow {
        exchange: number,
        method: exchange.method.clone(),
        target: exchange.target.clone(),
        status: exchange.response.map(|response| response.status),
        request_seconds: at(exchange.request.begun),
        request_end_seconds: exchange.request.whole.map(at),
        response_seconds: exchange.response.map(|response| at(response.message.begun)),
        response_end_seconds: exchange.response.and_then(|response| response.message.whole).map(at),
        outcome,
        fate: lost.map(|(fate, ..)| fate.name()),
        processed: lost.map(|(fate, ..)| words::processed(fate)),
        because: lost.map(|(.., basis)| basis.text()),
        race,
    }
}
