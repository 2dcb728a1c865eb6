//! `--journal`: what a second run still has to do, however the first one ended.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::Stdio;
use std::sync::mpsc;

use crate::support::{Peer, Ran, Serve, command};

use super::{CREATED, lines, send_in, three};

#[test]
fn a_post_without_an_answer_is_unknown_and_not_sent_again_unasked() {
    let dir = three();
    let peer = Peer::new(|accept| {
        let mut first = accept.next();
        first.answer(CREATED);
        first.request();
        drop(first);
        let mut rest = vec![accept.next().answer(CREATED)];
        rest.push(accept.next().answer(CREATED));
        rest
    });
    let to = peer.url("/");
    let args = ["a", "b", "c", "--to", &to, "--journal", "journal"];
    let ran = send_in(dir.path(), &args).expect(1);
    assert!(ran.out.contains("failed: b\n"), "{}", ran.out);
    assert!(ran.out.contains("unknown") && ran.out.contains("--resend-unknown"), "{}", ran.out);
    assert!(ran.out.contains("2 files stored over 2 connections, 1 failed"), "{}", ran.out);

    let again = send_in(dir.path(), &args).expect(1);
    assert!(again.out.contains("failed: b\n    an earlier run sent it"), "{}", again.out);
    assert!(again.out.contains("0 files stored, 1 failed, 2 skipped (stored earlier)"), "{}", again.out);

    send_in(dir.path(), &[&args[..], &["--resend-unknown"]].concat()).expect(0);
    let after = send_in(dir.path(), &args).expect(0);
    assert!(after.out.contains("0 files stored, 0 failed, 3 skipped"), "{}", after.out);
    assert_eq!(lines(&peer.end()), ["POST /c HTTP/1.1", "POST /b HTTP/1.1"]);
}

#[test]
fn a_run_that_dies_in_the_middle_leaves_a_journal_to_go_on_from() {
    let dir = three();
    let (received, is_received) = mpsc::channel();
    let peer = Peer::new(move |accept| {
        let mut first = accept.next();
        first.answer(CREATED);
        first.request();
        received.send(()).unwrap();
        first.drain();
        accept.next().answer(CREATED)
    });
    let to = peer.url("/");
    let args = ["send", "a", "b", "c", "--to", &to, "--journal", "journal"];
    let mut child = command(args).current_dir(dir.path()).stdout(Stdio::null()).spawn().unwrap();
    is_received.recv().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    // And a line that was being written.
    OpenOptions::new().append(true).open(dir.path().join("journal")).unwrap().write_all(b"{\"mark\":\"sto").unwrap();

    let ran = send_in(dir.path(), &args[1..]).expect(1);
    assert!(ran.out.contains("failed: b\n    an earlier run sent it"), "{}", ran.out);
    assert!(ran.out.contains("1 file stored over 1 connection, 1 failed, 1 skipped"), "{}", ran.out);
    assert_eq!(peer.end().line, "POST /c HTTP/1.1");
}

#[test]
fn ctrl_c_ends_the_run_and_the_journal_knows_how_far_it_came() {
    let dir = three();
    let (received, is_received) = mpsc::channel();
    let peer = Peer::new(move |accept| {
        let mut conn = accept.next();
        conn.answer(CREATED);
        conn.request();
        received.send(()).unwrap();
        conn.drain()
    });
    let to = peer.url("/");
    let mut command = command(["send", "a", "b", "c", "--to", &to, "--journal", "journal"]);
    let child = command.current_dir(dir.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    is_received.recv().unwrap();
    let kill = std::process::Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    assert!(kill.success());
    let ran = Ran::of(&child.wait_with_output().unwrap()).expect(130);
    assert!(ran.out.contains("failed: b\n    stopped by Ctrl-C before the server answered\n"), "{}", ran.out);
    assert!(ran.out.contains("1 file stored over 1 connection, 1 failed, 1 not begun"), "{}", ran.out);
    assert_eq!(peer.end(), 0);
    let journal = fs::read_to_string(dir.path().join("journal")).unwrap();
    let marks: Vec<serde_json::Value> =
        journal.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    let marks: Vec<&str> = marks.iter().map(|line| line["mark"].as_str().unwrap()).collect();
    assert_eq!(marks, ["sending", "stored", "sending", "unknown"]);
}

#[test]
fn a_changed_file_is_sent_again() {
    let (dir, to) = (three(), tempfile::tempdir().unwrap());
    let server = Serve::uploads(to.path());
    let args = [".", "--to", &format!("{}/{{path}}", server.url), "--journal", "journal", "--method", "PUT"];
    let ran = send_in(dir.path(), &args).expect(0);
    assert!(ran.err.contains("leaving out ./journal"), "{}", ran.err);
    fs::write(dir.path().join("b"), "longer than before").unwrap();
    let ran = send_in(dir.path(), &args).expect(0);
    assert!(ran.out.contains("1 file stored over 1 connection, 0 failed, 2 skipped (stored earlier)"), "{}", ran.out);
    assert_eq!(fs::read(to.path().join("b")).unwrap(), b"longer than before");
}
