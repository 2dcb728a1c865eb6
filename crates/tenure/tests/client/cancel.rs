//! Requests whose futures are dropped, at every stage: nothing may leak from the pool.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use http::{Method, Request, Response};
use http_body_util::BodyExt;
use tenure::{Body, Client};
use tenure_testkit::Dead;
use tokio::sync::Barrier;

use super::{observed, read, request};
use crate::common::*;

const LIMIT: usize = 3;

/// `/together` answers when so many requests are inside at once; all else when it has the content.
async fn together() -> Served {
    let barrier = Arc::new(Barrier::new(LIMIT));
    serve(move |request: Request<Body>| {
        let barrier = Arc::clone(&barrier);
        async move {
            match request.uri().path() {
                "/together" => {
                    barrier.wait().await;
                }
                "/never" => std::future::pending().await,
                _ => drop(body::collect(request.into_body()).await?),
            }
            Ok(Response::new(Body::from(vec![b'x'; 300_000])))
        }
    })
    .await
}

/// The pool still serves as many requests at once as it may, and no more.
async fn is_whole(client: &Client, log: &Log, url: &str) {
    let all: Vec<_> = (0..2 * LIMIT)
        .map(|_| {
            let (client, url) = (client.clone(), url.to_owned());
            tokio::spawn(async move { read(client.get(url).await).await.unwrap().1.len() })
        })
        .collect();
    for one in all {
        assert_eq!(one.await.unwrap(), 300_000);
    }
    assert!(log.now().most <= LIMIT, "{}", log.now().most);
}

/// The request's future is polled so many times, then dropped: whatever stage that is.
#[test]
fn dropped_after_any_number_of_polls() {
    run_threads(async {
        let served = together().await;
        let (client, log) = observed(Client::builder().connections_per_origin(LIMIT));
        for polls in 0..60 {
            let all: Vec<_> = (0..2 * LIMIT)
                .map(|n| {
                    let (client, url) = (client.clone(), served.url("/"));
                    tokio::spawn(async move {
                        let content = vec![b'x'; if n % 2 == 0 { 0 } else { 3_000_000 }];
                        let mut exchange =
                            Box::pin(
                                async move { read(client.request(request(Method::POST, &url, content)).await).await },
                            );
                        let mut left = polls + n;
                        std::future::poll_fn(|cx| {
                            left = left.saturating_sub(1);
                            if exchange.as_mut().poll(cx).is_ready() || left == 0 {
                                return std::task::Poll::Ready(());
                            }
                            std::task::Poll::Pending
                        })
                        .await;
                    })
                })
                .collect();
            for one in all {
                one.await.unwrap();
            }
            assert!(log.now().most <= LIMIT);
        }
        is_whole(&client, &log, &served.url("/together")).await;
    });
}

#[test]
fn dropped_in_the_queue() {
    run(async {
        let served = together().await;
        let (client, log) = observed(Client::builder().connections_per_origin(LIMIT));
        let held: Vec<_> = (0..LIMIT)
            .map(|_| {
                tokio::spawn({
                    let (client, url) = (client.clone(), served.url("/never"));
                    async move { client.get(url).await.is_ok() }
                })
            })
            .collect();
        served.log.until(|log| log.opened == LIMIT && log.received > 0).await;
        let mut waiting: Vec<_> = (0..10).map(|_| Box::pin(client.get(served.url("/")))).collect();
        for one in &mut waiting {
            assert!(one.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        // Every second one leaves while it waits, then the connections go, then the others, whose
        // turn has come without their knowing.
        let mut odd = false;
        waiting.retain(|_| {
            odd = !odd;
            odd
        });
        for one in held {
            one.abort();
            drop(one.await);
        }
        drop(waiting);
        is_whole(&client, &log, &served.url("/together")).await;
    });
}

#[test]
fn dropped_while_connecting() {
    run(async {
        let Dead { listener, fillers } = Dead::at(([127, 0, 0, 1], 0).into()).unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let address = listener.local_addr().unwrap();

        let (client, log) = observed(Client::builder().connections_per_origin(LIMIT));
        let url = format!("http://{address}/together");
        let mut connecting: Vec<_> = (0..2 * LIMIT).map(|_| Box::pin(client.get(&url))).collect();
        for one in &mut connecting {
            assert!(one.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        for one in &mut connecting {
            let soon = tokio::time::timeout(Duration::from_millis(1), one.as_mut()).await;
            assert!(soon.is_err(), "the queue is full");
        }
        assert_eq!(log.now().opened, 0);
        drop(connecting);
        drop(fillers);

        let barrier = Arc::new(Barrier::new(LIMIT));
        let service = tower::service_fn(move |_: Request<Body>| {
            let barrier = Arc::clone(&barrier);
            async move {
                barrier.wait().await;
                Ok::<_, BoxError>(Response::new(Body::from(vec![b'x'; 300_000])))
            }
        });
        tokio::spawn(tenure::server::serve(listener, service));
        is_whole(&client, &log, &url).await;
    });
}

#[test]
fn dropped_while_sending_waiting_and_reading() {
    run(async {
        let served = together().await;
        let (client, log) = observed(Client::builder().connections_per_origin(LIMIT));
        for _ in 0..3 {
            // Sending: the handler takes nothing.
            let upload = request(Method::POST, &served.url("/never"), vec![b'x'; 50_000_000]);
            let mut sending = Box::pin(client.request(upload));
            let before = log.now().sent;
            tokio::select! {
                _ = &mut sending => panic!("answered"),
                _ = log.until(|log| log.sent > before + 100_000) => {}
            }
            drop(sending);
            // Waiting: the request is sent, the answer never comes.
            let mut waiting = Box::pin(client.get(served.url("/never")));
            let before = served.log.now().received;
            tokio::select! {
                _ = &mut waiting => panic!("answered"),
                _ = served.log.until(|log| log.received > before) => {}
            }
            drop(waiting);
            // Reading.
            let mut body = client.get(served.url("/")).await.unwrap().into_body();
            body.frame().await.unwrap().unwrap();
            drop(body);
        }
        is_whole(&client, &log, &served.url("/together")).await;
    });
}
