//! `tenure get --page`.

use std::fs;

use serde_json::Value;

use crate::support::{Peer, Ran, Serve, tenure, tree, write};

/// A page with so many images, a script and a style.
fn html(images: usize) -> String {
    let images: String = (0..images).map(|i| format!("<img src='images/{i}.png'>\n")).collect();
    format!("<!doctype html><link rel=stylesheet href=style.css><script src=/app.js></script>\n{images}")
}

/// The two summaries, by their names.
fn summaries(ran: &Ran) -> [Value; 2] {
    let lines = ran.json();
    ["1-connection", "6-connections"].map(|name| {
        let summary = lines.iter().find(|line| line["summary"]["run"] == name);
        summary.unwrap_or_else(|| panic!("no {name} in {}", ran.out))["summary"].clone()
    })
}

#[test]
fn a_page_comes_with_all_it_needs_over_one_and_over_six_connections() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(
        from.path(),
        &[("page.html", html(20).as_bytes()), ("style.css", b"p {}"), ("app.js", b";"), ("other", b"x")],
    );
    let images: Vec<String> = (0..20).map(|i| format!("images/{i}.png")).collect();
    for image in &images {
        write(from.path(), &[(image, image.as_bytes())]);
    }
    let server = Serve::start([from.path()]);
    let url = format!("{}/page.html", server.url);
    let ran = tenure(["get", "--page", &url, "--json", "--output-dir", to.path().to_str().unwrap()]).expect(0);
    let [one, six] = summaries(&ran);
    assert_eq!((&one["done"], &one["connections_opened"]), (&23.into(), &1.into()), "{}", ran.out);
    assert_eq!(six["done"], 23);
    let opened = six["connections_opened"].as_u64().unwrap();
    assert!((2..=6).contains(&opened), "{}", ran.out);
    assert_eq!(one["connections"][0]["ended"], "last-message", "the last request says that it is the last");
    assert!(!ran.out.contains("estimated_seconds"), "for what cannot be asked for: {}", ran.out);
    let kept = tree(to.path());
    assert_eq!(kept.len(), 23, "once, and nothing but what the page needs");
    for image in images {
        let name = image.trim_start_matches("images/");
        assert!(kept.iter().any(|(n, content)| n == name && *content == image.as_bytes()), "{name}");
    }

    let ran = tenure(["get", "--page", &url]).expect(0);
    for expected in ["23 files fetched over 1 connection, 0 failed", "1 connection  6 connections\n", "files fetched  "]
    {
        assert!(ran.out.contains(expected), "{expected} in\n{}", ran.out);
    }
    assert!(!ran.out.contains("--connections"), "that is no option beside --page:\n{}", ran.out);
}

#[test]
fn other_servers_are_asked_too_and_a_redirected_page_counts_from_where_it_is() {
    let (from, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(other.path(), &[("shared/logo.png", b"logo")]);
    let images = Serve::start([other.path()]);
    let page = format!("<img src={}/shared/logo.png><img src=here.png>", images.url);
    write(from.path(), &[("deep/index.html", page.as_bytes()), ("deep/here.png", b"here")]);
    let server = Serve::start([from.path()]);
    // Without the slash the server redirects to the folder.
    let ran = tenure(["get", "--page", &format!("{}/deep", server.url), "--json"]).expect(0);
    for summary in summaries(&ran) {
        assert_eq!((&summary["done"], &summary["failed"]), (&3.into(), &0.into()), "{}", ran.out);
        assert!(summary["connections_opened"].as_u64().unwrap() >= 2, "{}", ran.out);
    }
}

#[test]
fn what_is_missing_is_a_failure_and_the_rest_comes() {
    let from = tempfile::tempdir().unwrap();
    write(from.path(), &[("page.html", b"<img src=gone.png><img src=here.png>"), ("here.png", b"here")]);
    let server = Serve::start([from.path()]);
    let ran = tenure(["get", "--page", &format!("{}/page.html", server.url), "--json"]).expect(1);
    for summary in summaries(&ran) {
        assert_eq!((&summary["done"], &summary["failed"]), (&2.into(), &1.into()), "{}", ran.out);
    }
}

#[test]
fn what_is_no_page_is_said_to_be_none() {
    let answer = |kind: &str| format!("HTTP/1.1 200 OK\r\n{kind}\r\nContent-Length: 14\r\n\r\n<img src=\"/x\">");
    for (kind, says) in [
        ("Content-Type: text/plain", "this is no page of HTML, but text/plain"),
        ("Content-Type: text/html\r\nContent-Encoding: br", "but text/html, coded by br"),
        ("X: y", "but of no known type"),
    ] {
        let response = answer(kind);
        let peer = Peer::new(move |accept| [accept.next().answer(&response), accept.next().answer(&response)]);
        let ran = tenure(["get", "--page", &peer.url("/")]).expect(1);
        assert!(ran.out.contains(says) && ran.out.contains("what to do: without --page"), "{}", ran.out);
        peer.end();
    }
}

#[test]
fn wrong_use_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list");
    fs::write(&list, "http://h/\n").unwrap();
    let url = "http://127.0.0.1:1/";
    for (args, says) in [
        (&["--page", url, url][..], "--page takes one URL"),
        (&["--page", url, "-o", "x"], "cannot be used with"),
        (&["--page", url, "--connections", "2"], "cannot be used with"),
        (&["--page", "--files-from", list.to_str().unwrap()], "cannot be used with"),
        (&["--page", "host/"], "http://"),
        (&["--page"], "required"),
    ] {
        let ran = tenure(["get"].iter().chain(args)).expect(2);
        assert!(ran.err.contains(says), "{args:?}: {}", ran.err);
    }
}
