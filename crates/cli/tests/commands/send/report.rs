//! What a run tells of itself.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::support::{Peer, Ran, command};

use super::{CREATED, send_in, three};

#[test]
fn without_a_target_the_files_go_to_a_server_of_our_own() {
    let dir = three();
    let ran = send_in(dir.path(), &["."]).expect(0);
    assert!(ran.out.contains("no --to: sending to http://127.0.0.1:"), "{}", ran.out);
    assert!(ran.out.contains("\n3 files stored over 1 connection, 0 failed: 16 B in "), "{}", ran.out);
    assert!(ran.out.contains("we said close on our last message"), "{}", ran.out);
    let folder = ran.out.split("it stores in ").nth(1).and_then(|rest| rest.split(',').next()).unwrap();
    assert!(!Path::new(folder).exists(), "{folder} is removed at the end");
}

#[test]
fn a_comparison_shows_both_ways() {
    let dir = three();
    let ran = send_in(dir.path(), &[".", "--compare"]).expect(0);
    let row =
        |name: &str| ran.out.lines().find(|line| line.trim_start().starts_with(name)).unwrap_or_default().to_owned();
    let cells = |name: &str| row(name).split_whitespace().rev().take(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(cells("connections opened"), ["3", "1"], "{}", ran.out);
    assert_eq!(cells("files stored"), ["3", "3"], "{}", ran.out);

    let ran = send_in(dir.path(), &[".", "--compare", "--json"]).expect(0);
    let sums: Vec<serde_json::Value> = ran.json().into_iter().filter(|line| line["summary"].is_object()).collect();
    let told: Vec<String> = sums
        .iter()
        .map(|line| format!("{} {}", line["summary"]["run"], line["summary"]["connections_opened"]))
        .collect();
    assert_eq!(told, ["\"persistent\" 1", "\"one-for-each-file\" 3"], "{}", ran.out);
}

#[test]
fn the_wire_log_has_every_byte() {
    let dir = three();
    let peer = Peer::new(|accept| accept.next().answer(CREATED));
    send_in(dir.path(), &["a", "--to", &peer.url("/"), "--wire", "log"]).expect(0);
    peer.end();
    let log = String::from_utf8(fs::read(dir.path().join("log")).unwrap()).unwrap();
    assert!(log.starts_with("tenure wire log 1\n* 1 0."), "{log}");
    assert!(log.contains("POST /a HTTP/1.1\r\n") && log.contains("\r\n\r\nfirst") && log.contains(CREATED), "{log}");
    assert!(log.contains(" opened 127.0.0.1:") && log.ends_with(" fin sent\n"), "{log}");
}

#[test]
fn a_reader_that_goes_away_does_not_stop_the_work() {
    let dir = three();
    let peer = Peer::new(|accept| {
        let mut conn = accept.next();
        (0..3).map(|_| conn.answer(CREATED)).count()
    });
    let mut command = command(["send", "a", "b", "c", "--to", &peer.url("/"), "--json"]);
    let mut child = command.current_dir(dir.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    Ran::of(&child.wait_with_output().unwrap()).expect(0);
    assert_eq!(peer.end(), 3);
}
