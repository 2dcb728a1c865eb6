//! What a request takes from the heap, and what an open connection holds before it is parked;
//! counted by the allocator.
//!
//! A program of its own, with one test: the counters are one for the whole process.

#[path = "common/mod.rs"]
mod common;

use std::convert::Infallible;
use std::future::{Future, pending};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use http::{Request, Response, StatusCode};
use tenure::Body;
use tenure::server::{Server, raw};
use tokio::net::TcpListener;

use common::counting::{Counting, live, taken};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: a\r\nUser-Agent: b\r\nAccept: */*\r\n\r\n";
const POST: &[u8] = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
const ROUNDS: usize = 500;
const CONNECTIONS: usize = 500;

#[test]
fn requests_take_and_open_connections_hold_what_they_may() {
    let raw = start(|listener| Server::new().park_after(None).serve_raw(listener, fine, pending::<Infallible>()));
    let service = |facts| {
        start(move |listener| {
            let service =
                tower::service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new("fine".into())) });
            let server = Server::new().park_after(None).connection_info(facts);
            server.serve::<_, Body>(listener, service, pending::<Infallible>())
        })
    };
    // Open to the end: what one server does when its connections end is not the other's.
    let mut peers = Vec::with_capacity(6 * CONNECTIONS);
    let rungs = [("raw", raw, 0.0), ("service", service(false), 2.0), ("service with facts", service(true), 5.0)];
    for (name, address, most) in rungs {
        let mut worst: f64 = 0.0;
        for (request, depth) in [(GET, 1), (GET, 16), (POST, 1)] {
            let each = allocations(address, &request.repeat(depth), depth);
            println!("{name}: {each:.3} allocations a request, {depth} at once, {} bytes each", request.len());
            worst = worst.max(if request == GET || name == "raw" { each } else { 0.0 });
        }
        let held = held(address, &mut peers);
        println!("{name}: {held} bytes of live heap a connection that is not parked");
        assert!(worst <= most, "{name}: {worst} allocations a request");
        assert!((100..=1500).contains(&held), "{name}: {held} bytes a connection");
    }
}

fn fine(_: &raw::Request<'_>, response: raw::Response<'_>) -> raw::Answered {
    response.send(StatusCode::OK, &[("content-type", b"text/plain")], b"fine")
}

/// A server on a thread of its own.
fn start<F: Future<Output = std::io::Result<()>>>(serve: impl FnOnce(TcpListener) -> F + Send + 'static) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { serve(TcpListener::from_std(listener).unwrap()).await }).unwrap();
    });
    address
}

/// By each of the requests of one connection, once all buffers have grown.
fn allocations(address: SocketAddr, requests: &[u8], count: usize) -> f64 {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut buffer = [0; 4096];
    for _ in 0..10 {
        ask(&mut stream, requests, count, &mut buffer);
    }
    let before = taken();
    for _ in 0..ROUNDS {
        ask(&mut stream, requests, count, &mut buffer);
    }
    (taken() - before) as f64 / (ROUNDS * count) as f64
}

/// By each of many connections that have had a request answered. The peers are plain sockets.
fn held(address: SocketAddr, peers: &mut Vec<TcpStream>) -> isize {
    let mut open = || {
        for _ in 0..CONNECTIONS {
            let mut stream = TcpStream::connect(address).unwrap();
            ask(&mut stream, GET, 1, &mut [0; 4096]);
            peers.push(stream);
        }
        live()
    };
    // The first ones warm everything up.
    let before = open();
    (open() - before) / CONNECTIONS as isize
}

/// Has `count` requests answered; takes nothing from the heap.
fn ask(stream: &mut TcpStream, requests: &[u8], count: usize, buffer: &mut [u8]) {
    stream.write_all(requests).unwrap();
    let (mut len, mut answers) = (0, 0);
    while answers < count {
        let n = stream.read(&mut buffer[len..]).unwrap();
        assert!(n > 0, "the server closed");
        len += n;
        answers = buffer[..len].windows(4).filter(|end| end == b"fine").count();
    }
}
