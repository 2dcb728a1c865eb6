//! What can be sent, and how it arrives: files of every name and size, pipes, lists, forms.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::support::{Peer, Ran, Serve, command, interrupt, tree, write};

use super::{CREATED, lines, send_in, three};

#[test]
fn every_byte_of_every_file_arrives() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let long: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let files: &[(&str, &[u8])] = &[
        ("empty", b""),
        ("with space", b"a b"),
        ("100%", b"percent"),
        ("größe", b"u"),
        ("what?#&+", b"q"),
        ("new\nline", b"n"),
        ("-dash", b"d"),
        ("sub/deep/looks like http", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
        ("long", &long),
        ("one piece", &long[..256 * 1024]),
        ("one more", &long[..256 * 1024 + 1]),
    ];
    write(from.path(), files);
    for (method, version, number) in [("PUT", &[][..], "1"), ("POST", &["--http1.0"], "1"), ("PUT", &[], "4")] {
        let server = Serve::uploads(to.path());
        let target = format!("{}/{{path}}", server.url);
        let args = [&[".", "--to", &target, "--method", method, "--connections", number, "--json"], version].concat();
        let ran = send_in(from.path(), &args).expect(0);
        assert_eq!(tree(to.path()), tree(from.path()), "{method} {version:?}");
        let summary = ran.summary();
        assert_eq!(summary["done"], files.len());
        assert_eq!(summary["connections"].as_array().unwrap().len().to_string(), number);
        for connection in summary["connections"].as_array().unwrap() {
            assert_eq!(connection["ended"], "last-message", "each connection's last request says so");
        }
        for entry in fs::read_dir(to.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
    }
}

/// `tenure send -` with this on its standard input.
fn send_stdin(content: &[u8], args: &[&str]) -> Ran {
    let mut command = command(["send", "-"]);
    let mut child =
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(content).unwrap();
    Ran::of(&child.wait_with_output().unwrap())
}

#[test]
fn standard_input_goes_in_chunks_and_by_http_1_0_with_its_length() {
    let content: Vec<u8> = (0..300_000_u32).map(|i| i as u8).collect();
    for (version, coding, length) in [(None, Some("chunked"), None), (Some("--http1.0"), None, Some("300000"))] {
        let peer = Peer::new(|accept| accept.next().answer(CREATED));
        let to = peer.url("/in/{name}");
        let args: Vec<&str> = ["--to", &to].into_iter().chain(version).collect();
        send_stdin(&content, &args).expect(0);
        let got = peer.end();
        assert_eq!(got.line, if version.is_some() { "POST /in/stdin HTTP/1.0" } else { "POST /in/stdin HTTP/1.1" });
        assert_eq!((got.field("transfer-encoding"), got.field("content-length")), (coding, length));
        assert!(got.content == content);
    }
}

#[test]
fn ctrl_c_while_a_pipe_is_copied_leaves_no_copy() {
    let temporary = tempfile::tempdir().unwrap();
    let mut command = command(["send", "-", "--http1.0", "--to", "http://127.0.0.1:1/"]);
    command.env("TMPDIR", temporary.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // More than the pipe holds: when it is written, copying has begun.
    stdin.write_all(&vec![0; 2_000_000]).unwrap();
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 1);
    interrupt(&child);
    let ran = Ran::of(&child.wait_with_output().unwrap()).expect(130);
    assert!(ran.out.contains("stopped by Ctrl-C before it was sent"), "{}", ran.out);
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
    drop(stdin);
}

#[test]
fn a_form_is_what_a_web_page_would_send() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &[("sub/na\"me", b"content")]);
    let peer = Peer::new(|accept| accept.next().answer(CREATED));
    let to = peer.url("/upload/");
    send_in(dir.path(), &["sub", "--to", &to, "--form", "file"]).expect(0);
    let got = peer.end();
    assert_eq!(got.line, "POST /upload/ HTTP/1.1");
    let boundary = got.field("content-type").unwrap().strip_prefix("multipart/form-data; boundary=").unwrap();
    let content = String::from_utf8(got.content.clone()).unwrap();
    assert!(content.starts_with(&format!("--{boundary}\r\n")), "{content}");
    assert!(content.contains("name=\"file\"; filename=\"na%22me\"\r\n"), "{content}");
    assert!(content.ends_with(&format!("\r\n\r\ncontent\r\n--{boundary}--\r\n")), "{content}");

    let to = tempfile::tempdir().unwrap();
    let server = Serve::uploads(to.path());
    send_in(dir.path(), &["sub", "--to", &server.url, "--form", "file"]).expect(0);
    assert_eq!(tree(to.path()).len(), 1);
    assert_eq!(tree(to.path())[0].1, b"content");
}

#[test]
fn lists_of_files() {
    let dir = three();
    fs::write(dir.path().join("list"), "c\na\ngone\n").unwrap();
    fs::write(dir.path().join("list0"), "b\0").unwrap();
    let peer = Peer::new(|accept| {
        let mut conn = accept.next();
        let first = [conn.answer(CREATED), conn.answer(CREATED)];
        (first, accept.next().answer(CREATED))
    });
    let to = peer.url("/");
    let ran = send_in(dir.path(), &["--files-from", "list", "--to", &to]).expect(1);
    assert!(ran.out.contains("failed: gone\n    it does not exist any more\n"), "{}", ran.out);
    send_in(dir.path(), &["--files-from", "list0", "-0", "--to", &to]).expect(0);
    let (first, second) = peer.end();
    assert_eq!(lines(&first), ["POST /c HTTP/1.1", "POST /a HTTP/1.1"]);
    assert_eq!(second.line, "POST /b HTTP/1.1");
}

#[test]
fn what_cannot_be_sent_is_told_and_the_rest_is_sent() {
    let dir = three();
    std::os::unix::fs::symlink("nowhere", dir.path().join("dangling")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
    let ran = send_in(dir.path(), &["."]).expect(1);
    assert!(ran.out.contains("failed: ./dangling\n    a link that leads nowhere\n"), "{}", ran.out);
    assert!(ran.out.contains("failed: ./socket\n    a socket has no content"), "{}", ran.out);
    assert!(ran.out.contains("3 files stored over 1 connection, 2 failed"), "{}", ran.out);
}

#[test]
fn nothing_to_send_is_nothing_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let ran = send_in(dir.path(), &["."]).expect(0);
    assert!(ran.out.contains("0 files stored, 0 failed"), "{}", ran.out);
}
