//! Each experiment against a server whose manners are known.

use std::time::Duration;

use crate::memory::{Manners, finding, probe, report};
use tenure_probe::{Confidence, EXPERIMENTS, Event, Level, Value, What};

const fn seconds(seconds: f64) -> Value {
    Value::Time { seconds }
}

#[tokio::test(start_paused = true)]
async fn a_good_server_gets_no_bad_verdict() {
    let mut told = 0;
    let report =
        probe(Manners::default()).run(|event| told += u32::from(matches!(event, Event::Found(_)))).await.unwrap();
    assert_eq!(report.worst(), Some(Level::Good), "{report:#?}");
    assert!(report.unmeasured.is_empty(), "{report:#?}");
    assert_eq!(told as usize, report.findings.len(), "each finding is told");
    let quiet = EXPERIMENTS
        .iter()
        .filter(|e| !e.intrusive && e.name != "tls" && !report.findings.iter().any(|f| f.experiment == e.name));
    assert_eq!(quiet.count(), 0, "each experiment finds something");
}

#[tokio::test(start_paused = true)]
async fn the_idle_timeout_is_timed() {
    let manners = Manners { idle: Duration::from_millis(5_250), announced: Some(5), ..Manners::default() };
    let report = report("idle", manners).await;
    let idle = finding(&report, "idle timeout");
    assert_eq!((&idle.value, idle.confidence), (&seconds(5.25), Confidence::Measured { times: 4 }));
    assert_eq!(idle.verdict, Level::Note, "shorter than balancers wait");
    let announced = finding(&report, "idle timeout announced");
    assert_eq!((&announced.value, announced.verdict), (&seconds(5.0), Level::Warning), "{}", announced.advice);
    assert_eq!(finding(&report, "end of an idle connection").value.to_string(), "FIN");
}

#[tokio::test(start_paused = true)]
async fn a_close_before_the_announced_time_is_a_problem() {
    let report =
        report("idle", Manners { idle: Duration::from_secs(5), announced: Some(10), ..Manners::default() }).await;
    assert_eq!(finding(&report, "idle timeout announced").verdict, Level::Problem);
}

#[tokio::test(start_paused = true)]
async fn no_close_is_no_idle_timeout() {
    let report = report("idle", Manners { idle: Duration::from_secs(9_999), ..Manners::default() }).await;
    let idle = finding(&report, "idle timeout");
    assert_eq!((&idle.value, idle.verdict), (&Value::LongerThan { seconds: 120.0 }, Level::Good));
    assert_eq!(finding(&report, "idle timeout announced").verdict, Level::Note, "not seen to be kept");
}

#[tokio::test(start_paused = true)]
async fn silent_drops_are_searched_for() {
    let report = report("idle", Manners { idle: Duration::from_secs(50), silent: true, ..Manners::default() }).await;
    let idle = finding(&report, "idle timeout");
    assert_eq!(idle.value, Value::Between { from_seconds: 45.0, to_seconds: 60.0 });
    assert_eq!(idle.verdict, Level::Problem);
}

#[tokio::test(start_paused = true)]
async fn a_tick_shows_as_spread() {
    let manners = Manners { idle: Duration::from_secs(5), tick: Some(Duration::from_secs(1)), ..Manners::default() };
    let report = report("idle", manners).await;
    let varies = finding(&report, "idle timeout varies by");
    // Idle at 0.04, 0.34, 0.76 and 1.22 s, closed at 6, 6, 6 and 7 s.
    assert_eq!((varies.value.to_string().as_str(), varies.confidence), ("0.72 s", Confidence::Guessed));
    assert!(finding(&report, "idle timeout").value == seconds(5.24), "what a client can count on");
}

#[tokio::test(start_paused = true)]
async fn an_idle_408_is_warned_of() {
    let last_words = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let report = report("idle", Manners { last_words, ..Manners::default() }).await;
    let end = finding(&report, "end of an idle connection");
    assert_eq!((end.value.to_string().as_str(), end.verdict), ("FIN after a 408", Level::Warning));
}

#[tokio::test(start_paused = true)]
async fn requests_are_counted() {
    let seven = report("requests", Manners { max: 7, ..Manners::default() }).await;
    let requests = finding(&seven, "requests per connection");
    assert_eq!((&requests.value, requests.verdict), (&Value::Count { count: 7 }, Level::Good));
    let silent = report("requests", Manners { max: 7, announces_last: false, ..Manners::default() }).await;
    let requests = finding(&silent, "requests per connection");
    assert_eq!((&requests.value, requests.verdict), (&Value::Count { count: 7 }, Level::Problem));
    let endless = report("requests", Manners::default()).await;
    assert_eq!(finding(&endless, "requests per connection").value, Value::MoreThan { count: 1_100 });
}

