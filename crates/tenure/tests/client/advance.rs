//! Connections made in advance, connections that come late, and what the pool shows of them.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use tenure::Client;
use tenure::client::Resolving;
use tokio::sync::Semaphore;

use super::{observed, place, read, request};
use crate::common::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Answers one request.
async fn answer(peer: &mut Peer) {
    peer.request().await;
    peer.send(OK).await;
}

#[test]
fn connections_made_in_advance_are_used() {
    run(async {
        let script = Script::new().await;
        let (client, log) = observed(Client::builder().connections_per_origin(3));
        let url = script.url("/");
        assert_eq!(client.preconnect(&url, 2).await.unwrap(), 2);
        assert_eq!(client.preconnect(&url, 2).await.unwrap(), 0, "there are two");
        assert_eq!(client.preconnect(&url, 9).await.unwrap(), 1, "the limit");
        let pool = client.pool();
        assert_eq!((pool.open(), pool.idle(), pool.origins[0].idle[0].requests), (3, 3, 0));
        let mut peers = Vec::new();
        for _ in 0..3 {
            peers.push(script.accept().await);
        }
        // The freshest is the first to be used.
        let (response, ()) = tokio::join!(client.get(&url), answer(&mut peers[2]));
        assert_eq!(place(&response.unwrap()), (3, 1));
        assert_eq!(log.now().opened, 3);
    });
}

#[test]
fn a_connection_that_cannot_be_made_in_advance_says_so() {
    run(async {
        let script = Script::new().await;
        let url = script.url("/");
        drop(script);
        let client = Client::new();
        assert!(client.preconnect(&url, 2).await.unwrap_err().is_connect());
        assert_eq!(client.pool().origins, []);
        assert!(client.preconnect("/no/origin", 2).await.is_err());
    });
}

/// A server may give up a connection on which no request ever came, and that is no matter of the
/// request which crosses it.
#[test]
fn a_request_that_a_connection_made_in_advance_lost_is_sent_again() {
    run(async {
        let script = Script::new().await;
        let client = Client::new();
        let url = script.url("/");
        client.preconnect(&url, 1).await.unwrap();
        let (answer, ()) = tokio::join!(async { read(client.get(&url).await).await }, async {
            let mut first = script.accept().await;
            first.request().await;
            drop(first);
            answer(&mut script.accept().await).await;
        });
        assert_eq!(answer.unwrap().1, "ok");
    });
}

/// A client whose connections are made when the test says so: each look-up takes a permit.
fn held_back(script: &Script) -> (Client, Arc<Log>, Arc<Semaphore>) {
    let (permits, address) = (Arc::new(Semaphore::new(0)), script.address);
    let resolver = {
        let permits = Arc::clone(&permits);
        move |_: &str, _: u16| -> Resolving {
            let permits = Arc::clone(&permits);
            Box::pin(async move {
                permits.acquire_owned().await.unwrap().forget();
                Ok(vec![address])
            })
        }
    };
    let (client, log) = observed(Client::builder().connections_per_origin(2).resolver(Arc::new(resolver)));
    (client, log, permits)
}

#[test]
fn a_freed_connection_is_taken_if_it_comes_before_the_new_one() {
    run(async {
        let script = Script::new().await;
        let (client, log, permits) = held_back(&script);
        let ask = || {
            let client = client.clone();
            tokio::spawn(async move {
                let response = client.get("http://name.test/").await.unwrap();
                let place = place(&response);
                read(Ok(response)).await.unwrap();
                place
            })
        };
        let first = ask();
        permits.add_permits(1);
        let mut peer = script.accept().await;
        peer.request().await;
        let second = ask();
        settle().await;
        let waits = &client.pool().origins[0];
        assert_eq!((waits.in_use, waits.connecting, waits.waiting), (1, 1, 1));
        peer.send(OK).await;
        answer(&mut peer).await;
        assert_eq!((first.await.unwrap(), second.await.unwrap()), ((1, 1), (1, 2)));
        assert_eq!(log.now().opened, 1);
        // The other comes late, and is kept.
        permits.add_permits(1);
        log.until(|log| log.opened == 2).await;
        settle().await;
        let pool = client.pool();
        assert_eq!((pool.idle(), pool.origins[0].idle[1].requests), (2, 0));
        let third = ask();
        answer(&mut script.accept().await).await;
        assert_eq!(third.await.unwrap(), (2, 1));
    });
}

#[test]
fn a_request_that_was_given_up_leaves_its_connection_to_the_next() {
    run(async {
        let script = Script::new().await;
        let (client, log, permits) = held_back(&script);
        let mut given_up = Box::pin(client.get("http://name.test/"));
        assert!(super::poll_once(&mut given_up).is_pending());
        drop(given_up);
        permits.add_permits(1);
        let (response, ()) = tokio::join!(client.get("http://name.test/"), async {
            answer(&mut script.accept().await).await;
        });
        assert_eq!(place(&response.unwrap()), (1, 1));
        assert_eq!(log.now().opened, 1);
    });
}

#[test]
fn the_pool_shows_what_it_holds_and_has_learned() {
    run_paused(async {
        let script = Script::new().await;
        let client = Client::builder().idle_timeout(Duration::from_secs(30)).build();
        let url = script.url("/");
        assert_eq!(client.pool().origins, []);
        let mut asked = Box::pin(client.request(request(Method::POST, &url, "")));
        assert!(super::poll_once(&mut asked).is_pending());
        let pool = client.pool();
        assert_eq!((pool.origins[0].connecting, pool.origins[0].waiting, pool.open()), (1, 1, 0));
        let (response, mut peer) = tokio::join!(asked, async {
            let mut peer = script.accept().await;
            peer.request().await;
            assert_eq!((client.pool().origins[0].in_use, client.pool().idle()), (1, 0));
            peer.send(OK).await;
            peer
        });
        read(response).await.unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        let pool = client.pool();
        let origin = &pool.origins[0];
        assert_eq!(origin.origin, format!("http://{}", script.address));
        let idle = &origin.idle[0];
        let second = Duration::from_secs(1);
        assert_eq!((idle.id, idle.requests, idle.idle, idle.age), (1, 1, second, second));
        assert_eq!((idle.usable, idle.settled), (Some(29 * second), Duration::from_millis(900)));
        assert_eq!((origin.idle_survived, origin.idle_closed, origin.max_requests), (None, None, None));

        tokio::time::advance(9 * second).await;
        let (response, ()) = tokio::join!(client.get(&url), answer(&mut peer));
        read(response).await.unwrap();
        let pool = client.pool();
        assert_eq!(pool.origins[0].idle_survived, Some(10 * second));
        assert_eq!(pool.origins[0].idle[0].settled, 10 * second, "for a POST too");
        client.close_idle();
        let pool = client.pool();
        assert_eq!((pool.open(), pool.origins[0].idle_survived), (0, Some(10 * second)), "what was learned stays");
    });
}
