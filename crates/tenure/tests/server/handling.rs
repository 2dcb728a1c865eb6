//! A request's turn and its handler's time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use tenure::Body;
use tenure::server::Server;
use tokio::sync::{Notify, Semaphore};
use tokio::time::advance;

use crate::common::*;

const MS: Duration = Duration::from_millis(1);
const LIMIT: Duration = Duration::from_secs(5);

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

/// Tells that it is dropped.
struct Guard(Arc<Notify>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// Time passes up to just before the limit, with no answer; then past it.
async fn pass(peer: &Peer, limit: Duration) {
    settle().await;
    advance(limit - MS).await;
    settle().await;
    assert!(peer.is_quiet(), "too early");
    advance(2 * MS).await;
}

#[test]
fn a_handler_that_takes_too_long_is_stopped_and_its_connection_goes_on() {
    run_paused(async {
        let dropped = Arc::new(Notify::new());
        let inside = Arc::clone(&dropped);
        let served = serve_with(Server::new().handler_timeout(Some(LIMIT)), move |request: Request<Body>| {
            let guard = Guard(Arc::clone(&inside));
            async move {
                if request.uri().path() == "/slow" {
                    std::future::pending::<()>().await;
                }
                std::mem::forget(guard);
                Ok(Response::new(Body::from("quick")))
            }
        });
        let served = served.await;
        let mut peer = served.connect().await;
        // The answer to an earlier request need not wait.
        peer.send([get("/quick"), get("/slow")].concat()).await;
        assert_eq!(peer.response().await.text(), "quick");
        pass(&peer, LIMIT).await;
        let response = peer.response().await;
        assert_eq!((response.status(), &*response.connection()), (503, ""));
        assert_eq!(response.field("retry-after"), None, "nobody knows how far the handler came");
        dropped.notified().await;
        assert_eq!(peer.ask(get("/quick")).await.text(), "quick");
    });
}

#[test]
fn without_a_limit_a_handler_may_take_for_ever() {
    run_paused(async {
        let gate = Arc::new(Notify::new());
        let inside = Arc::clone(&gate);
        let served = serve(move |_| {
            let gate = Arc::clone(&inside);
            async move {
                gate.notified().await;
                Ok(Response::new(Body::from("at last")))
            }
        });
        let served = served.await;
        let mut peer = served.connect().await;
        peer.send(get("/")).await;
        served.log.received(get("/").len()).await;
        pass(&peer, Duration::from_secs(1_000_000)).await;
        gate.notify_one();
        assert_eq!(peer.response().await.text(), "at last");
    });
}

/// Content left over: what is small is read and thrown away, else the connection closes.
#[test]
fn what_is_left_of_the_content_decides_whether_the_connection_goes_on() {
    run_paused(async {
        for (length, connection) in [(5, ""), (10_000_000, "close")] {
            let server = Server::new().handler_timeout(Some(LIMIT));
            let served = serve_with(server, |_| std::future::pending()).await;
            let mut peer = served.connect().await;
            let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
            peer.send(&head).await;
            served.log.received(head.len()).await;
            pass(&peer, LIMIT).await;
            let response = peer.response().await;
            assert_eq!((response.status(), &*response.connection()), (503, connection));
            if length == 5 {
                peer.send("hello").await;
                peer.send(get("/")).await;
                served.log.received(head.len() + 5 + get("/").len()).await;
                pass(&peer, LIMIT).await;
                assert_eq!(peer.response().await.status(), 503, "the next one is understood");
            }
        }
    });
}

#[test]
fn waiting_for_the_client_is_not_the_handlers_time() {
    run_paused(async {
        let served = serve_with(Server::new().handler_timeout(Some(LIMIT)), |request: Request<Body>| async move {
            let more: u64 = request.uri().path()[1..].parse()?;
            tokio::time::sleep(LIMIT / 5).await;
            let content = body::collect(request.into_body()).await?;
            tokio::time::sleep(Duration::from_millis(more)).await;
            Ok(Response::new(Body::from(content)))
        });
        let served = served.await;
        // A second before the content, and these milliseconds after it.
        for (more, status) in [(3_900, 200), (4_100, 503)] {
            let mut peer = served.connect().await;
            let before = served.log.now().received as usize;
            let head = format!("POST /{more} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
            peer.send(&head).await;
            served.log.received(before + head.len()).await;
            settle().await;
            advance(LIMIT / 5 + MS).await;
            for sent in 1..=4 {
                settle().await;
                advance(LIMIT + LIMIT / 5).await;
                settle().await;
                assert!(peer.is_quiet(), "after {} bytes", sent - 1);
                peer.send("x").await;
                served.log.received(before + head.len() + sent).await;
            }
            settle().await;
            advance(Duration::from_millis(3_901)).await;
            settle().await;
            advance(Duration::from_millis(100)).await;
            assert_eq!(peer.response().await.status(), status);
        }
    });
}

/// A server whose handlers each wait for one permit of the gate, and tell the order in which they began.
struct Gated {
    served: Served,
    gate: Arc<Semaphore>,
    begun: Arc<Mutex<Vec<String>>>,
    changed: Arc<Notify>,
}

impl Gated {
    async fn new(server: Server) -> Self {
        let (gate, begun, changed) =
            (Arc::new(Semaphore::new(0)), Arc::<Mutex<Vec<_>>>::default(), Arc::new(Notify::new()));
        let inside = (Arc::clone(&gate), Arc::clone(&begun), Arc::clone(&changed));
        let served = serve_with(server, move |request: Request<Body>| {
            let (gate, begun, changed) = inside.clone();
            async move {
                let path = request.uri().path().to_owned();
                begun.lock().unwrap().push(path.clone());
                changed.notify_one();
                assert!(path != "/panic", "on purpose");
                gate.acquire().await?.forget();
                Ok(Response::new(Body::from(path)))
            }
        });
        Self { served: served.await, gate, begun, changed }
    }

    fn begun(&self) -> Vec<String> {
        self.begun.lock().unwrap().clone()
    }

    async fn until_begun(&self, count: usize) {
        while self.begun().len() < count {
            self.changed.notified().await;
        }
    }

    /// A new client's request, received by the server.
    async fn send(&self, request: &str) -> Peer {
        let mut peer = self.served.connect().await;
        let before = self.served.log.now().received as usize;
        peer.send(request).await;
        self.served.log.received(before + request.len()).await;
        settle().await;
        peer
    }
}

#[test]
fn further_requests_wait_their_turn_in_order() {
    run_paused(async {
        let gated = Gated::new(Server::new().max_concurrent_requests(2)).await;
        let mut peers = Vec::new();
        for path in ["/1", "/2", "/3", "/4", "/5"] {
            peers.push(gated.send(&get(path)).await);
        }
        for done in 0..=3 {
            gated.until_begun(done + 2).await;
            settle().await;
            assert_eq!(gated.begun(), ["/1", "/2", "/3", "/4", "/5"][..done + 2]);
            gated.gate.add_permits(1);
        }
        gated.gate.add_permits(1);
        for (peer, path) in peers.iter_mut().zip(["/1", "/2", "/3", "/4", "/5"]) {
            assert_eq!(peer.response().await.text(), path);
        }
    });
}

#[test]
fn a_connection_that_waits_its_turn_is_not_read() {
    run_paused(async {
        let gated = Gated::new(Server::new().max_concurrent_requests(1)).await;
        let mut first = gated.send(&get("/1")).await;
        let mut second = gated.send("POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n").await;
        let received = gated.served.log.now().received;
        second.send("hello").await;
        settle().await;
        assert_eq!(gated.served.log.now().received, received);
        gated.gate.add_permits(2);
        assert_eq!(first.response().await.text(), "/1");
        assert_eq!(second.response().await.text(), "/2");
    });
}

#[test]
fn a_turn_that_does_not_come_in_time_is_503_with_an_invitation() {
    run_paused(async {
        let server = Server::new().max_concurrent_requests(1).handler_timeout(Some(LIMIT));
        let gated = Gated::new(server).await;
        let mut first = gated.send(&get("/1")).await;
        advance(LIMIT / 2).await;
        let mut second = gated.send(&get("/2")).await;
        // The first runs out of time before the second: its turn passes on.
        pass(&first, LIMIT / 2).await;
        assert_eq!(first.response().await.status(), 503);
        gated.until_begun(2).await;
        let mut third = gated.send(&get("/3")).await;
        // The second began late, and waited for its turn meanwhile: all that is its time.
        pass(&second, LIMIT / 2 - MS).await;
        assert_eq!(second.response().await.status(), 503);
        gated.until_begun(3).await;
        let mut fourth = gated.send(&get("/4")).await;
        advance(MS).await;
        let fifth = gated.send(&get("/5")).await;
        pass(&third, LIMIT / 2 - 2 * MS).await;
        third.response().await;
        gated.until_begun(4).await;
        // Nobody gives way to the fifth before its time.
        drop(third);
        advance(LIMIT / 2 - 2 * MS).await;
        settle().await;
        assert!(fifth.is_quiet() && fourth.is_quiet());
        gated.gate.add_permits(1);
        assert_eq!(fourth.response().await.text(), "/4");
    });
}

#[test]
fn a_request_whose_turn_never_came_was_seen_by_no_handler() {
    run_paused(async {
        let server = Server::new().max_concurrent_requests(1).handler_timeout(Some(LIMIT));
        let served = serve_with(server, |request: Request<Body>| async move {
            // A handler that waits for its client keeps its turn, and its time stands still.
            body::collect(request.into_body()).await?;
            Ok(Response::new(Body::from("all there")))
        });
        let served = served.await;
        let mut first = served.connect().await;
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n";
        first.send(head).await;
        served.log.received(head.len()).await;
        settle().await;
        let mut second = served.connect().await;
        second.send(get("/")).await;
        served.log.received(head.len() + get("/").len()).await;
        pass(&second, LIMIT).await;
        let response = second.response().await;
        assert_eq!((response.status(), response.field("retry-after"), &*response.connection()), (503, Some("5"), ""));
        assert_eq!(first.ask("x").await.text(), "all there");
        assert_eq!(second.ask(get("/")).await.text(), "all there");
    });
}

#[test]
fn content_on_its_way_and_a_panic_keep_no_turn() {
    run_paused(async {
        let server = Server::new().max_concurrent_requests(1);
        let (_never, wait) = tokio::sync::oneshot::channel();
        let stream = Arc::new(Mutex::new(Some(body::steps(None, [body::data("part"), body::Step::Wait(wait)]))));
        let served = serve_with(server, move |request: Request<Body>| {
            let stream = Arc::clone(&stream);
            async move {
                assert!(request.uri().path() != "/panic", "on purpose");
                let stream = stream.lock().unwrap().take();
                Ok(Response::new(stream.unwrap_or_else(|| Body::from("next"))))
            }
        });
        let served = served.await;
        let mut slow = served.connect().await;
        slow.send(get("/")).await;
        assert_eq!(slow.head().await.status(), 200);
        let mut panics = served.connect().await;
        panics.send(get("/panic")).await;
        panics.end().await;
        assert_eq!(served.connect().await.ask(get("/")).await.text(), "next");
    });
}