#[tokio::test(start_paused = true)]
async fn a_server_that_dies_has_no_request_limit() {
    let report = report("requests", Manners { dies_after: 30, ..Manners::default() }).await;
    assert_eq!(report.findings, []);
    assert!(report.server_gone(), "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn an_ignored_close_is_named() {
    let manners = Manners { whole_value: true, idle: Duration::from_secs(2), ..Manners::default() };
    let report = report("close", manners).await;
    let obeyed = finding(&report, "Connection: close obeyed");
    assert_eq!(
        (obeyed.value.to_string().as_str(), obeyed.verdict),
        ("not in a list, before keep-alive", Level::Problem)
    );
}

#[tokio::test(start_paused = true)]
async fn http10_is_closed_unless_it_asks() {
    let kept =
        report("persistence10", Manners { whole_value: true, idle: Duration::from_secs(2), ..Manners::default() })
            .await;
    assert_eq!(finding(&kept, "HTTP/1.0 without keep-alive").verdict, Level::Problem);
    assert_eq!(finding(&kept, "HTTP/1.0 with keep-alive").verdict, Level::Good);
}

#[tokio::test(start_paused = true)]
async fn one_request_a_connection_is_no_idle_timeout() {
    let report = report("idle", Manners { max: 1, ..Manners::default() }).await;
    assert_eq!(report.findings, []);
    assert_eq!(report.unmeasured[0].why, "the server closes after each response");
    assert!(!report.server_gone());
}

#[tokio::test(start_paused = true)]
async fn a_slow_head_is_timed() {
    let report = report("head", Manners { head: Duration::from_secs(20), ..Manners::default() }).await;
    assert_eq!(finding(&report, "time until the first byte").value, seconds(20.0));
    assert_eq!(finding(&report, "time for a head").value, seconds(20.0));
}

async fn verdict(experiment: &str, subject: &str, manners: Manners) -> (String, Level) {
    let report = report(experiment, manners).await;
    let finding = finding(&report, subject);
    (finding.value.to_string(), finding.verdict)
}

#[tokio::test(start_paused = true)]
async fn content_where_none_is_due_is_a_problem() {
    let head = verdict("head-answer", "answer to HEAD", Manners { after_head: "hi", ..Manners::default() }).await;
    assert_eq!(head, ("followed by content".to_owned(), Level::Problem));
    let not_modified = Manners { after_304: "hi", ..Manners::default() };
    let not_modified = verdict("not-modified", "304 (Not Modified)", not_modified).await;
    assert_eq!(not_modified, ("followed by content".to_owned(), Level::Problem));
}

#[tokio::test(start_paused = true)]
async fn content_taken_for_a_request_is_a_problem() {
    let deaf = Manners { reads_content: false, ..Manners::default() };
    let chunked = verdict("chunked", "request in chunks", deaf.clone()).await;
    assert_eq!(chunked, ("not read to its end".to_owned(), Level::Problem));
}

#[tokio::test(start_paused = true)]
async fn a_missing_100_is_a_problem() {
    let ignores_expect = Manners { ignores_expect: true, ..Manners::default() };
    let expect = verdict("expect", "Expect: 100-continue", ignores_expect).await;
    assert_eq!(expect, ("no answer".to_owned(), Level::Problem));
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_cut_short_is_told() {
    // One request came before the eight.
    let cut = verdict("pipelining", "pipelined requests answered", Manners { max: 4, ..Manners::default() }).await;
    assert_eq!(cut, ("3".to_owned(), Level::Note));
    let unsaid = Manners { max: 4, announces_last: false, ..Manners::default() };
    let unsaid = verdict("pipelining", "pipelined requests answered", unsaid).await;
    assert_eq!(unsaid, ("3".to_owned(), Level::Problem));
}

#[tokio::test(start_paused = true)]
async fn an_age_limit_is_told_from_a_limit_of_requests() {
    let subject = "age limit of a connection";
    let aged = Manners { max_age: Duration::from_secs(20), ..Manners::default() };
    assert_eq!(verdict("age", subject, aged.clone()).await, ("20 s".to_owned(), Level::Good));
    let unsaid = Manners { announces_last: false, ..aged };
    assert_eq!(verdict("age", subject, unsaid).await, ("20.5 s".to_owned(), Level::Problem));
    let few = Manners { max: 21, ..Manners::default() };
    assert_eq!(verdict("age", subject, few).await, ("longer than 10 s".to_owned(), Level::Good));
}

#[tokio::test(start_paused = true)]
async fn a_server_of_one_connection_is_measured_one_by_one() {
    let manners = Manners { one_at_a_time: true, idle: Duration::from_secs(9), ..Manners::default() };
    let report = probe(manners).run(|_| {}).await.unwrap();
    assert!(report.unmeasured.is_empty(), "{report:#?}");
    assert_eq!(finding(&report, "connections at once").verdict, Level::Problem);
    assert_eq!(finding(&report, "idle timeout").value, seconds(9.0));
}

#[tokio::test(start_paused = true)]
async fn ambiguous_framing_that_is_served_is_named() {
    // It looks at the first length alone.
    let report = report("hygiene", Manners::default()).await;
    let refused = finding(&report, "ambiguous framing refused");
    assert_eq!(refused.verdict, Level::Problem);
    assert!(refused.value.to_string().starts_with("not two lengths, "), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn http09_is_refused_or_answered() {
    assert_eq!(
        verdict("http09", "HTTP/0.9", Manners::default()).await,
        ("refused with 400, then FIN".to_owned(), Level::Good)
    );
    let speaks = Manners { speaks_http09: true, ..Manners::default() };
    let spoken = ("answered without a head, then FIN".to_owned(), Level::Note);
    assert_eq!(verdict("http09", "HTTP/0.9", speaks).await, spoken);
}

#[tokio::test(start_paused = true)]
async fn an_answer_before_the_content_is_seen() {
    let waits = report("early", Manners::default()).await;
    assert_eq!(waits.findings.len(), 1, "{waits:#?}");
    assert_eq!(finding(&waits, "answer before the content").value.to_string(), "none");
    let early = report("early", Manners { most_content: 1 << 20, ..Manners::default() }).await;
    for (subject, value) in [
        ("answer before the content", "413"),
        ("content after an early answer", "announced close, then FIN"),
        ("early answer to a busy sender", "arrives (413)"),
    ] {
        let found = finding(&early, subject);
        assert_eq!((found.value.to_string().as_str(), found.verdict), (value, Level::Good), "{subject}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_close_or_an_error_in_a_pipeline() {
    let subject = "request behind Connection: close";
    let obeys = ("not answered".to_owned(), Level::Good);
    assert_eq!(verdict("pipelining", subject, Manners::default()).await, obeys);
    let ignores = Manners { ignores_close: true, ..Manners::default() };
    assert_eq!(verdict("pipelining", subject, ignores).await, ("kept open".to_owned(), Level::Problem));
    let refuses = Manners { refuses_methods: true, ..Manners::default() };
    let behind = verdict("pipelining", "request behind an error", refuses).await;
    assert_eq!(behind, ("not answered: 501 says close".to_owned(), Level::Note));
}

#[tokio::test(start_paused = true)]
async fn what_happened_is_kept_for_drawing() {
    let report = report("idle", Manners { idle: Duration::from_secs(5), ..Manners::default() }).await;
    let [timeline] = &report.timelines[..] else { panic!("{:#?}", report.timelines) };
    assert_eq!((timeline.experiment, timeline.tracks.len()), ("idle", 4));
    for track in &timeline.tracks {
        let [opened, sent, answered, ended, left] = &track.marks[..] else { panic!("{track:#?}") };
        assert_eq!((&opened.what, &left.what), (&What::Opened, &What::Left));
        assert!(matches!(&sent.what, What::Sent { line, .. } if line == "GET /page HTTP/1.1"), "{sent:?}");
        assert_eq!((&answered.what, &ended.what), (&What::Answered { status: 200 }, &What::ServerFin));
        assert_eq!(ended.at - answered.at, Duration::from_secs(5));
        assert!(timeline.from <= opened.at && left.at <= timeline.to);
    }
}

/// Content that never comes ends by a timeout, which is no answer to the head.
#[tokio::test(start_paused = true)]
async fn a_timeout_within_the_content_is_no_early_answer() {
    let impatient = Manners { content: Duration::from_secs(2), ..Manners::default() };
    let waits = report("early", impatient).await;
    assert_eq!(finding(&waits, "answer before the content").value.to_string(), "none");
    assert_eq!(waits.worst(), Some(Level::Good), "{waits:#?}");
    let at_once = Manners { content: Duration::from_millis(10), ..Manners::default() };
    let closes = report("early", at_once).await;
    assert_eq!(finding(&closes, "answer before the content").value.to_string(), "none, but FIN");
}
