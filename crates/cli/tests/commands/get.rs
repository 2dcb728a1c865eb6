//! `tenure get` against servers of every kind.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use crate::support::{Peer, Ran, Serve, command, tenure, tree, write};

/// `tenure get` in a folder.
fn get_in(dir: &Path, args: &[&str]) -> Ran {
    Ran::of(&command(["get"]).args(args).current_dir(dir).output().unwrap())
}

const PIPELINED: &[&str] = &["--pipeline", "4"];

fn ok(content: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{content}", content.len())
}

#[test]
fn many_files_over_one_connection_with_every_byte() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let long: Vec<u8> = (0..2_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let files: &[(&str, &[u8])] =
        &[("a b", b"1"), ("größe", b"2"), ("100%", b"3"), ("what?#", b"4"), ("empty", b""), ("long", &long)];
    write(from.path(), files);
    let server = Serve::start([from.path()]);
    let paths = ["a%20b", "gr%C3%B6%C3%9Fe", "100%25", "what%3F%23", "empty", "long"];
    let urls: Vec<String> = paths.iter().map(|path| format!("{}/{path}", server.url)).collect();
    for (options, connections) in [(&[][..], 1), (&["--http1.0"], 1), (&["--connections", "3"], 3), (PIPELINED, 1)] {
        let folder = to.path().join(connections.to_string());
        let mut args = vec!["--output-dir", folder.to_str().unwrap(), "--json"];
        args.extend(options);
        args.extend(urls.iter().map(String::as_str));
        let ran = get_in(to.path(), &args).expect(0);
        assert_eq!(tree(&folder), tree(from.path()), "{options:?}");
        assert_eq!(ran.summary()["connections_opened"], connections, "{}", ran.out);
        let pipelined = ran.summary()["pipelined"]["requests"].as_u64();
        assert_eq!(pipelined.is_some_and(|n| n > 0), options == PIPELINED, "{}", ran.out);
        fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn standard_output_has_the_content_in_order_and_standard_error_the_report() {
    let peer = Peer::new(|accept| {
        let mut conn = accept.next();
        let got = ["one ", "two ", "three"].map(|content| conn.answer(&ok(content)));
        assert!(conn.is_closed());
        got
    });
    let urls = ["/1", "/2", "/3"].map(|path| peer.url(path));
    let ran = tenure(["get", &urls[0], &urls[1], &urls[2], "--connections", "8", "-H", "X: y"]).expect(0);
    assert_eq!(ran.out, "one two three");
    assert!(ran.err.contains("3 files fetched over 1 connection, 0 failed: 13 B"), "{}", ran.err);
    let got = peer.end();
    assert_eq!(got[1].line, "GET /2 HTTP/1.1");
    assert_eq!(got[0].field("x"), Some("y"));
    let close: Vec<Option<&str>> = got.iter().map(|got| got.field("connection")).collect();
    assert_eq!(close, [None, None, Some("close")]);
}

#[test]
fn what_breaks_off_is_a_failure_and_leaves_no_file() {
    for broken in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "",
    ] {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &[("name", b"from before")]);
        let peer = Peer::new(move |accept| accept.next().answer(broken));
        let ran = get_in(dir.path(), &[&peer.url("/name"), "-o", "name"]).expect(1);
        assert!(ran.out.contains("0 files fetched over 1 connection, 1 failed"), "{broken:?}: {}", ran.out);
        assert_eq!(tree(dir.path()), [("name".to_owned(), b"from before".to_vec())], "{broken:?}");
        peer.end();

        let peer = Peer::new(move |accept| accept.next().answer(broken));
        let ran = get_in(dir.path(), &[&peer.url("/other"), "--output-dir", "."]).expect(1);
        assert_eq!(tree(dir.path()).len(), 1, "{broken:?}: {}", ran.out);
        peer.end();
    }
}

#[test]
fn content_that_ends_with_its_connection_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let peer = Peer::new(|accept| {
        accept.next().answer("HTTP/1.1 200 OK\r\n\r\nuntil the end");
        accept.next().answer(&ok("next"));
    });
    let ran = get_in(dir.path(), &[&peer.url("/x"), &peer.url("/y"), "--output-dir", "."]).expect(0);
    peer.end();
    assert_eq!(fs::read(dir.path().join("x")).unwrap(), b"until the end");
    assert!(ran.out.contains("2 files fetched over 2 connections"), "{}", ran.out);
    assert!(ran.out.contains("the response's end was the connection's end"), "{}", ran.out);
}

