//! The commands end to end, in short runs. What they measure is not judged here.

use std::process::{Command, Output};

fn ladder(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ladder")).args(arguments).output().expect("the program was just built")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_rung_is_measured_in_every_case() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let output = ladder(&["--rounds", "2", "--seconds", "0.05", "--json", path]);
    assert!(output.status.success(), "{}", text(&output.stderr));

    let table = text(&output.stdout);
    let rungs = [
        "raw-epoll",
        "proto-epoll",
        "serve-raw",
        "serve",
        "serve-axum",
        "hyper",
        "hyper-flush",
        "axum",
        "actix-web",
        "may-minihttp",
    ];
    for rung in rungs {
        let lines = table.lines().filter(|line| line.split(' ').next() == Some(rung)).count();
        assert_eq!(lines, 4, "{rung} in\n{table}");
    }

    let json: serde_json::Value = serde_json::from_reader(file.as_file()).unwrap();
    let cases = json["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let samples: Vec<_> = case["rungs"].as_array().unwrap().iter().map(|r| &r["rounds"]).collect();
        // nginx and h2o may be installed.
        assert!((rungs.len()..=rungs.len() + 2).contains(&samples.len()));
        for rounds in samples {
            assert_eq!(rounds.as_array().unwrap().len(), 2);
            assert!(rounds[0]["requests"].as_u64().unwrap() > 0);
        }
    }
    assert_eq!(json["summary"][0]["rungs"][0]["rate_ratio"]["median"], 1.0);
}

#[test]
fn only_the_rungs_asked_for_beside_the_limit() {
    let output = ladder(&["--rounds", "1", "--seconds", "0.05", "--rungs", "serve"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    assert!(table.contains("\nserve ") && table.contains("\nraw-epoll "), "{table}");
    assert!(!table.contains("\nhyper"), "{table}");
}

#[test]
fn the_runtime_of_tokio_main_is_measured_where_it_can_be_chosen() {
    let short = ["--rounds", "1", "--seconds", "0.05", "--runtime", "multi", "--rungs", "serve,serve-axum,proto-epoll"];
    let output = ladder(&short);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    assert!(table.contains("\nserve ") && table.contains("\nserve-axum ") && table.contains("\nraw-epoll "), "{table}");
    assert!(!table.contains("\nproto-epoll"), "{table}");
}

#[test]
fn proto_and_a_raw_handler_allocate_nothing() {
    let output = ladder(&["allocations"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    let none = |rung: &str| table.lines().filter(|line| line.starts_with(rung) && line.ends_with(" 0.000 [0]")).count();
    assert_eq!((none("proto "), none("serve-raw ")), (2, 4), "{table}");
}

#[test]
fn every_client_is_measured_one_by_one_and_many_at_once() {
    let output = ladder(&["client", "--server", "serve", "--rounds", "1", "--seconds", "0.05"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    for client in ["tenure", "hyper-util", "reqwest", "ureq"] {
        let lines = table.lines().filter(|line| line.split(' ').next() == Some(client)).count();
        assert_eq!(lines, 2, "{client} in\n{table}");
    }
}

#[test]
fn a_rung_that_is_unknown_is_refused() {
    assert!(!ladder(&["--rungs", "nonsense"]).status.success());
    assert!(!ladder(&["--rounds", "0"]).status.success());
}
