//! `tenure explain` of packet captures. Those in tests/data/captures were recorded by
//! `interop/captures.sh keep`, while the server's account confirmed what is told of them.

use std::fs::{self, File};
use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Ran, command, tenure};

fn data(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/data/captures", name].iter().collect()
}

fn explain(name: &str, options: &[&str]) -> Ran {
    let path = data(name);
    tenure(["explain", path.to_str().unwrap()].iter().chain(options))
}

#[test]
fn each_is_told_as_it_was_when_it_was_recorded() {
    let mut told = 0;
    for entry in fs::read_dir(data("")).unwrap() {
        let capture = entry.unwrap().path();
        if capture.extension().is_none_or(|extension| extension != "pcap") {
            continue;
        }
        let expected = fs::read_to_string(capture.with_extension("txt")).unwrap();
        let output = command(["explain", "-"]).stdin(File::open(&capture).unwrap()).output().unwrap();
        let ran = Ran::of(&output).expect(1);
        assert_eq!(ran.out, expected, "{}", capture.display());
        told += 1;
    }
    assert!(told >= 4, "{told}");
}

#[test]
fn json_says_what_became_of_each_request() {
    let report: Value = serde_json::from_str(&explain("idle-close.pcap", &["--json"]).expect(1).out).unwrap();
    assert_eq!((&report["version"], &report["end"]), (&1.into(), &"whole".into()));
    let connection = &report["connections"][0];
    assert_eq!((&connection["protocol"], &connection["side"]), (&"HTTP/1".into(), &"both".into()));
    assert_eq!((&connection["ending"]["by"], &connection["ending"]["reason"]), (&"server".into(), &"idle".into()));
    let lost = &connection["exchanges"][1];
    assert_eq!((&lost["outcome"], &lost["fate"]), (&"lost".into(), &"likely-undelivered".into()));
    assert_eq!((&lost["processed"], &lost["race"]["order"]), (&"not processed".into(), &"request-after-close".into()));
    assert_eq!((&report["summary"]["races"], &report["summary"]["not_processed"]), (&1.into(), &1.into()));
    let half: Value = serde_json::from_str(&explain("half-close.pcap", &["--json"]).expect(1).out).unwrap();
    assert_eq!(half["connections"][0]["exchanges"][1]["processed"], "processed: unknown");
}

#[test]
fn the_page_needs_nothing_but_itself() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    explain("idle-close.pcap", &["--html", page.to_str().unwrap()]).expect(1);
    let page = fs::read_to_string(page).unwrap();
    for part in [
        "<!DOCTYPE html>",
        "not processed",
        "class=\"bar ok\"",
        "class=\"bar lost raced\"",
        "mark fin",
        "mark reset",
        "prefers-color-scheme: dark",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for part in ["http://", "https://", "<script", "url("] {
        assert!(!page.contains(part), "{part}");
    }
}

#[test]
fn where_it_was_made_can_be_stated() {
    let ran = explain("idle-close.pcap", &["--side", "client"]).expect(1);
    assert!(ran.out.contains("captured at the client (as stated)"), "{}", ran.out);
    assert!(ran.out.contains("after the server's FIN had arrived:"), "{}", ran.out);
    assert!(explain("idle-close.pcap", &["--side", "left"]).expect(2).err.contains("client, server, middle or both"));
}

#[test]
fn a_capture_that_is_cut_is_told_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.pcap");
    let whole = fs::read(data("idle-close.pcap")).unwrap();
    fs::write(&cut, &whole[..whole.len() - 30]).unwrap();
    let ran = tenure(["explain", cut.to_str().unwrap()]);
    assert!(ran.out.contains("the file ends inside a packet"), "{}", ran.out);
    fs::write(&cut, &whole[..24]).unwrap();
    let ran = tenure(["explain", cut.to_str().unwrap()]).expect(0);
    assert!(ran.out.contains("0 packets") && ran.out.contains("no TCP connection in it"), "{}", ran.out);
    assert!(ran.out.ends_with("In all: 0 exchanges, 0 answered.\n"), "{}", ran.out);
}

#[test]
fn what_is_no_capture_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let file = file.to_str().unwrap();
    for option in [&["--json"][..], &["--side", "client"], &["--html", "page"]] {
        let ran = tenure(["explain", file].iter().chain(option)).expect(2);
        assert!(
            ran.err.contains("is for packet captures") && ran.err.contains("neither pcap nor pcapng"),
            "{}",
            ran.err
        );
    }
    fs::write(file, b"\x1f\x8b\x08\0rest").unwrap();
    assert!(tenure(["explain", file]).expect(1).err.contains("gunzip"));
    fs::write(file, b"\xd4\xc3\xb2\xa1").unwrap();
    assert!(tenure(["explain", file]).expect(1).err.contains("no packet capture"));
    let named = folder.path().join("named.pcapng");
    fs::write(&named, b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let ran = tenure(["explain", named.to_str().unwrap()]).expect(1);
    assert!(ran.err.contains("is no packet capture: it begins as neither pcap nor pcapng"), "{}", ran.err);
    let page = folder.path().join("no/page");
    let ran = explain("drop.pcap", &["--html", page.to_str().unwrap()]).expect(1);
    assert!(ran.err.contains("--html"), "{}", ran.err);
}