#[test]
fn a_status_that_is_no_success_is_a_failure_and_costs_no_connection() {
    let dir = tempfile::tempdir().unwrap();
    let peer = Peer::new(|accept| {
        let mut conn = accept.next();
        conn.answer("HTTP/1.1 404 Not Found\r\nContent-Length: 8\r\n\r\nno such\n");
        conn.answer(&ok("here"));
    });
    let ran = get_in(dir.path(), &[&peer.url("/gone"), &peer.url("/here"), "--output-dir", "out"]).expect(1);
    peer.end();
    assert!(ran.out.contains("404 Not Found: no such\n    what to do: there is nothing at this URL"), "{}", ran.out);
    assert!(ran.out.contains("1 file fetched over 1 connection, 1 failed"), "{}", ran.out);
    assert_eq!(tree(dir.path()), [("out/here".to_owned(), b"here".to_vec())]);
}

#[test]
fn redirections_are_followed_without_giving_credentials_away() {
    let dir = tempfile::tempdir().unwrap();
    let other = Peer::new(|accept| accept.next().answer(&ok("there")));
    let elsewhere = format!("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", other.url("/there"));
    let peer = Peer::new(move |accept| {
        let mut conn = accept.next();
        let here = "HTTP/1.1 301 Moved Permanently\r\nLocation: ../b\r\nContent-Length: 5\r\n\r\nmoved";
        [conn.answer(here), conn.answer(&elsewhere), conn.answer(&ok("last"))]
    });
    let args = ["-u", "me:secret", "-H", "Cookie: a=b", "--output-dir", "."];
    let urls = [peer.url("/x/a"), peer.url("/last")];
    let ran = get_in(dir.path(), &[&[urls[0].as_str(), urls[1].as_str()], &args[..]].concat()).expect(0);
    let (first, second) = (peer.end(), other.end());
    let asked: Vec<&str> = first.iter().map(|got| got.line.as_str()).collect();
    assert_eq!(asked, ["GET /x/a HTTP/1.1", "GET /b HTTP/1.1", "GET /last HTTP/1.1"]);
    for got in &first {
        assert_eq!((got.field("authorization"), got.field("cookie")), (Some("Basic bWU6c2VjcmV0"), Some("a=b")));
    }
    assert_eq!((second.field("authorization"), second.field("cookie")), (None, None));
    assert_eq!(second.field("user-agent").map(|agent| agent.starts_with("tenure/")), Some(true));
    let files = [("a".to_owned(), b"there".to_vec()), ("last".to_owned(), b"last".to_vec())];
    assert_eq!(tree(dir.path()), files, "{}", ran.out);
}

#[test]
fn a_last_request_that_is_redirected_was_not_the_last() {
    let dir = tempfile::tempdir().unwrap();
    let peer = Peer::new(|accept| {
        // It said close, and is taken at its word: what it points to needs a new connection.
        let first = accept.next().answer("HTTP/1.1 303 See Other\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n");
        [first, accept.next().answer(&ok("b"))]
    });
    get_in(dir.path(), &[&peer.url("/a"), "-o", "a"]).expect(0);
    let asked = peer.end().map(|got| (got.line.clone(), got.field("connection").map(str::to_owned)));
    let close = || Some("close".to_owned());
    assert_eq!(asked, [("GET /a HTTP/1.1".to_owned(), close()), ("GET /b HTTP/1.1".to_owned(), close())]);
    assert_eq!(fs::read(dir.path().join("a")).unwrap(), b"b");
}

