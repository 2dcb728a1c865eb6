//! The kernel's own probes: on while a connection is at work, off while it sleeps until a time of its own.
#![cfg(target_os = "linux")]

use std::net::SocketAddr;
use std::time::Duration;

use tenure::proto::{Config, Timeouts};
use tenure::server::Server;
use tokio::time::advance;

use crate::common::*;
use crate::park::{GET, facts, park};

/// Whether the kernel's timer for keep-alive runs on the socket from `local` to `peer`, once everything
/// it has sent is acknowledged (a delayed acknowledgement takes 40 ms).
fn is_probed(local: SocketAddr, peer: SocketAddr) -> bool {
    let ports = [format!(":{:04X}", local.port()), format!(":{:04X}", peer.port())];
    loop {
        let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
        let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let line = lines.find(|words| words[1].ends_with(&ports[0]) && words[2].ends_with(&ports[1]));
        match &line.expect("the connection is in the kernel's table")[5][..2] {
            "00" => return false,
            "02" => return true,
            _ => std::thread::yield_now(),
        }
    }
}

/// What is probed: at work, asleep, at work again.
async fn probed(server: Server) -> [bool; 3] {
    let served = serve_with(server, facts).await;
    let mut peer = served.connect().await;
    let ends = (peer.stream.peer_addr().unwrap(), peer.stream.local_addr().unwrap());
    let is_probed = || is_probed(ends.0, ends.1);
    peer.ask(GET).await;
    let before = is_probed();
    park().await;
    let asleep = is_probed();
    advance(Duration::from_secs(5)).await;
    peer.ask(GET).await;
    [before, asleep, is_probed()]
}

#[test]
fn a_sleeping_connection_is_not_probed() {
    run_paused(async { assert_eq!(probed(Server::new()).await, [true, false, true]) });
}

#[test]
fn without_a_time_of_its_own_it_is() {
    let timeouts = Timeouts { idle: None, ..Timeouts::default() };
    let config = Config { timeouts, ..Config::default() };
    run_paused(async move { assert_eq!(probed(Server::new().config(config)).await, [true; 3]) });
}

#[test]
fn none_are_sent_unasked() {
    run_paused(async { assert_eq!(probed(Server::new().tcp_keep_alive(None)).await, [false; 3]) });
}
