use super::*;
use crate::verdict::Level;
use tenure_proto::Persistence;

fn request(method: &str, query: &str, id: &str) -> Request {
    Request {
        method: method.to_owned(),
        path: String::new(),
        query: query.to_owned(),
        id: id.to_owned(),
        persistence: Persistence::Persist,
        expects_continue: false,
        wants_json: false,
        client: "tester".to_owned(),
        secure: false,
    }
}

/// What that ledger says about its only case.
fn rules(ledger: &Ledger) -> Vec<(Level, &'static str, u64)> {
    let report = ledger.report(1);
    assert_eq!(report.cases.len(), 1);
    report.cases[0].verdicts.iter().map(|verdict| (verdict.level, verdict.rule, verdict.count)).collect()
}

fn told(ledger: &Ledger, line: &str) {
    ledger.told(&Outcome::parse(&line.replace(' ', "\t")).unwrap());
}

#[test]
fn what_is_processed_twice_is_counted_once_and_by_method() {
    let ledger = Ledger::default();
    for (method, id) in [("POST", "a"), ("POST", "a"), ("POST", "a"), ("PUT", "b"), ("PUT", "b"), ("POST", "c")] {
        let case = ledger.seen("drop", &request(method, "", id), if id == "c" { 1 } else { 2 }, &[]);
        ledger.processed(case, id);
    }
    let report = ledger.report(1);
    let account = &report.scenarios["drop"];
    assert_eq!((account.processed, account.processed_twice, account.not_idempotent_twice), (6, 2, 1));
    assert_eq!((account.requests, account.connections), (6, 1));
    assert!((account.reuse_ratio - 5.0 / 6.0).abs() < 1e-9);
    assert_eq!((ledger.times("drop", "a"), ledger.times("drop", "z")), (3, 0));
    assert_eq!(rules(&ledger), [(Level::Fault, "repeated-unsafe", 1), (Level::Note, "repeated-often", 1)]);
    assert_eq!(report.faults(), 1);
}

#[test]
fn a_server_that_processes_past_its_fin_makes_no_fault_of_it() {
    let ledger = Ledger::default();
    for _ in 0..2 {
        let case = ledger.seen("half-close-process", &request("POST", "", "a"), 2, &[]);
        ledger.processed(case, "a");
    }
    assert_eq!(rules(&ledger), [(Level::Note, "repeated-past-fin", 1)]);
    assert_eq!(ledger.report(1).faults(), 0);
}

#[test]
fn the_clients_word_is_held_against_what_was_sent() {
    let (whole, cut) = (Step::Send(Vec::new()), Step::SendWrong(Wrong::Cut, Vec::new()));
    for (steps, number, word, verdict) in [
        (vec![whole.clone()], 1, "a GET /truncate 200 a", None),
        (vec![cut.clone()], 1, "a GET /truncate 200 a", Some("took-incomplete")),
        (vec![cut.clone()], 1, "a GET /truncate 2 ", Some("took-incomplete")),
        (vec![cut], 1, "a GET /truncate error cut", None),
        (vec![whole.clone()], 1, "a GET /truncate 200 b", Some("took-wrong")),
        (vec![whole.clone()], 1, "a GET /truncate error bad", Some("refused-right")),
        (vec![whole.clone(), Step::Reset], 1, "a GET /truncate error reset", None),
        (
            vec![whole, Step::Idle(std::time::Duration::ZERO), Step::Reset],
            1,
            "a GET /truncate error x",
            Some("refused-right"),
        ),
        (vec![Step::Close], 1, "a GET /truncate error eof", None),
        (vec![Step::Close], 2, "a GET /truncate error eof", Some("not-repeated")),
        (vec![Step::Close], 2, "a POST /truncate error eof", None),
    ] {
        let ledger = Ledger::default();
        ledger.seen("truncate", &request("GET", "", "a"), number, &steps);
        told(&ledger, word);
        let found: Vec<_> = rules(&ledger).into_iter().map(|(_, rule, _)| rule).collect();
        assert_eq!(found, verdict.into_iter().collect::<Vec<_>>(), "{steps:?} {word}");
    }
}

#[test]
fn a_few_interim_responses_must_be_taken_and_a_flood_may_be_refused() {
    for (query, word, verdict) in [
        ("count=3", "error bad", "refused-right"),
        ("count=200", "error many", "refused-flood"),
        ("", "error many", "refused-flood"),
        ("count=3", "103 -", "took-interim"),
    ] {
        let ledger = Ledger::default();
        ledger.seen("interim", &request("GET", query, "a"), 1, &[Step::Send(Vec::new())]);
        told(&ledger, &format!("a GET /interim?{query} {word}"));
        assert_eq!(rules(&ledger)[0].1, verdict, "{query} {word}");
    }
}

#[test]
fn what_never_came_is_told_all_the_same() {
    let ledger = Ledger::default();
    ledger.seen("idle-close", &request("GET", "after=1ms", "a"), 1, &[Step::Send(Vec::new())]);
    told(&ledger, "a GET /idle-close?after=1ms 200 a");
    told(&ledger, "b GET /idle-close?after=1ms error reset");
    told(&ledger, "c POST /idle-close?after=1ms error reset");
    let report = ledger.report(1);
    let case = &report.cases[0];
    assert_eq!((case.client.as_str(), case.told["GET"].answered, case.told["GET"].errors), ("tester", 1, 1));
    assert_eq!(case.told["POST"].errors, 1);
    assert_eq!(rules(&ledger), [(Level::Note, "not-repeated", 1)]);
}

#[test]
fn cases_are_told_apart_as_long_as_there_is_room() {
    let ledger = Ledger::default();
    for n in 0..MOST_CASES + 10 {
        ledger.seen("ok", &request("GET", &format!("x={n}"), &n.to_string()), 1, &[]);
    }
    let report = ledger.report(1);
    assert_eq!(report.cases.len(), MOST_CASES + 1);
    assert_eq!(report.cases[MOST_CASES].account.requests, 10);
    assert_eq!(report.scenarios["ok"].requests, MOST_CASES as u64 + 10);
}
