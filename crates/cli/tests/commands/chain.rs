//! `tenure chain`: what it says of a path, and by which exit code.

use crate::support::{Serve, tenure};

#[test]
fn a_race_is_exit_code_1_and_says_what_to_set() {
    let ran = tenure(["chain", "client=firefox", "lb=alb", "app=gunicorn"]).expect(1);
    assert!(
        ran.out.contains("RACE: app closes after 2 s, lb may send on a connection that was idle for up to 60 s"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("let app keep idle connections for 65 s, longer than lb uses them: --keep-alive SECONDS"),
        "{}",
        ran.out
    );
    assert!(ran.out.ends_with("2 races.\n"), "{}", ran.out);
    let ran = tenure(["chain", "client=30s", "lb=75s/60s", "app=65s"]).expect(0);
    assert!(ran.out.ends_with("No race among the known times.\n"), "{}", ran.out);
}

#[test]
fn json_has_the_hops_and_each_pair() {
    let ran = tenure(["chain", "--json", "client=90s", "app=5s"]).expect(1);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["version"], 1);
    assert_eq!(report["hops"][1]["keeps_seconds"], 5.0);
    let pair = &report["neighbours"][0];
    assert_eq!(
        (&pair["downstream"], &pair["upstream"], &pair["verdict"]),
        (&"client".into(), &"app".into(), &"race".into())
    );
    assert_eq!(pair["advice"].as_array().unwrap().len(), 2);
}

#[test]
fn the_table_of_defaults_is_printed() {
    let ran = tenure(["chain", "--defaults"]).expect(0);
    assert!(ran.out.contains("| `gunicorn` | gunicorn | 2 s |"), "{}", ran.out);
    let table: serde_json::Value =
        serde_json::from_str(&tenure(["chain", "--defaults", "--json"]).expect(0).out).unwrap();
    let products = table["products"].as_array().unwrap();
    assert!(products.iter().any(|row| row["product"] == "nginx" && row["reuses_seconds"] == 60.0));
}

#[test]
fn a_url_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let server =
        Serve::start(["--idle-timeout".as_ref(), "1".as_ref(), "--no-announce".as_ref(), folder.path().as_os_str()]);
    let ran = tenure(["chain", "--max-wait", "5", "--json", "client=curl", &server.url]).expect(1);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let keeps = report["hops"][1]["keeps_seconds"].as_f64().unwrap();
    assert!((0.5..3.0).contains(&keeps), "{}", ran.out);
    assert_eq!((&report["hops"][1]["from"], &report["neighbours"][0]["verdict"]), (&"measured".into(), &"race".into()));
    assert!(ran.err.contains("measuring http://"), "{}", ran.err);
}

#[test]
fn wrong_use_is_exit_code_2_and_a_dead_url_1() {
    for (hops, says) in [
        (&["client=90s"][..], "two hops"),
        (&["client=gunicorn", "app=5s"][..], "stands only last"),
        (&["client=90s", "app=curl"][..], "stands only first"),
        (&["client=90s", "app=gunicron"][..], "--defaults"),
        (&["client=90s", "app=-1s"][..], "is no time"),
        (&["client=90s", "ftp://host/"][..], "http://"),
    ] {
        let ran = tenure(["chain"].iter().chain(hops)).expect(2);
        assert!(ran.err.contains(says), "{hops:?}: {}", ran.err);
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = tenure(["chain", "client=90s", &format!("http://{port}/")]).expect(1);
    assert!(ran.err.contains("connect"), "{}", ran.err);
}
