//! A server that runs out of file descriptors waits, and goes on when some are free again.
//!
//! The limit is one of the whole process, so the server gets one of its own: this test binary,
//! started once more by a shell that lowers it.
#![cfg(unix)]

#[path = "common/mod.rs"]
mod common;

use std::net::SocketAddr;
use std::process::Stdio;

use http::Response;
use tenure::Body;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use common::{Peer, run, serve};

const LIMIT: usize = 40;
const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Not a test by itself: the server in its own process.
#[test]
#[ignore = "started by the test below"]
fn server() {
    run(async {
        let served = serve(|_| async { Ok(Response::new(Body::from("fine"))) }).await;
        println!("\naddress {}", served.address);
        std::future::pending::<()>().await;
    });
}

#[test]
fn the_acceptor_survives_a_lack_of_descriptors() {
    run(async {
        let limited = format!("ulimit -n {LIMIT} && exec \"$0\" --exact server --ignored --nocapture");
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(limited).arg(std::env::current_exe().unwrap());
        let mut child = shell.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address: SocketAddr = loop {
            let line = lines.next_line().await.unwrap().expect("the server says its address");
            if let Some(address) = line.strip_prefix("address ") {
                break address.parse().unwrap();
            }
        };

        // More than the server can accept; the kernel keeps the rest in its queue.
        let mut peers = Vec::new();
        for _ in 0..2 * LIMIT {
            let mut peer = Peer::connect(address).await;
            peer.send(GET).await;
            peers.push(peer);
        }
        for peer in &mut peers[..LIMIT / 2] {
            assert_eq!(peer.response().await.text(), "fine");
        }
        assert!(peers[2 * LIMIT - 1].is_quiet(), "the last is not accepted: the limit is reached");
        // Those accepted still work, and when they go the others get their turn.
        assert_eq!(peers[0].ask(GET).await.text(), "fine");
        let mut waiting = peers.split_off(LIMIT);
        drop(peers);
        for peer in &mut waiting {
            assert_eq!(peer.response().await.text(), "fine");
            peer.fin().await;
        }
        assert!(child.try_wait().unwrap().is_none(), "the server lives");
    });
}
