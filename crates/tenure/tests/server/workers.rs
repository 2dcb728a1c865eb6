//! Several threads, one listener.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use tenure::server::{Server, raw};
use tenure::{Body, ConnectionInfo};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::common::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const WORKERS: NonZeroUsize = NonZeroUsize::new(3).unwrap();

struct Workers {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

/// Answers with the thread it runs on, and the connection's id.
async fn place(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    let id = request.extensions().get::<ConnectionInfo>().unwrap().id;
    Ok(Response::new(Body::from(format!("{:?} {id}", std::thread::current().id()))))
}

async fn start(server: Server) -> Workers {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let server = server.connection_info(true);
    let task = tokio::spawn(server.serve_workers(WORKERS, listener, || tower::service_fn(place), stopped));
    Workers { address, stop, task }
}

/// The same for a handler that borrows.
fn place_raw(request: &raw::Request<'_>, response: raw::Response<'_>) -> raw::Answered {
    let text = format!("{:?} {}", std::thread::current().id(), request.connection().id);
    response.send(StatusCode::OK, &[], text.as_bytes())
}

/// Thread and id.
async fn ask(peer: &mut Peer) -> (String, String) {
    let response = peer.ask(GET).await;
    let (thread, id) = response.text().split_once(' ').unwrap();
    (thread.to_owned(), id.to_owned())
}

#[test]
fn connections_are_dealt_evenly_and_again_where_some_have_ended() {
    run(async {
        let log = Log::new();
        let workers = start(Server::new().observer(Arc::clone(&log) as _)).await;
        let mut peers: HashMap<String, Vec<Peer>> = HashMap::new();
        let mut ids = Vec::new();
        for _ in 0..9 {
            let mut peer = Peer::connect(workers.address).await;
            let (thread, id) = ask(&mut peer).await;
            assert_eq!(ask(&mut peer).await, (thread.clone(), id.clone()), "it stays where it is");
            peers.entry(thread).or_default().push(peer);
            ids.push(id);
        }
        assert_eq!(peers.values().map(Vec::len).collect::<Vec<_>>(), [3, 3, 3]);
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 9, "each has an id of its own");

        // All of one worker's end: the next ones go there.
        let thread = peers.keys().next().unwrap().clone();
        drop(peers.remove(&thread));
        log.closed(3).await;
        let mut again = Vec::new();
        while again.len() < 3 {
            let mut peer = Peer::connect(workers.address).await;
            // The observer hears of an end a moment before the worker counts it; one that came
            // too early goes again.
            if ask(&mut peer).await.0 == thread {
                again.push(peer);
            }
        }
    });
}

#[test]
fn all_workers_drain() {
    run(async {
        let workers = start(Server::new().announce_idle(true)).await;
        let mut peers = Vec::new();
        for _ in 0..6 {
            let mut peer = Peer::connect(workers.address).await;
            ask(&mut peer).await;
            peers.push(peer);
        }
        drop(workers.stop);
        while tokio::net::TcpStream::connect(workers.address).await.is_ok() {}
        for mut peer in peers {
            // What was announced is kept, on every thread.
            let mut response = peer.ask(GET).await;
            if response.connection() != "close" {
                // This worker had not been told yet.
                response = peer.ask(GET).await;
            }
            assert_eq!(response.connection(), "close");
            peer.end().await;
        }
        workers.task.await.unwrap().unwrap();
    });
}

#[test]
fn the_limit_of_connections_is_that_of_all_workers() {
    run(async {
        let log = Log::new();
        let workers = start(Server::new().max_connections(4).observer(Arc::clone(&log) as _)).await;
        let mut peers = Vec::new();
        for _ in 0..4 {
            let mut peer = Peer::connect(workers.address).await;
            ask(&mut peer).await;
            peers.push(peer);
        }
        // All are taken: this one waits until one ends.
        let mut fifth = Peer::connect(workers.address).await;
        fifth.send(GET).await;
        assert_eq!(log.now().opened, 4);
        drop(peers);
        log.closed(4).await;
        assert!(fifth.response().await.text().starts_with("ThreadId"));
        assert_eq!(log.now().most, 4);
    });
}

#[test]
fn raw_handlers_run_on_workers_too() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let mut made = 0;
        let served = Server::new().serve_raw_workers(
            WORKERS,
            listener,
            || {
                made += 1;
                place_raw
            },
            stopped,
        );
        let ask = async {
            let mut threads = std::collections::HashSet::new();
            let mut peers = Vec::new();
            for _ in 0..3 {
                let mut peer = Peer::connect(address).await;
                threads.insert(ask(&mut peer).await.0);
                peers.push(peer);
            }
            assert_eq!(threads.len(), 3, "each has one");
            drop(stop);
            peers
        };
        let (served, _) = tokio::join!(served, ask);
        served.unwrap();
        assert_eq!(made, 3);
    });
}
