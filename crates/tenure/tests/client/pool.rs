//! The pool: a limit per origin, and whoever is over it waits in order.

use std::sync::Arc;

use http::Response;
use tenure::{Body, Client, CloseReason};

use super::{observed, place, poll_once, read};
use crate::common::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn no_more_connections_than_the_limit() {
    run_threads(async {
        let inside = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = Arc::clone(&inside);
        let served = serve(move |_| {
            let inside = Arc::clone(&counter);
            async move {
                let now = inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
                tokio::task::yield_now().await;
                inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                Ok(Response::new(Body::from(now.to_string())))
            }
        })
        .await;
        let (client, log) = observed(Client::builder().connections_per_origin(3));
        let all = (0..100).map(|_| {
            let (client, url) = (client.clone(), served.url("/"));
            tokio::spawn(async move { read(client.get(url).await).await.unwrap().1.parse::<usize>().unwrap() })
        });
        for asked in all.collect::<Vec<_>>() {
            assert!(asked.await.unwrap() <= 3);
        }
        let log = log.now();
        assert_eq!((log.most, log.opened), (3, 3));
    });
}

#[test]
fn origins_do_not_share_their_limit() {
    run(async {
        let (one, two) = (Script::new().await, Script::new().await);
        let client = Client::builder().connections_per_origin(1).build();
        let held = tokio::spawn({
            let (client, url) = (client.clone(), one.url("/"));
            async move { client.get(url).await.is_ok() }
        });
        let _first = one.accept().await;
        let (second, ()) = tokio::join!(async { read(client.get(two.url("/")).await).await }, async {
            let mut peer = two.accept().await;
            peer.request().await;
            peer.send(OK).await;
        });
        assert_eq!(second.unwrap().1, "ok");
        held.abort();
    });
}

#[test]
fn waiting_requests_get_their_turn_in_order() {
    run(async {
        let script = Script::new().await;
        let client = Client::builder().connections_per_origin(1).build();
        let mut first = Box::pin(client.get(script.url("/first")));
        assert!(poll_once(&mut first).is_pending());
        let (done, mut order) = tokio::sync::mpsc::unbounded_channel();
        for n in 0..5 {
            let (client, url, done) = (client.clone(), script.url(&format!("/{n}")), done.clone());
            let mut waiting = Box::pin(async move { read(client.get(url).await).await });
            // In the queue, in this order.
            assert!(poll_once(&mut waiting).is_pending());
            tokio::spawn(async move { done.send((n, waiting.await.unwrap())) });
        }
        let server = async {
            let mut peer = script.accept().await;
            let mut paths = Vec::new();
            for _ in 0..6 {
                paths.push(peer.request().await.start);
                peer.send(OK).await;
            }
            paths
        };
        let (response, paths) = tokio::join!(async { read(first.await).await }, server);
        response.unwrap();
        let expected = ["first", "0", "1", "2", "3", "4"].map(|path| format!("GET /{path} HTTP/1.1"));
        assert_eq!(paths, expected);
        for n in 0..5 {
            assert_eq!(order.recv().await.unwrap().0, n);
        }
    });
}

/// Connections that die as soon as they are given back must not change the order.
#[test]
fn a_dead_connection_costs_nobody_the_turn() {
    run(async {
        let script = Script::new().await;
        let (client, log) = observed(Client::builder().connections_per_origin(1));
        let mut first = Box::pin(async { read(client.get(script.url("/first")).await).await });
        assert!(poll_once(&mut first).is_pending());
        let mut waiting = Vec::new();
        for n in 0..5 {
            let (client, url) = (client.clone(), script.url(&format!("/{n}")));
            let mut next = Box::pin(async move { read(client.get(url).await).await.unwrap() });
            assert!(poll_once(&mut next).is_pending());
            waiting.push(tokio::spawn(next));
        }
        let server = async {
            let mut paths = Vec::new();
            for _ in 0..6 {
                let mut peer = script.accept().await;
                paths.push(peer.request().await.start);
                // Closed at once, and without a word about it.
                peer.send(OK).await;
                peer.fin().await;
            }
            paths
        };
        let (response, paths) = tokio::join!(first, server);
        response.unwrap();
        assert_eq!(paths, ["first", "0", "1", "2", "3", "4"].map(|path| format!("GET /{path} HTTP/1.1")));
        for next in waiting {
            next.await.unwrap();
        }
        assert_eq!(log.now().most, 1);
    });
}

