//! `tenure probe`: what it says of a server, and by which exit code.

use crate::support::tenure;

#[test]
fn the_embedded_server_is_probed_without_a_url() {
    let ran = tenure(["probe", "--only", "persistence11,pipelining", "--fail-on", "note"]).expect(0);
    assert!(ran.out.contains("good    persistence in HTTP/1.1      kept  (certain)\n"), "{}", ran.out);
    assert!(ran.out.contains("2 good, 0 notes, 0 warnings, 0 problems; in "), "{}", ran.out);
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
fn wrong_use_is_exit_code_2() {
    let ran = tenure(["probe", "--only", "nothing"]).expect(2);
    assert!(ran.err.contains("the experiments are persistence11, "), "{}", ran.err);
    let ran = tenure(["probe", "ftp://localhost/"]).expect(2);
    assert!(ran.err.contains("a URL begins with http:// or https://"), "{}", ran.err);
}
