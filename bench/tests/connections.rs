//! The commands about many connections, with few of them. What they measure is not judged here,
//! but for what cannot be otherwise.

use std::process::{Command, Output};

use serde_json::Value;

fn ladder(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ladder")).args(arguments).output().expect("the program was just built")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a command with `--json`; returns its table and the file.
fn measured(arguments: &[&str]) -> (String, Value) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let output = ladder(&[arguments, &["--json", file.path().to_str().unwrap()]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    (text(&output.stdout), serde_json::from_reader(file.as_file()).unwrap())
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn idle_connections_are_weighed_and_woken() {
    let short = ["idle", "--connections", "1000", "--quiet", "0.1", "--seconds", "0.1"];
    let (table, json) = measured(&[&short[..], &["--servers", "serve,hyper", "--rounds", "2"]].concat());
    assert_eq!(json["processes"], 1);
    for (place, server) in ["serve", "hyper"].into_iter().enumerate() {
        assert_eq!(table.lines().filter(|line| line.split(' ').next() == Some(server)).count(), 4, "{table}");
        let row = &json["rows"][place];
        assert_eq!((row["server"].as_str(), row["rounds"].as_array().map(Vec::len)), (Some(server), Some(2)));
        let figures = &row["rounds"][1];
        // Both keep something in the heap for each connection, and nothing near a megabyte.
        let dirty = number(&figures["user"]["private_dirty"]);
        assert!(dirty > 16.0 && dirty < 100_000.0, "{dirty} bytes for a connection of {server}");
        assert_eq!(number(&figures["woken"]["samples"]), 1000.0);
        let at_work = &figures["at_work"];
        assert!(number(&at_work["p99_ratio"]) > 0.0, "{at_work}");
        for side in ["plain", "loaded"] {
            let side = &at_work[side];
            assert!(number(&side["cpu"]) > 0.0 && number(&side["failed"]) == 0.0, "{at_work}");
        }
    }
}

#[test]
fn several_processes_share_the_port_and_the_connections() {
    let short = ["idle", "--connections", "1000", "--quiet", "0.1", "--seconds", "0.1"];
    let (_, json) = measured(&[&short[..], &["--servers", "serve", "--processes", "2"]].concat());
    assert_eq!(json["processes"], 2);
    assert_eq!(number(&json["rows"][0]["rounds"][0]["woken"]["samples"]), 1000.0);
}

#[test]
fn a_pipeline_waits_for_few_round_trips() {
    let output = ladder(&["round-trip", "--requests", "10", "--round-trip", "20", "--rounds", "1"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    for way in ["HTTP/2", "pipelined", "pipelined, server not known before", "one after the other"] {
        assert!(table.lines().any(|line| line.starts_with(way)), "{table}");
    }
}

#[test]
fn what_the_machine_cannot_hold_is_refused_with_a_reason() {
    let output = ladder(&["idle", "--connections", "2000000", "--processes", "1"]);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("at least --processes"), "{}", text(&output.stderr));
    let output = ladder(&["slowloris", "--clients", "1000000"]);
    assert!(text(&output.stderr).contains("at most --clients"), "{}", text(&output.stderr));
    let output = ladder(&["slowloris", "--servers", "raw-epoll"]);
    assert!(text(&output.stderr).contains("raw-epoll has no large response"), "{}", text(&output.stderr));
}

#[test]
fn slow_clients_attack_beside_a_normal_one() {
    let (table, json) = measured(&["slowloris", "--clients", "100", "--seconds", "1", "--servers", "serve,hyper"]);
    assert_eq!(table.lines().filter(|line| line.starts_with("serve ")).count(), 2, "{table}");
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    for row in rows {
        let figures = &row["rounds"][0];
        assert_eq!(number(&figures["pair"]["loaded"]["failed"]), 0.0, "{row}");
        // No default timeout is over by then.
        assert_eq!(number(&figures["closed"]), 0.0, "{row}");
    }
}
