//! The heap that a parked connection holds, counted by the allocator.
//!
//! A program of its own: the counter is one for the whole process.
#![cfg(target_os = "linux")]

#[path = "common/mod.rs"]
mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use http::Response;
use tenure::Body;
use tenure::server::Server;

use common::counting::{Counting, live};
use common::{connection_tasks, run};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const CONNECTIONS: usize = 2048;

#[test]
fn a_parked_connection_holds_at_most_64_bytes() {
    run(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let handler = tower::service_fn(|_: http::Request<Body>| async {
            Ok::<_, std::convert::Infallible>(Response::new(Body::from("fine")))
        });
        let server = Server::new().park_after(Some(Duration::from_millis(100)));
        tokio::spawn(server.serve(listener, handler, std::future::pending::<()>()));

        // The peers are plain sockets, which hold no heap. The first ones warm everything up.
        let mut peers = Vec::with_capacity(2 * CONNECTIONS);
        peers.extend(ask(address, CONNECTIONS).await);
        until(|| connection_tasks() == 0).await;
        let before = live();
        peers.extend(ask(address, CONNECTIONS).await);
        until(|| connection_tasks() == 0).await;
        let parked = (live() - before) as f64 / CONNECTIONS as f64;
        println!("live heap a parked connection: {parked:.1} bytes");
        assert!(parked <= 64.0, "{parked} bytes of live heap a parked connection");
        assert!(parked > 40.0, "{parked} bytes: nothing was measured");
    });
}

/// Opens connections and has a request answered on each.
async fn ask(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let work = move || {
        let one = || {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(GET)?;
            let (mut answer, mut len) = ([0; 1024], 0);
            while !answer[..len].ends_with(b"fine") {
                len += match stream.read(&mut answer[len..])? {
                    0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                    n => n,
                };
            }
            Ok(stream)
        };
        (0..count).map(|_| one()).collect::<std::io::Result<Vec<_>>>()
    };
    tokio::task::spawn_blocking(work).await.unwrap().unwrap()
}

/// Waits, by looking again, for what nothing tells of.
async fn until(done: impl Fn() -> bool) {
    while !done() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
