use std::collections::BTreeSet;

use tenure_proto::{CloseReason, Persistence};

use super::ALL;
use crate::Kind;
use crate::parameter::Values;
use crate::plan::Step;
use crate::random::Random;
use crate::scenario::{Exchange, Request, Scenario};

fn plan(scenario: &Scenario, query: &str, method: &str, number: u64, persistence: Persistence) -> Vec<Step> {
    let values = Values::parse(scenario.parameters, query).unwrap();
    let request = Request {
        method: method.to_owned(),
        path: format!("/{}", scenario.name),
        query: query.to_owned(),
        id: "7".to_owned(),
        persistence,
        expects_continue: false,
        wants_json: false,
        client: String::new(),
        secure: true,
    };
    (scenario.plan)(&Exchange { request: &request, values: &values, number, random: Random::of(1, 1, number) })
}

/// Every value of a choice, and the bounds of the others.
fn queries(scenario: &Scenario) -> Vec<String> {
    let mut queries = vec![String::new()];
    for parameter in scenario.parameters {
        let values = match parameter.kind {
            Kind::Choice(words) => words.iter().map(|word| (*word).to_owned()).collect(),
            Kind::Number(most) => vec!["0".to_owned(), most.to_string()],
            Kind::Duration => vec!["0ms".to_owned(), "60s".to_owned()],
        };
        queries.extend(values.into_iter().map(|value| format!("{}={value}", parameter.name)));
    }
    queries
}

#[test]
fn names_are_unique_and_defaults_are_values() {
    let names: BTreeSet<_> = ALL.iter().map(|scenario| scenario.name).collect();
    assert_eq!(names.len(), ALL.len());
    for scenario in ALL {
        for parameter in scenario.parameters {
            let query = format!("{}={}", parameter.name, parameter.default);
            assert!(Values::parse(scenario.parameters, &query).is_ok(), "{}?{query}", scenario.name);
        }
        assert!(scenario.section.contains("RFC "), "{}", scenario.name);
    }
}

#[test]
fn every_plan_can_be_made_for_every_method_and_value() {
    for scenario in ALL {
        for query in queries(scenario) {
            for method in ["GET", "HEAD", "POST"] {
                for number in [1, 2, 3, 100] {
                    for persistence in [Persistence::Persist, Persistence::Close(CloseReason::CloseOption)] {
                        let steps = plan(scenario, &query, method, number, persistence);
                        assert!(!steps.is_empty(), "{}?{query} {method} {number}", scenario.name);
                    }
                }
            }
        }
    }
}

fn sent(steps: &[Step]) -> String {
    let bytes = steps
        .iter()
        .filter_map(|step| if let Step::Send(b) | Step::SendWrong(_, b) = step { Some(b.as_slice()) } else { None });
    String::from_utf8_lossy(&bytes.collect::<Vec<_>>().concat()).into_owned()
}

fn get(name: &str, query: &str, number: u64) -> Vec<Step> {
    plan(super::find(name).unwrap(), query, "GET", number, Persistence::Persist)
}

#[test]
fn max_counts_down_and_ends_the_connection_without_a_word() {
    assert!(sent(&get("hint-max", "max=3", 1)).contains("Keep-Alive: timeout=60, max=2\r\n"));
    assert!(!get("hint-max", "max=3", 2).contains(&Step::Close));
    let last = get("hint-max", "max=3", 3);
    assert!(sent(&last).contains("max=0\r\n") && !sent(&last).contains("close"));
    assert_eq!(last.last(), Some(&Step::Close));
    // The lie: one request sooner than announced.
    assert_eq!(get("hint-max", "max=3&early=1", 2).last(), Some(&Step::Close));
}

#[test]
fn each_truncation_ends_where_it_says() {
    let cut = |place| sent(&get("truncate", &format!("where={place}"), 2));
    assert_eq!(cut("status-line"), "HTTP/1.1 2");
    assert!(cut("field-line").ends_with("Content-Length: "), "{}", cut("field-line"));
    assert!(cut("head").ends_with("Content-Length: 12\r\n"));
    assert!(cut("content").ends_with("\r\n\r\nanswer"));
    assert!(cut("chunk").ends_with("6\r\nanswer\r\n6\r\n to"));
    assert!(cut("last-chunk").ends_with("6\r\n to 7\n\r\n"));
    assert!(cut("trailers").ends_with("0\r\nX-Trailer: last"));
}

#[test]
fn a_request_counts_as_processed_only_where_the_server_acts_on_it() {
    let processes = |name: &str, query: &str, number| get(name, query, number).contains(&Step::Process);
    assert!(processes("drop", "", 2) && processes("truncate", "", 2) && processes("dead", "process=yes", 1));
    assert!(!processes("early-413", "", 1) && !processes("early-408", "", 2) && !processes("dead", "", 1));
}

#[test]
fn a_wrong_length_is_wrong_by_so_much() {
    let length = |query| sent(&get("wrong-length", query, 1));
    assert!(length("off=3").contains("Content-Length: 9\r\n") && length("off=3").ends_with("answer to 7\n"));
    assert!(length("length=long&off=100").contains("Content-Length: 112\r\n"));
}

#[test]
fn pieces_are_right_when_put_together() {
    let pieces = get("pieces", "", 1);
    let one_byte = |step: &Step| !matches!(step, Step::Send(bytes) if bytes.len() != 1);
    assert!(
        pieces.iter().all(one_byte)
            && sent(&pieces).ends_with("\r\n\r\n6\r\nanswer\r\n6\r\n to 7\n\r\n0\r\nX-Trailer: last\r\n\r\n")
    );
    let slow = get("slow-head", "size=10&gap=5ms", 1);
    let pauses = slow.iter().filter(|step| matches!(step, Step::Pause(_))).count();
    assert!(pauses == 7 && sent(&slow).ends_with("answer to 7\n"), "{slow:?}");
}

#[test]
fn so_many_interim_responses_come_before_the_answer() {
    let text = sent(&get("interim", "count=3&status=100", 1));
    assert!(text.starts_with(&"HTTP/1.1 100 Continue\r\n\r\n".repeat(3)) && text.matches("HTTP/1.1 ").count() == 4);
}

#[test]
fn over_tls_content_that_the_close_ends_is_cut_without_an_alert() {
    let last = |query| get("tls-close", query, 1).pop();
    assert_eq!((last("notify=no"), last("notify=yes")), (Some(Step::Sever), Some(Step::Close)));
    let is_cut = |query| get("tls-close", query, 1).iter().any(|step| matches!(step, Step::SendWrong(..)));
    assert!(is_cut("framing=close") && !is_cut("framing=close&notify=yes") && !is_cut("framing=chunked"));
}
