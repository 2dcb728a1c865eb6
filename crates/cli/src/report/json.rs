//! The report for programs: one JSON object a line, a file as it ends, the summary last.

use serde::Serialize;
use tenure::{CloseReason, Fate};

use super::item::{Item, Outcome};
use super::summary::Summary;
use super::table::Words;

/// One file.
#[derive(Serialize)]
struct File<'a> {
    /// `stored` or `fetched`, `earlier`, `failed`.
    outcome: &'a str,
    name: &'a str,
    url: &'a str,
    bytes: u64,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<u64>,
    /// Which on its connection, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'a str>,
    /// What is known about a request without an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    fate: Option<&'a str>,
}

/// The line for one file.
pub(super) fn file(item: &Item, words: Words) -> String {
    let failure = match &item.outcome {
        Outcome::Failed(failure) => Some(failure),
        _ => None,
    };
    line(&File {
        outcome: match item.outcome {
            Outcome::Done => words.done,
            Outcome::Earlier => "earlier",
            Outcome::Failed(_) => "failed",
        },
        name: &item.name,
        url: &item.url,
        bytes: item.bytes,
        seconds: item.took.as_secs_f64(),
        status: item.status.map(|status| status.as_u16()),
        place: item.place.as_deref(),
        connection: item.connection.as_ref().map(|c| c.id),
        request: item.connection.as_ref().map(|c| c.request),
        error: failure.map(|f| f.what.as_str()),
        advice: failure.and_then(|f| f.advice.as_deref()),
        fate: failure.and_then(|f| f.fate).map(Fate::name),
    })
}

#[derive(Serialize)]
struct Last<'a> {
    summary: Sum<'a>,
}

#[derive(Serialize)]
struct Sum<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<&'a str>,
    done: u64,
    failed: usize,
    earlier: u64,
    not_begun: u64,
    bytes: u64,
    seconds: f64,
    requests: u64,
    connections_opened: usize,
    handshakes_saved: u64,
    tls: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    handshake_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    round_trip_seconds: Option<f64>,
    waited_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pipelined: Option<Pipelined>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_seconds_over_8_connections: Option<f64>,
    connections: Vec<Connection>,
}

#[derive(Serialize)]
struct Pipelined {
    requests: u64,
    most_outstanding: usize,
    longest_held_up_seconds: f64,
}

#[derive(Serialize)]
struct Connection {
    connection: u64,
    requests: u64,
    sent: u64,
    received: u64,
    open_seconds: f64,
    /// A short name, as `close-option`.
    ended: Option<&'static str>,
}

/// The line for the run; `run` names it where there are several.
pub(super) fn summary(summary: &Summary, run: Option<&str>) -> String {
    line(&Last {
        summary: Sum {
            run,
            done: summary.done,
            failed: summary.failures.len(),
            earlier: summary.earlier,
            not_begun: summary.untried,
            bytes: summary.bytes,
            seconds: summary.elapsed.as_secs_f64(),
            requests: summary.requests(),
            connections_opened: summary.connections.len(),
            handshakes_saved: summary.handshakes_saved(),
            tls: summary.secure,
            handshake_seconds: summary.handshake().map(|t| t.as_secs_f64()),
            round_trip_seconds: summary.round_trip().map(|t| t.as_secs_f64()),
            waited_seconds: summary.waited.as_secs_f64(),
            pipelined: (summary.pipelined > 0).then_some(Pipelined {
                requests: summary.pipelined,
                most_outstanding: summary.deepest,
                longest_held_up_seconds: summary.held_up.as_secs_f64(),
            }),
            estimated_seconds_over_8_connections: summary.estimate(8).map(|t| t.as_secs_f64()),
            connections: summary
                .connections
                .iter()
                .map(|life| Connection {
                    connection: life.id,
                    requests: life.requests,
                    sent: life.sent,
                    received: life.received,
                    open_seconds: life.open.as_secs_f64(),
                    ended: life.why.map(CloseReason::name),
                })
                .collect(),
        },
    })
}

fn line(value: &impl Serialize) -> String {
    // Strings and numbers only: nothing here can fail to be JSON.
    let mut line = serde_json::to_string(value).unwrap_or_default();
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;
    use serde_json::Value;

    use super::super::item::Failure;
    use super::super::summary::tests::life;
    use super::*;

    const STORED: Words = Words { done: "stored" };

    #[test]
    fn a_file_is_one_line() {
        let item = Item {
            bytes: 3,
            took: Duration::from_millis(250),
            status: Some(StatusCode::CREATED),
            place: Some("/a".into()),
            ..Item::untried("a\n\"b\"", "http://h/a", Outcome::Done)
        };
        let line = file(&item, STORED);
        assert_eq!(line.matches('\n').count(), 1);
        let value: Value = serde_json::from_str(&line).unwrap();
        let expected = serde_json::json!({
            "outcome": "stored", "name": "a\n\"b\"", "url": "http://h/a", "bytes": 3, "seconds": 0.25, "status": 201, "place": "/a"
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn a_failure_has_its_reason() {
        let failure = Failure::new("no answer").advice("look there").fate(Fate::Unknown);
        let value: Value =
            serde_json::from_str(&file(&Item::untried("a", "u", Outcome::Failed(failure)), STORED)).unwrap();
        assert_eq!(value["outcome"], "failed");
        assert_eq!((&value["error"], &value["fate"]), (&"no answer".into(), &"unknown".into()));
    }

    #[test]
    fn the_summary_lists_every_connection() {
        let run = Summary {
            done: 4,
            connections: vec![life(1, 3, CloseReason::PeerFin), life(2, 1, CloseReason::LastMessage)],
            ..Summary::default()
        };
        let value: Value = serde_json::from_str(&summary(&run, None)).unwrap();
        let sum = &value["summary"];
        assert_eq!((&sum["requests"], &sum["handshakes_saved"]), (&4.into(), &2.into()));
        assert_eq!(sum["connections"][0]["ended"], "peer-fin");
        assert_eq!(sum["connections"][1]["requests"], 1);
        assert_eq!(sum.get("run"), None);
    }
}