#[test]
fn what_cannot_be_written_is_named() {
    let (from, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(from.path(), &[("x", b"a"), ("y", b"b")]);
    write(dir.path(), &[("out/x/inside", b"kept")]);
    let server = Serve::start([from.path()]);
    let urls = ["x", "y"].map(|name| format!("{}/{name}", server.url));
    let ran = get_in(dir.path(), &[&urls[0], &urls[1], "--output-dir", "out"]).expect(1);
    let expected = "out/x cannot be written: is a directory\n    what to do: there is a folder of this name";
    assert!(ran.out.contains(expected), "{}", ran.out);
    assert_eq!(fs::read(dir.path().join("out/y")).unwrap(), b"b");
    // A device that is always full.
    let ran = get_in(dir.path(), &[&urls[0], "-o", "/dev/full"]).expect(1);
    assert!(ran.out.contains("/dev/full cannot be written: ") && ran.out.contains("make room there"), "{}", ran.out);
    assert_eq!(tree(dir.path()).len(), 2);
}

#[test]
fn redirections_in_a_circle_end() {
    let peer = Peer::new(|accept| {
        let mut conn = accept.next();
        let circle = "HTTP/1.1 307 Temporary Redirect\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";
        let count = (0..11).map(|_| conn.answer(circle)).count();
        assert_eq!(conn.answer(&ok("end")).line, "GET /end HTTP/1.1");
        assert!(conn.is_closed());
        count
    });
    let ran = tenure(["get", &peer.url("/"), &peer.url("/end")]).expect(1);
    assert_eq!(peer.end(), 11);
    assert!(ran.err.contains("redirected 10 times"), "{}", ran.err);
    assert_eq!(ran.out, "end");
}

#[test]
fn two_urls_of_one_name_are_two_files() {
    let dir = tempfile::tempdir().unwrap();
    let peer = Peer::new(|accept| {
        let mut conn = accept.next();
        for content in ["1", "2", "3"] {
            conn.answer(&ok(content));
        }
    });
    let urls = ["/a/x.txt", "/b/x.txt", "/a%2F..%2Fx.txt"].map(|path| peer.url(path));
    fs::write(dir.path().join("urls"), format!("{}\n\n{}\n", urls[1], urls[2])).unwrap();
    get_in(dir.path(), &[&urls[0], "--files-from", "urls", "--output-dir", "new/out"]).expect(0);
    peer.end();
    let names: Vec<String> = tree(&dir.path().join("new/out")).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a%2F..%2Fx.txt", "x-2.txt", "x.txt"]);
}

#[test]
fn a_reader_that_goes_away_ends_the_work_quietly() {
    let peer = Peer::new(|accept| {
        let mut conn = accept.next();
        conn.head().unwrap();
        conn.send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\nbegin", u64::MAX / 4));
        conn.fill()
    });
    let mut command = command(["get", &peer.url("/endless"), &peer.url("/next")]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 5];
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut first).unwrap();
    drop(out);
    let ran = Ran::of(&child.wait_with_output().unwrap()).expect(1);
    assert_eq!((&first, ran.err.as_str()), (b"begin", ""));
    assert!(peer.end() > 0);
}

#[test]
fn wrong_use_is_exit_code_2_and_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("empty"), "\n").unwrap();
    let url = "http://127.0.0.1:1/a";
    for (args, says) in [
        (&[][..], "required"),
        (&["host/a"], "http://"),
        (&["http://u:p@h/"], "-u"),
        (&["http://h:99999/"], "port"),
        (&[url, url, "-o", "x"], "--output-dir"),
        (&[url, "-o", "."], "this is a folder"),
        (&[url, "-o", "missing/x"], "no such folder"),
        (&[url, "-o", "x", "--output-dir", "y"], "cannot be used with"),
        (&[url, "--output-dir", "empty"], "--output-dir empty"),
        (&["--files-from", "empty"], "the list is empty"),
        (&["--files-from", "missing"], "--files-from missing"),
        (&[url, "-H", "x"], "Name: value"),
        (&[url, "--output-dir", "new", "--cacert", "missing"], "--cacert missing"),
        (&["--output-dir", url, url], "this is a URL"),
        (&[url, "--output-dir", "-"], "write './-'"),
        (&[url, "--output-dir=--to"], "write './--to'"),
        (&[url, "-o", url], "this is a URL"),
        (&[url, "--wire", "-"], "write './-'"),
    ] {
        let ran = get_in(dir.path(), args).expect(2);
        assert!(ran.err.contains(says), "{args:?}: {}", ran.err);
    }
    assert_eq!(tree(dir.path()).len(), 1, "nothing was written");
    tenure(["get", "--help"]).expect(0);
}

#[test]
fn json_goes_where_the_content_does_not() {
    let peer = Peer::new(|accept| accept.next().answer(&ok("content")));
    let ran = tenure(["get", &peer.url("/x"), "--json"]).expect(0);
    peer.end();
    assert_eq!(ran.out, "content");
    let lines: Vec<serde_json::Value> = ran.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["outcome"]), (2, &"fetched".into()));
    assert_eq!(lines[1]["summary"]["done"], 1);
}