#[test]
fn the_freshest_idle_connection_is_taken_and_a_dead_one_passed_over() {
    run(async {
        let script = Script::new().await;
        let (client, log) = observed(Client::builder().connections_per_origin(3));
        let mut peers = Vec::new();
        let mut asked = Vec::new();
        for _ in 0..3 {
            let (client, url) = (client.clone(), script.url("/"));
            asked.push(tokio::spawn(async move { client.get(url).await.unwrap() }));
            let mut peer = script.accept().await;
            peer.request().await;
            peers.push(peer);
        }
        for (peer, asked) in peers.iter_mut().zip(asked) {
            peer.send(OK).await;
            drop(body::collect(asked.await.unwrap().into_body()).await.unwrap());
        }
        // The third is the freshest; it dies, and the second is next.
        drop(peers.pop());
        let (response, ()) = tokio::join!(client.get(script.url("/")), async {
            peers[1].request().await;
            peers[1].send(OK).await;
        });
        let response = response.unwrap();
        assert_eq!(place(&response), (2, 2));
        assert_eq!(log.now().opened, 3, "nothing new was needed");
        assert_eq!(log.closed(1).await, [CloseReason::PeerFin]);
    });
}

#[test]
fn close_idle_closes_what_is_idle() {
    run(async {
        let script = Script::new().await;
        let (client, log) = observed(Client::builder());
        let (response, mut peer) = tokio::join!(async { read(client.get(script.url("/")).await).await }, async {
            let mut peer = script.accept().await;
            peer.request().await;
            peer.send(OK).await;
            peer
        });
        response.unwrap();
        client.close_idle();
        peer.end().await;
        assert_eq!(log.closed(1).await, [CloseReason::Shutdown]);
    });
}

#[test]
fn the_last_clones_drop_closes_idle_connections() {
    run(async {
        let script = Script::new().await;
        let client = Client::new();
        let (response, mut peer) = tokio::join!(async { read(client.get(script.url("/")).await).await }, async {
            let mut peer = script.accept().await;
            peer.request().await;
            peer.send(OK).await;
            peer
        });
        response.unwrap();
        let clone = client.clone();
        drop(client);
        tokio::task::yield_now().await;
        assert!(peer.is_quiet(), "a clone lives");
        drop(clone);
        peer.end().await;
    });
}

#[test]
fn a_response_outlives_its_client() {
    run(async {
        let script = Script::new().await;
        let client = Client::new();
        let (response, mut peer) = tokio::join!(client.get(script.url("/")), async {
            let mut peer = script.accept().await;
            peer.request().await;
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf").await;
            peer
        });
        drop(client);
        let (content, ()) = tokio::join!(body::collect(response.unwrap().into_body()), async {
            peer.send("half").await;
            peer.end().await;
        });
        assert_eq!(content.unwrap(), "halfhalf");
    });
}

/// A connection may be given up where there is no runtime: the next one is made where it is waited for.
#[test]
fn a_response_may_be_dropped_on_any_thread() {
    run(async {
        let script = Script::new().await;
        let client = Client::builder().connections_per_origin(1).build();
        let (response, _peer) = tokio::join!(client.get(script.url("/")), async {
            let mut peer = script.accept().await;
            peer.request().await;
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\npart").await;
            peer
        });
        let mut next = Box::pin(async { read(client.get(script.url("/")).await).await });
        assert!(poll_once(&mut next).is_pending());
        std::thread::spawn(move || drop(response)).join().unwrap();
        let (answer, ()) = tokio::join!(next, async {
            let mut peer = script.accept().await;
            peer.request().await;
            peer.send(OK).await;
        });
        assert_eq!(answer.unwrap().1, "ok");
    });
}

/// A client outlives the runtimes it is used in, as one in a `static` does in tests.
#[test]
fn a_client_is_used_in_one_runtime_after_the_other() {
    let served = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", served.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            served.set_nonblocking(true).unwrap();
            let listener = tokio::net::TcpListener::from_std(served).unwrap();
            for _ in 0..3 {
                let mut peer = Peer::new(listener.accept().await.unwrap().0);
                peer.request().await;
                peer.send(OK).await;
                // The client's end goes with its runtime, or when it is found to be of none.
                let _ = peer.fill().await;
            }
        });
    });
    let client = Client::new();
    for n in 1..=3 {
        let post = http::Request::post(&url).body(Body::empty()).unwrap();
        run(async {
            let response = client.request(post).await.unwrap();
            assert_eq!(place(&response), (n, 1));
            assert_eq!(read(Ok(response)).await.unwrap().1, "ok");
        });
    }
    client.close_idle();
    server.join().unwrap();
}
