//! `tenure misbehave`: a command run against it, its exit codes, and that nothing stays behind.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::support::{Ran, command, signal, tenure};

/// `tenure misbehave OPTIONS -- sh -c SCRIPT`, where `$tenure` is the built program.
fn misbehaves(options: &[&str], script: &str) -> Command {
    let mut command = command(["misbehave"]);
    command.args(options).args(["--", "sh", "-c", script]).env("tenure", env!("CARGO_BIN_EXE_tenure"));
    command
}

fn run(options: &[&str], script: &str) -> Ran {
    Ran::of(&misbehaves(options, script).output().unwrap())
}

#[test]
fn a_client_without_fault_is_exit_code_0_and_has_its_report() {
    let ran = run(&[], "\"$tenure\" get \"$MISBEHAVE_URL/ok\" \"$MISBEHAVE_URL/ok\"").expect(0);
    let line = ran.out.lines().find(|line| line.starts_with("ok ")).unwrap();
    let words: Vec<_> = line.split_whitespace().collect();
    assert!(words[1].starts_with("tenure"), "{line}");
    // Requests, processed, twice, unsafe twice, connections, reuse.
    assert_eq!(words[2..8], ["2", "2", "0", "0", "1", "50%"], "{line}");
    assert!(ran.out.ends_with("no fault; notes: 0\n"), "{}", ran.out);
    // What the command writes does not mix with the report.
    assert!(ran.err.contains("answer to ") && !ran.out.contains("answer to "), "{}", ran.err);
}

#[test]
fn a_fault_is_exit_code_1_and_named_with_its_section() {
    let wrong = "\"$tenure\" get -H 'X-Request-Id: a' \"$MISBEHAVE_URL/ok\" && \
        printf 'a\\tGET\\t%s/ok\\t200\\tb\\n' \"$MISBEHAVE_URL\" >>\"$MISBEHAVE_OUTCOMES\"";
    let ran = run(&[], wrong).expect(1);
    assert!(ran.out.contains("FAULT  ok: 1 bytes that answered nothing"), "{}", ran.out);
    assert!(ran.out.contains("(RFC 9112 section 9.2)\nfaults: 1; notes: 0\n"), "{}", ran.out);
    let report: serde_json::Value = serde_json::from_str(&run(&["--json"], wrong).expect(1).out).unwrap();
    assert_eq!(report["cases"][0]["verdicts"][0]["rule"], "took-wrong");
    assert_eq!(report["cases"][0]["told"]["GET"]["wrong"], 1);
}

#[test]
fn the_commands_own_failure_is_told_apart() {
    let failed = run(&[], "\"$tenure\" get \"$MISBEHAVE_URL/ok\"; exit 7").expect(3);
    assert!(failed.err.contains("the command failed: exit status: 7"), "{}", failed.err);
    let idle = run(&[], ":").expect(3);
    assert!(idle.err.contains("asked for no scenario"), "{}", idle.err);
    let wrong_line = run(&[], "\"$tenure\" get \"$MISBEHAVE_URL/ok\"; echo x >>\"$MISBEHAVE_OUTCOMES\"").expect(3);
    assert!(wrong_line.err.contains("MISBEHAVE_OUTCOMES: line 1: no METHOD"), "{}", wrong_line.err);
    let missing = tenure(["misbehave", "--", "/no/such/client"]).expect(2);
    assert!(missing.err.contains("cannot run /no/such/client: No such file"), "{}", missing.err);
    let ca = tenure(["misbehave", "--ca", "ca.pem", "--", "true"]).expect(2);
    assert!(ca.err.contains("--ca needs --tls"), "{}", ca.err);
}

#[test]
fn a_command_that_takes_too_long_is_ended() {
    let ran = run(&["--max-time", "1"], "sleep 60").expect(3);
    assert!(ran.err.contains("not done in --max-time"), "{}", ran.err);
}

#[test]
fn tls_is_spoken_on_the_same_port_and_its_ca_is_named() {
    let script = "\"$tenure\" get --cacert \"$MISBEHAVE_CA\" \"$MISBEHAVE_TLS_URL/ok\" && \
        \"$tenure\" get \"$MISBEHAVE_URL/ok\" && cmp \"$MISBEHAVE_CA\" \"$SSL_CERT_FILE\" && cmp \"$MISBEHAVE_CA\" \"$ca\"";
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    let ran = Ran::of(
        &misbehaves(&["--tls", "--json", "--ca", ca.to_str().unwrap()], script).env("ca", &ca).output().unwrap(),
    );
    let report: serde_json::Value = serde_json::from_str(&ran.expect(0).out).unwrap();
    assert_eq!((&report["cases"][0]["tls"], &report["cases"][1]["tls"]), (&true.into(), &false.into()));
}

#[test]
fn signals_are_handed_on_and_nothing_stays_behind() {
    // It ends well when it is asked to, but for a child of its own that it leaves.
    let script = "trap 'echo got >&2; exit 0' TERM; sleep 600 & echo $! >&2; wait";
    let mut child = misbehaves(&[], script).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let left: u32 = lines.next().unwrap().unwrap().parse().unwrap();
    signal(&child, "TERM");
    assert_eq!(lines.next().unwrap().unwrap(), "got");
    assert_eq!(child.wait().unwrap().code(), Some(3), "it asked for nothing");
    let there = Command::new("sh").args(["-c", &format!("kill -0 {left}")]).stderr(Stdio::null()).status().unwrap();
    assert!(!there.success(), "process {left} is still there");
}
