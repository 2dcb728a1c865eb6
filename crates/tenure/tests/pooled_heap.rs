//! The heap that an idle connection of a client's pool holds, counted by the allocator, and the tasks.
//!
//! A program of its own: the counter is one for the whole process.

#[path = "common/mod.rs"]
mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

use tenure::{Client, CloseReason};

use common::counting::{Counting, live};
use common::{Log, body, run};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ORIGINS: usize = 2048;

/// Each connection is of another origin: the loopback network has an address for each.
#[test]
fn thousands_of_idle_origins_cost_little_memory_and_one_task() {
    run(async {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (close, closes) = mpsc::channel::<()>();
        let served = std::thread::spawn(move || {
            let peers: Vec<_> = (0..2 * ORIGINS).map(|_| answer(&listener)).collect();
            let _ = closes.recv();
            drop(peers);
        });
        let log = Log::new();
        let client = Client::builder().max_idle(usize::MAX).observer(log.clone() as _).build();
        let mut measured = Vec::new();
        for half in 0..2 {
            for n in half * ORIGINS..(half + 1) * ORIGINS {
                let url = format!("http://127.1.{}.{}:{port}/", n / 250, n % 250 + 1);
                let answer = body::collect(client.get(url).await.unwrap().into_body()).await.unwrap();
                assert_eq!(answer, "fine");
            }
            measured.push(live());
        }
        let each = (measured[1] - measured[0]) as f64 / ORIGINS as f64;
        println!("live heap an idle connection: {each:.0} bytes");
        assert!(each <= 2000.0, "{each} bytes of live heap an idle connection");
        assert!(each > 200.0, "{each} bytes: nothing was measured");
        assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 1);

        // And each end is heard of, without a request.
        drop(close);
        let why = log.closed(2 * ORIGINS).await;
        assert!(why.iter().all(|why| *why == CloseReason::PeerFin));
        served.join().unwrap();
    });
}

fn answer(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine").unwrap();
    stream
}
