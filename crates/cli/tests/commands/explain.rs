//! `tenure explain`: the program around the pages that its own tests read.

use std::fs;

use crate::support::tenure;

#[test]
fn exit_codes() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        fs::write(dir.path().join(name), content).unwrap();
        dir.path().join(name).to_str().unwrap().to_owned()
    };
    let right = file("right", "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(tenure(["explain", &right]).expect(0).out.ends_with("In all: 1 request.\n"));
    let wrong = file("wrong", "GET / HTTP/1.1\r\n\r\n");
    assert!(tenure(["explain", &wrong]).expect(1).out.contains("1 problem"));
    let empty = file("empty", "");
    assert!(tenure(["explain", &empty]).expect(1).err.contains("nothing to explain"));
    let missing = dir.path().join("missing");
    assert!(tenure(["explain", missing.to_str().unwrap()]).expect(2).err.contains("cannot open"));
    assert!(tenure(["explain", &right, "--methods", "a b"]).expect(2).err.contains("a method is a word"));
}

#[test]
fn without_a_file_it_makes_three_uploads_and_explains_them() {
    let ran = tenure(["explain"]).expect(0);
    assert!(ran.out.contains("In all: 3 requests, 3 responses."), "{}", ran.out);
    assert!(ran.out.contains("closes its side (FIN)"), "{}", ran.out);
}

#[test]
fn a_log_of_a_run_that_made_no_connection() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    fs::write(&log, "tenure wire log 1\n").unwrap();
    let ran = tenure(["explain", log.to_str().unwrap()]).expect(0);
    assert!(ran.out.contains("no connection: none was made"), "{}", ran.out);
}
