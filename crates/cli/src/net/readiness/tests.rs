//! What the service manager receives, on a socket that stands in for its own.

use std::os::unix::net::UnixDatagram;
use std::process::Child;
use std::time::Duration;

use super::super::rerun::rerun;
use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

/// The manager's socket, and `test` running in a process that knows of it.
fn managed(test: &str, variables: &[(&str, &str)]) -> (tempfile::TempDir, UnixDatagram, Child) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut command = rerun(&format!("net::readiness::tests::{test}"));
    let child = command.env("NOTIFY_SOCKET", path).envs(variables.iter().copied()).spawn().expect("it starts");
    (folder, socket, child)
}

fn message(socket: &UnixDatagram) -> String {
    let mut bytes = [0; 512];
    let len = socket.recv(&mut bytes).expect("a message in time");
    String::from_utf8_lossy(&bytes[..len]).into_owned()
}

#[test]
fn each_message() {
    let (_folder, socket, mut child) = managed("announcer", &[]);
    assert_eq!(message(&socket), "READY=1\n");
    let reloading = message(&socket);
    let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").and_then(|rest| rest.strip_suffix('\n'));
    assert!(time.is_some_and(|digits| digits.parse::<u64>().is_ok_and(|usec| usec > 0)), "{reloading:?}");
    assert_eq!(message(&socket), "MAINPID=4711\nREADY=1\n");
    assert_eq!(message(&socket), "STOPPING=1\n");
    assert!(child.wait().expect("it ends").success());
}

#[test]
#[ignore = "run by each_message in a process of its own"]
fn announcer() {
    ready().expect("told");
    reloading().expect("told");
    handed_over(4711).expect("told");
    stopping().expect("told");
}

#[test]
fn the_watchdog_hears_more_than_once() {
    let (folder, socket, mut child) = managed("watched", &[("WATCHDOG_USEC", "20000")]);
    for _ in 0..3 {
        assert_eq!(message(&socket), "WATCHDOG=1\n");
    }
    // Without its manager it cannot go on.
    drop(socket);
    drop(folder);
    assert!(child.wait().expect("it ends").success());
}

#[tokio::test]
#[ignore = "run by the_watchdog_hears_more_than_once in a process of its own"]
async fn watched() {
    let error = tokio::time::timeout(PATIENCE, keep_alive()).await.expect("it notices that the manager is gone");
    assert!(error.to_string().contains("NOTIFY_SOCKET"), "{error}");
}

#[test]
fn another_process_is_watched() {
    let (_folder, socket, mut child) = managed("unwatched", &[("WATCHDOG_USEC", "20000"), ("WATCHDOG_PID", "1")]);
    assert_eq!(message(&socket), "STOPPING=1\n");
    assert!(child.wait().expect("it ends").success());
}

#[tokio::test(start_paused = true)]
#[ignore = "run by another_process_is_watched in a process of its own"]
async fn unwatched() {
    assert!(tokio::time::timeout(PATIENCE, keep_alive()).await.is_err());
    stopping().expect("told");
}

#[test]
fn no_manager_no_error() {
    // `cargo test` itself may run under a manager.
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        ready().expect("nothing to do");
    }
}
