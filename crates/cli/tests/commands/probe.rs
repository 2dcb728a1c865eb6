//! `tenure probe`: what it says of a server, and by which exit code.

use std::fs;

use crate::support::{Serve, self_signed, tenure};

#[test]
fn the_embedded_server_is_probed_without_a_url() {
    let ran = tenure(["probe", "--only", "persistence11,pipelining", "--fail-on", "note"]).expect(0);
    assert!(ran.out.contains("good    persistence in HTTP/1.1         kept  (certain)\n"), "{}", ran.out);
    assert!(ran.out.contains("4 good, 0 notes, 0 warnings, 0 problems; in "), "{}", ran.out);
}

#[test]
fn what_was_not_seen_to_end_is_said_so_and_can_fail_a_check() {
    let ran = tenure(["probe", "--only", "idle", "--max-wait", "1", "--fail-on", "note", "--json"]).expect(1);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["version"], 1);
    assert_eq!(report["greeting"]["status"], 200);
    let idle = &report["findings"][0];
    assert_eq!((&idle["experiment"], &idle["subject"]), (&"idle".into(), &"idle timeout".into()));
    assert_eq!(idle["value"], serde_json::json!({ "kind": "longer_than", "seconds": 1.0 }));
    assert_eq!(idle["confidence"], serde_json::json!({ "kind": "measured", "times": 4 }));
    assert_eq!(report["unmeasured"], serde_json::json!([]));
}

#[test]
fn a_refused_port_is_exit_code_1() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let ran = tenure(["probe", &url]).expect(1);
    assert!(ran.err.contains("refuses connections; check host and port"), "{}", ran.err);
    let ran = tenure(["probe", "--json", &url]).expect(1);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["error"]["name"], "unreachable");
}

#[test]
fn the_page_draws_each_experiment_and_needs_nothing_but_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    let ran = tenure(["probe", "--only", "idle,pipelining", "--max-wait", "1", "--html", path.to_str().unwrap()]);
    assert!(ran.expect(0).out.contains("idle timeout "), "the report as text is there too");
    let page = fs::read_to_string(&path).unwrap();
    for part in [
        "<!DOCTYPE html>",
        "width=device-width",
        "prefers-color-scheme: dark",
        "<h3>idle</h3>",
        "<h3>pipelining</h3>",
        "idle timeout: <b>longer than 1 s</b>",
        "<rect class=idle",
        "GET / HTTP/1.1: 200, after",
        "4 connections, 8 answers; none ended by the server",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<svg ").count(), 2);
    for part in ["<script", "url(", "src=", "href=\"h", "@import"] {
        assert!(!page.contains(part), "{part}");
    }
}

#[test]
fn over_tls_sessions_and_protocols_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = self_signed(folder.path());
    let server = Serve::start(["--cert", cert.as_str(), "--key", &key, folder.path().to_str().unwrap()]);
    let ran = tenure(["probe", "--only", "tls", "--json", "--cacert", &cert, &server.url]).expect(0);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let told = |subject: &str| {
        let findings = report["findings"].as_array().unwrap();
        let found = findings.iter().find(|finding| finding["subject"] == subject);
        found.unwrap_or_else(|| panic!("{subject}: {}", ran.out))["value"]["text"].as_str().unwrap().to_owned()
    };
    for (subject, expected) in [
        ("TLS version", "TLSv1_3"),
        ("TLS 1.2 resumption", "yes"),
        ("TLS 1.3 resumption", "yes"),
        ("ALPN", "http/1.1"),
        ("ALPN where h2 is offered", "http/1.1"),
        ("TLS close_notify", "sent"),
    ] {
        assert_eq!(told(subject), expected, "{subject}");
    }
    let ran = tenure(["probe", "--only", "tls", &server.url]).expect(1);
    assert!(ran.err.contains("certificate") && ran.err.contains("--cacert FILE"), "{}", ran.err);
    let plain = server.url.replace("https://", "http://");
    let ran = tenure(["probe", &plain]).expect(1);
    assert!(ran.err.contains("this port speaks TLS; ask with https://"), "{}", ran.err);
}

#[test]
fn wrong_use_is_exit_code_2() {
    let ran = tenure(["probe", "--only", "nothing"]).expect(2);
    assert!(ran.err.contains("the experiments are persistence11, "), "{}", ran.err);
    let ran = tenure(["probe", "--only", "tls", "--html", "no/such/folder/page.html"]).expect(2);
    assert!(ran.err.contains("there is no folder no/such/folder"), "{}", ran.err);
    let ran = tenure(["probe", "ftp://localhost/"]).expect(2);
    assert!(ran.err.contains("a URL begins with http:// or https://"), "{}", ran.err);
}
