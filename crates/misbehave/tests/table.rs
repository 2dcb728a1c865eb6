//! The table, quickly: what must hold of the client in every scenario, whoever wins each race.

#[path = "../examples/table/cases.rs"]
mod cases;
#[path = "../examples/table/run.rs"]
mod run;
#[path = "../examples/table/tally.rs"]
mod tally;

use cases::{CASES, Case};
use http::Method;
use run::Row;
use tokio::task::JoinSet;

const REQUESTS: usize = 30;

fn check(case: &Case, row: &Row) {
    let t = &row.tally;
    let what = format!("{} {}: {t:?} {:?}", row.method, case.title, case.remark(&row.method, t));
    assert_eq!(t.hung, 0, "{what}");
    assert_eq!(t.untrue, 0, "{what}");
    assert_eq!(t.answered + t.lost() + t.crossed, REQUESTS as u64, "{what}");
    assert!(t.repeats <= REQUESTS as u64 && t.connections <= REQUESTS as u64 + t.repeats, "{what}");
    if !case.is_hole {
        assert_eq!(t.twice, 0, "{what}");
    }
    assert!(case.is_right(t), "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_post_is_processed_twice_and_no_avoidable_error_surfaces() {
    let mut running = JoinSet::new();
    for case in CASES {
        running.spawn(async move { (case, run::case(case, REQUESTS).await.unwrap()) });
    }
    let mut rows = 0;
    while let Some(done) = running.join_next().await {
        let (case, done) = done.unwrap();
        rows += done.len();
        done.iter().for_each(|row| check(case, row));
    }
    assert_eq!(rows, 3 * CASES.len());
}

/// The rows of one case, found by its title.
async fn rows(title: &str) -> Vec<Row> {
    let case = CASES.iter().find(|case| case.title == title).unwrap();
    run::case(case, REQUESTS).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_that_was_processed_and_dropped_surfaces_as_unknown_each_time() {
    for title in ["processes, then closes", "processes, then resets"] {
        for row in rows(title).await {
            let t = row.tally;
            // Eight clients of three or four requests, of which each second one of a connection is dropped.
            // Once a client has met that it takes a fresh connection, unless so much time has passed that
            // the end may have been one of idleness.
            match row.method == Method::POST {
                true => {
                    assert_eq!((t.answered + t.unknown, t.repeats), (30, 0), "{title} {t:?}");
                    assert!((8..=14).contains(&t.unknown), "{title} {t:?}");
                }
                false => assert_eq!((t.answered, t.unknown), (30, 0), "{title} {t:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cut_response_is_an_error_and_none_a_short_success() {
    for case in CASES.iter().filter(|case| case.scenario == "truncate") {
        for row in run::case(case, REQUESTS).await.unwrap() {
            assert_eq!((row.tally.answered, row.tally.part), (16, 14), "{} {:?}", case.title, row.tally);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_reused_where_the_server_lets_them() {
    for title in ["answers well", "HTTP/1.0, keep-alive"] {
        for row in rows(title).await {
            assert_eq!((row.tally.answered, row.tally.connections), (30, 8), "{title} {}", row.method);
        }
    }
}
