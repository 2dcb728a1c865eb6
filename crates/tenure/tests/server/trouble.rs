//! Handlers that fail or panic, clients that vanish: each costs its own connection and no other.

use http::{Request, Response};
use tenure::{Body, CloseReason};

use crate::common::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

async fn moody(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    match request.uri().path() {
        "/panic" => panic!("on purpose"),
        "/fail" => Err("on purpose".into()),
        _ => Ok(Response::new(Body::from("fine"))),
    }
}

#[test]
fn a_panic_costs_one_connection() {
    run(async {
        let served = serve(moody).await;
        let mut other = served.connect().await;
        assert_eq!(other.ask(GET).await.text(), "fine");
        let mut peer = served.connect().await;
        assert_eq!(peer.ask(GET).await.text(), "fine");
        peer.send("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").await;
        peer.end().await;
        assert_eq!(other.ask(GET).await.text(), "fine");
        assert_eq!(served.connect().await.ask(GET).await.text(), "fine");
        assert_eq!(served.log.closed(1).await, [CloseReason::ApplicationFailed], "the observer hears of it");
    });
}

#[test]
fn a_failed_service_is_500_and_close() {
    run(async {
        let served = serve(moody).await;
        let mut peer = served.connect().await;
        let response = peer.ask("GET /fail HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!((response.status(), &*response.connection()), (500, "close"));
        assert!(!response.text().contains("on purpose"), "the reason is not the client's business");
        peer.end().await;
    });
}

#[test]
fn clients_that_reset_at_any_point_harm_nobody() {
    run(async {
        let served = serve(|request: Request<Body>| async {
            Ok(Response::new(Body::from(body::collect(request.into_body()).await?)))
        });
        let served = served.await;
        let request = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        for cut in 0..=request.len() {
            let mut peer = served.connect().await;
            served.log.until(|log| log.opened == cut + 1).await;
            peer.send(&request[..cut]).await;
            peer.reset();
        }
        served.log.closed(request.len() + 1).await;
        let mut peer = served.connect().await;
        assert_eq!(peer.ask(request).await.text(), "hello");
    });
}

#[test]
fn dropping_the_server_ends_its_connections() {
    run(async {
        let served = serve(moody).await;
        let mut peer = served.connect().await;
        peer.ask(GET).await;
        served.task.abort();
        assert!(served.task.await.unwrap_err().is_cancelled());
        peer.end().await;
        assert_eq!(served.log.closed(1).await, [CloseReason::Shutdown]);
    });
}
