//! Our own client takes the tour that foreign clients take: no fault, and nothing that it could have had.

#[path = "../examples/driver/client.rs"]
mod client;
#[path = "../examples/driver/tour.rs"]
mod tour;

use tenure_misbehave::{Case, Identity, Report, Server};
use tokio::task::{JoinSet, LocalSet};

/// The tour, all lanes at once.
async fn taken() -> Report {
    let identity = Identity::made().unwrap();
    let ca = identity.ca().as_bytes().to_vec();
    let server = Server::builder().tls(identity).bind("127.0.0.1:0").await.unwrap();
    let mut running = JoinSet::new();
    for steps in tour::lanes(&server.tour()).unwrap() {
        let client = client::open(Some(&ca)).unwrap();
        running.spawn_local(async move { tour::take(steps, async |step| client::ask(&client, step).await).await });
    }
    while let Some(told) = running.join_next().await {
        server.told(&told.unwrap()).unwrap();
    }
    server.report()
}

fn case<'a>(report: &'a Report, scenario: &str, query: &str) -> &'a Case {
    report.cases.iter().find(|case| case.scenario == scenario && case.query == query).unwrap()
}

/// How many of each method's three requests were answered.
fn answered(case: &Case) -> [u64; 3] {
    ["GET", "PUT", "POST"].map(|method| case.told[method].answered)
}

#[tokio::test]
async fn our_client_is_without_fault_and_gets_what_can_be_had() {
    let report = LocalSet::new().run_until(taken()).await;
    for case in &report.cases {
        let name = format!("{}?{} tls {} {:?}", case.scenario, case.query, case.tls, case.told);
        // A POST that crossed the FIN of a server that processes it all the same; interim responses without end.
        let allowed = ["repeated-past-fin", "refused-flood"];
        assert!(case.verdicts.iter().all(|verdict| allowed.contains(&verdict.rule)), "{name} {case:?}");
        assert!(case.told.values().all(|told| told.wrong == 0), "{name}");
    }
    assert_eq!((report.faults(), report.bad_requests, report.bad_handshakes), (0, 0, 0));
    for (scenario, query, expected) in [
        ("drop", "at=2", [3, 3, 2]),
        ("connection", "value=two-lines", [3, 3, 3]),
        ("slow-head", "", [3, 3, 3]),
        ("pieces", "", [3, 3, 3]),
        ("interim", "count=3", [3, 3, 3]),
        ("wrong-length", "length=short", [3, 3, 3]),
        ("wrong-length", "length=long&then=fin&at=2", [2, 2, 2]),
        ("tls-close", "notify=no", [3, 3, 3]),
        ("tls-close", "notify=yes&framing=close", [3, 3, 3]),
        ("tls-close", "notify=no&framing=close", [0, 0, 0]),
    ] {
        assert_eq!(answered(case(&report, scenario, query)), expected, "{scenario}?{query}");
    }
    // A POST is lost if this thread stalls until pause and close fall due together: the reset then tells nothing.
    let [gets, puts, posts] = answered(case(&report, "idle-close", "after=40ms"));
    assert!((gets, puts) == (3, 3) && posts >= 2, "{gets} {puts} {posts}");
    let hinted = case(&report, "hint-timeout", "timeout=1&after=5s");
    assert_eq!((hinted.account.hints_obeyed, hinted.account.hints_ignored), (4, 0));
    let lied = case(&report, "hint-timeout", "timeout=60&after=40ms");
    assert_eq!(lied.account.hints_ignored, 0, "the server is never the one that stays");
    assert_eq!(case(&report, "connection", "value=lookalike").account.connections, 3);
}
