//! Where the time of a request went, on a clock that moves when it is told.

use std::time::Duration;

use http::Method;
use tenure::{Client, ResponseExt};
use tokio::time::advance;

use super::{read, request};
use crate::common::*;

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn each_part_is_told_as_it_ends() {
    run_paused(async {
        let script = Script::new().await;
        let client = Client::builder().connections_per_origin(1).build();
        let url = script.url("/");
        let (response, mut peer) = tokio::join!(client.get(&url), async {
            let mut peer = script.accept().await;
            peer.request().await;
            advance(secs(3)).await;
            peer.send(HEAD).await;
            peer
        });
        let response = response.unwrap();
        let timing = response.timing().unwrap().clone();
        let connection = response.connection().unwrap();
        assert_eq!((connection.id, connection.is_reused()), (1, false));
        assert_eq!((timing.queue(), timing.send(), timing.wait()), (secs(0), Some(secs(0)), secs(3)));
        assert!(timing.dns().is_some() && timing.connect().is_some());
        assert_eq!((timing.tls(), timing.receive()), (None, None));

        // One more waits its turn until this one has been read.
        let mut waiting = Box::pin(client.request(request(Method::POST, &url, "content")));
        assert!(is_pending(&mut waiting));
        advance(secs(2)).await;
        let (content, ()) = tokio::join!(read(Ok(response)), peer.send("ok"));
        content.unwrap();
        assert_eq!(timing.receive(), Some(secs(2)));

        let (response, ()) = tokio::join!(waiting, async {
            peer.request().await;
            peer.send(format!("{HEAD}ok")).await;
        });
        let response = response.unwrap();
        let timing = response.timing().unwrap().clone();
        assert_eq!(timing.queue(), secs(2));
        assert_eq!((timing.dns(), timing.connect(), timing.tls()), (None, None, None), "it was there already");
        assert!(response.connection().unwrap().is_reused());
        read(Ok(response)).await.unwrap();
        assert_eq!(timing.receive(), Some(secs(0)));
    });
}

/// The answer comes before the request is sent: nothing was waited for.
#[test]
fn an_early_answer_was_not_waited_for() {
    run_paused(async {
        let script = Script::new().await;
        let client = Client::new();
        let url = script.url("/");
        let (go, wait) = tokio::sync::oneshot::channel();
        let body = body::steps(Some(2), [body::data("1"), body::Step::Wait(wait), body::data("2")]);
        let (response, mut peer) = tokio::join!(client.request(request(Method::POST, &url, body)), async {
            let mut peer = script.accept().await;
            peer.head().await;
            peer.send(HEAD).await;
            peer
        });
        let response = response.unwrap();
        let timing = response.timing().unwrap().clone();
        assert_eq!((timing.send(), timing.wait()), (None, secs(0)));
        advance(secs(4)).await;
        drop(go);
        let (content, ()) = tokio::join!(read(Ok(response)), async {
            peer.exactly(2).await.unwrap();
            peer.send("ok").await;
        });
        content.unwrap();
        assert_eq!((timing.send(), timing.receive()), (Some(secs(4)), Some(secs(4))));
    });
}

/// A connection uses the room for what it tells again, but not while somebody looks at it.
#[test]
fn what_was_told_of_one_request_stays_when_the_next_has_begun() {
    run(async {
        let served = serve(async |_| Ok::<_, BoxError>(http::Response::new("ok".into()))).await;
        let client = Client::new();
        let mut kept = Vec::new();
        for number in 1..=3 {
            let response = client.get(served.url("/")).await.unwrap();
            kept.push((number, response.timing().unwrap().clone(), response));
            for (number, timing, response) in &kept {
                assert_eq!(response.connection().unwrap().request, *number);
                let times = |timing: &tenure::Timing| (timing.queue(), timing.send(), timing.wait(), timing.receive());
                assert_eq!(times(timing), times(response.timing().unwrap()));
            }
        }
        assert_eq!(client.pool().open(), 1);
    });
}

/// Layers may put bodies of their own around the response's.
#[test]
fn through_tower_the_facts_outlive_the_body_they_came_with() {
    run(async {
        use tower::ServiceExt as _;
        let served = serve(async |_| Ok::<_, BoxError>(http::Response::new("ok".into()))).await;
        let layered = tower::ServiceBuilder::new()
            .map_response(|response: http::Response<tenure::Body>| response.map(http_body_util::BodyExt::boxed_unsync))
            .service(Client::new());
        let response = layered.oneshot(request(Method::GET, &served.url("/"), "")).await.unwrap();
        assert_eq!(response.connection().unwrap().id, 1);
        assert!(response.timing().unwrap().send().is_some());
        // Without tower they go with the body.
        let response = Client::new().get(served.url("/")).await.unwrap();
        assert!(response.connection().is_some() && response.map(|_| ()).connection().is_none());
    });
}
