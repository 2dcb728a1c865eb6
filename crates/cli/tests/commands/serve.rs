//! `tenure serve`: its options, and how it ends. What it answers is tested beside its code.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{Serve, eventually, tenure};

#[test]
fn ctrl_c_lets_a_running_upload_finish() {
    let dir = tempfile::tempdir().unwrap();
    let server = Serve::uploads(dir.path());
    let address = server.url.strip_prefix("http://").unwrap();
    let mut upload = TcpStream::connect(address).unwrap();
    upload.write_all(b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n").unwrap();
    let mut interim = [0; 25];
    upload.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n", "it is under way");
    upload.write_all(b"abc").unwrap();
    server.interrupt();
    // It says so first and then closes the listener.
    assert!(eventually(|| TcpStream::connect(address).is_err()), "it listens no more");
    assert!(!dir.path().join("a").exists());
    upload.write_all(b"def").unwrap();
    let mut answer = String::new();
    upload.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n") && answer.contains("Connection: close\r\n"), "{answer}");
    assert_eq!(fs::read(dir.path().join("a")).unwrap(), b"abcdef");
    assert_eq!(server.end(), Some(0));
}

#[test]
fn an_upload_that_breaks_off_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Serve::uploads(dir.path());
    let mut upload = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    upload.write_all(b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc").unwrap();
    upload.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    upload.read_to_string(&mut answer).unwrap();
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    server.interrupt();
    assert_eq!(server.end(), Some(0));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn wrong_use_is_exit_code_2_and_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let file = file.to_str().unwrap();
    for (args, says) in [
        (&["missing"][..], "missing"),
        (&[file], "ot a directory"),
        (&["--uploads", "http://127.0.0.1:1/"], "this is a URL"),
        (&["--uploads", file], "exists"),
        (&["--listen", "8080"], "--listen"),
        (&["--max-upload", "-1"], "unexpected"),
    ] {
        let ran = tenure(["serve"].iter().chain(args)).expect(2);
        assert!(ran.err.contains(says), "{args:?}: {}", ran.err);
    }
}

#[test]
fn an_address_in_use_is_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    let server = Serve::start([dir.path()]);
    let address = server.url.strip_prefix("http://").unwrap();
    let ran = tenure(["serve", dir.path().to_str().unwrap(), "--listen", address]).expect(1);
    assert!(ran.err.contains("cannot listen on"), "{}", ran.err);
}
