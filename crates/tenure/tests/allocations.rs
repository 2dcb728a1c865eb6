//! What a request takes from the heap of a server and of a client, and what an open connection of a
//! server holds before it is parked; counted by the allocator.
//!
//! A program of its own, with one test: what is live is one figure for the whole process. What requests take is counted
//! in the thread that serves them, or asks them: the runner of the tests enters a test that has begun into a table, with
//! up to four allocations, and on a busy machine it does so while the first requests are counted.

#[path = "common/mod.rs"]
mod common;

use std::convert::Infallible;
use std::future::{Future, pending};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tenure::Body;
use tenure::server::{Server, raw};
use tokio::net::TcpListener;

use common::counting::{Counting, count_this_thread, live};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: a\r\nUser-Agent: b\r\nAccept: */*\r\n\r\n";
const POST: &[u8] = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
/// As many fields as a browser sends. (A name that `http` does not know would be allocated by it.)
const MANY: &[u8] = b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nUser-Agent: b\r\nAccept: */*\r\n\
    Referer: http://a/\r\nAccept-Encoding: gzip\r\nAccept-Language: en\r\nCookie: a=b\r\nDNT: 1\r\n\
    If-None-Match: \"a\"\r\nIf-Modified-Since: c\r\nCache-Control: no-cache\r\nPragma: no-cache\r\n\r\n";
/// But for its beginning, which differs from answer to answer.
const ANSWER: &str = "Server: a\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
    Content-Type: text/plain\r\nContent-Length: 13\r\nConnection: keep-alive\r\n\r\nHello, World!";
const ROUNDS: usize = 500;
const CONNECTIONS: usize = 500;

#[test]
fn requests_take_and_open_connections_hold_what_they_may() {
    // Open to the end: when the runtime lets go of a connection, a little after its end, it may allocate.
    let mut peers = Vec::with_capacity(6 * CONNECTIONS + 12);
    let raw = start(|listener| Server::new().park_after(None).serve_raw(listener, fine, pending::<Infallible>()));
    judge("raw", &raw, 0, 0, &mut peers);
    for (name, facts, get, post) in [("service", false, 2, 5), ("service with facts", true, 5, 8)] {
        let server = start(move |listener| {
            let service =
                tower::service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new("fine".into())) });
            let server = Server::new().park_after(None).connection_info(facts);
            server.serve::<_, Body>(listener, service, pending::<Infallible>())
        });
        judge(name, &server, get, post, &mut peers);
    }
    let taken = client_allocations();
    println!("client: {taken} allocations by {ROUNDS} requests");
    assert!(taken <= 4 * ROUNDS, "client: {taken} allocations by {ROUNDS} requests");
}

/// A request may take so many allocations, and one with content so many.
fn judge(name: &str, server: &Counted, get: usize, post: usize, peers: &mut Vec<TcpStream>) {
    for (request, depth, most) in [(GET, 1, get), (GET, 16, get), (MANY, 1, get), (POST, 1, post)] {
        let (taken, requests) = (allocations(server, &request.repeat(depth), depth, peers), ROUNDS * depth);
        let counted = format!(
            "{name}: {taken} allocations by {requests} requests, {depth} at once, {} bytes each",
            request.len()
        );
        println!("{counted}");
        assert!(taken <= most * requests, "{counted}");
    }
    let held = held(server.address, peers);
    println!("{name}: {held} bytes of live heap a connection that is not parked");
    assert!((100..=1500).contains(&held), "{name}: {held} bytes a connection");
}

/// What one GET after the other takes on a connection of a client: from the call to the end of its
/// content, which is read as it comes.
fn client_allocations() -> usize {
    static TAKEN: AtomicUsize = AtomicUsize::new(0);
    let address = answering_thread();
    let uri: http::Uri = format!("http://{address}/hello").parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = tenure::Client::new();
    let ask = async || {
        let response = client.get(uri.clone()).await.unwrap();
        assert_eq!(response.headers().len(), 6);
        let mut content = response.into_body();
        let mut length = 0;
        while let Some(frame) = content.frame().await {
            length += frame.unwrap().into_data().unwrap().len();
        }
        assert_eq!(length, 13);
    };
    runtime.block_on(async {
        for _ in 0..10 {
            ask().await;
        }
        count_this_thread(&TAKEN);
        for _ in 0..ROUNDS {
            ask().await;
        }
        TAKEN.load(Ordering::Relaxed)
    })
}

/// A server that is no part of what is counted.
fn answering_thread() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut head, mut len, mut number) = ([0; 4096], 0, 0);
        while let Ok(n @ 1..) = stream.read(&mut head[len..]) {
            len += n;
            if head[..len].ends_with(b"\r\n\r\n") {
                number += 1;
                stream.write_all(format!("HTTP/1.1 200 OK\r\nAge: {number}\r\n{ANSWER}").as_bytes()).unwrap();
                len = 0;
            }
        }
    });
    address
}

fn fine(_: &raw::Request<'_>, response: raw::Response<'_>) -> raw::Answered {
    response.send(StatusCode::OK, &[("content-type", b"text/plain")], b"fine")
}

/// A server, and how often its thread has allocated.
struct Counted {
    address: SocketAddr,
    taken: &'static AtomicUsize,
}

/// On a thread of its own.
fn start<F: Future<Output = std::io::Result<()>>>(serve: impl FnOnce(TcpListener) -> F + Send + 'static) -> Counted {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let taken: &AtomicUsize = Box::leak(Box::default());
    std::thread::spawn(move || {
        count_this_thread(taken);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { serve(TcpListener::from_std(listener).unwrap()).await }).unwrap();
    });
    Counted { address, taken }
}

/// By all requests of one connection, once all buffers have grown.
fn allocations(server: &Counted, requests: &[u8], count: usize, peers: &mut Vec<TcpStream>) -> usize {
    let mut stream = TcpStream::connect(server.address).unwrap();
    let mut buffer = [0; 4096];
    for _ in 0..10 {
        ask(&mut stream, requests, count, &mut buffer);
    }
    let before = server.taken.load(Ordering::Relaxed);
    for _ in 0..ROUNDS {
        ask(&mut stream, requests, count, &mut buffer);
    }
    peers.push(stream);
    server.taken.load(Ordering::Relaxed) - before
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

/// Has `count` requests answered.
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
