//! Files that change while they are sent.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;

use crate::support::{Peer, Ran, command, write};

use super::CREATED;

/// The server takes the head and nothing more until the test has done something to the file, which is
/// far longer than what buffers take.
fn tampered(tamper: impl Fn(&Path)) -> Ran {
    const LEN: u64 = 200_000_000;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("big");
    File::create(&path).unwrap().set_len(LEN).unwrap();
    write(dir.path(), &[("next", b"intact")]);
    let (begun, is_begun) = mpsc::channel();
    let (done, is_done) = mpsc::channel::<()>();
    let peer = Peer::new(move |accept| {
        let mut first = accept.next();
        assert_eq!(first.head().unwrap().field("content-length"), Some("200000000"));
        begun.send(()).unwrap();
        is_done.recv().unwrap();
        let taken = first.drain();
        (taken, accept.next().answer(CREATED))
    });
    let to = peer.url("/");
    let mut command = command(["send", "big", "next", "--to", &to]);
    let child = command.current_dir(dir.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    is_begun.recv().unwrap();
    tamper(&path);
    done.send(()).unwrap();
    let ran = Ran::of(&child.wait_with_output().unwrap()).expect(1);
    let (taken, next) = peer.end();
    assert!(taken < LEN, "the server must see that the content is not whole");
    assert_eq!(next.content, b"intact");
    assert!(ran.out.contains("1 file stored over 2 connections, 1 failed"), "{}", ran.out);
    ran
}

#[test]
fn a_file_that_shrinks_while_it_is_sent() {
    let ran = tampered(|path| OpenOptions::new().write(true).open(path).unwrap().set_len(150_000_000).unwrap());
    let expected =
        "failed: big\n    it shrank from 200,000,000 to 150,000,000 bytes while it was sent\n    what to do: ";
    assert!(ran.out.contains(expected), "{}", ran.out);
}

#[test]
fn a_file_that_grows_while_it_is_sent() {
    let ran = tampered(|path| OpenOptions::new().append(true).open(path).unwrap().write_all(b"more").unwrap());
    assert!(ran.out.contains("it has more than the 200,000,000 bytes it had when it was opened"), "{}", ran.out);
}

#[test]
fn a_file_that_changes_while_it_is_sent() {
    let ran = tampered(|path| OpenOptions::new().write(true).open(path).unwrap().write_all(b"changed").unwrap());
    assert!(ran.out.contains("it changed while it was sent"), "{}", ran.out);
}

#[test]
fn a_file_that_vanishes_while_it_is_sent() {
    let ran = tampered(|path| fs::remove_file(path).unwrap());
    assert!(ran.out.contains("it was deleted or replaced while it was sent"), "{}", ran.out);
}
