//! A server that runs out of file descriptors waits, and goes on when some are free again; those
//! of sleeping connections are free at once. A client gives up idle connections for new ones.
//!
//! The limit is one of the whole process, so the server, or the client, gets one of its own: this
//! test binary, started once more by a shell that lowers it, and told by a variable what it is.
#![cfg(unix)]

#[path = "common/mod.rs"]
mod common;

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use http::Response;
use tenure::server::Server;
use tenure::{Body, Client};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use common::{BoxError, Peer, body, run, serve_with};

const LIMIT: usize = 40;
const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
/// Set in the process that is the server.
const IS_SERVER: &str = "TENURE_TEST_IS_SERVER";
/// Set in the process that is the client: the server's port.
const PORT: &str = "TENURE_TEST_PORT";

/// Runs `test` against a server in a process with few descriptors. `name`: the test that calls this.
fn with_limited(name: &str, server: Server, test: impl AsyncFnOnce(SocketAddr)) {
    run(async {
        if std::env::var_os(IS_SERVER).is_some() {
            let served = serve_with(server, |_| async { Ok(Response::new(Body::from("fine"))) }).await;
            println!("\naddress {}", served.address);
            return std::future::pending::<()>().await;
        }
        let (mut child, address) = start(name).await;
        test(address).await;
        assert!(child.try_wait().unwrap().is_none(), "the server lives");
    });
}

/// This program again with few descriptors, for one test.
fn limited(name: &str) -> Command {
    let limited = format!("ulimit -n {LIMIT} && exec \"$0\" --exact {name} --nocapture");
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(limited).arg(std::env::current_exe().unwrap()).kill_on_drop(true);
    shell
}

async fn start(name: &str) -> (Child, SocketAddr) {
    let mut child = limited(name).env(IS_SERVER, "1").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    loop {
        let line = lines.next_line().await.unwrap().expect("the server says its address");
        if let Some(address) = line.strip_prefix("address ") {
            return (child, address.parse().unwrap());
        }
    }
}

#[test]
fn the_acceptor_survives_a_lack_of_descriptors() {
    let server = Server::new().park_after(None);
    with_limited("the_acceptor_survives_a_lack_of_descriptors", server, async |address| {
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
    });
}

/// No client goes, and yet each of twice as many as there are descriptors is served.
#[test]
#[cfg(target_os = "linux")]
fn a_sleeping_connection_gives_its_descriptor_to_a_new_client() {
    let server = Server::new().park_after(Some(Duration::from_millis(10)));
    with_limited("a_sleeping_connection_gives_its_descriptor_to_a_new_client", server, async |address| {
        let mut peers = Vec::new();
        for _ in 0..2 * LIMIT {
            let mut peer = Peer::connect(address).await;
            assert_eq!(peer.ask(GET).await.text(), "fine");
            peers.push(peer);
        }
        // The longest idle have made room, and were told so by a FIN.
        for peer in &mut peers[..LIMIT] {
            peer.end().await;
        }
        // The newest still work.
        assert_eq!(peers[2 * LIMIT - 1].ask(GET).await.text(), "fine");
    });
}

/// Of twice as many origins as there are descriptors, each is answered.
#[test]
fn an_idle_connection_of_a_client_gives_its_descriptor_to_a_new_one() {
    run(async {
        if let Ok(port) = std::env::var(PORT) {
            let client = Client::new();
            for n in 1..=2 * LIMIT {
                let response = client.get(format!("http://127.0.0.{n}:{port}/")).await.unwrap();
                assert_eq!(body::collect(response.into_body()).await.unwrap(), "fine");
            }
            let idle = client.pool().idle();
            assert!((LIMIT / 2..LIMIT).contains(&idle), "{idle}");
            return;
        }
        let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let service = tower::service_fn(|_| async { Ok::<_, BoxError>(Response::new(Body::from("fine"))) });
        tokio::spawn(tenure::server::serve(listener, service));
        let mut client = limited("an_idle_connection_of_a_client_gives_its_descriptor_to_a_new_one");
        assert!(client.env(PORT, port.to_string()).status().await.unwrap().success());
    });
}
