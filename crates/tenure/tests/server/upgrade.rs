//! Connections handed over to another protocol (RFC 9110 sections 7.8 and 9.3.6).

use http::{Request, Response, StatusCode};
use tenure::server::OnUpgrade;
use tenure::{Body, CloseReason};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::common::*;

/// Takes every offer, and answers each received byte with its successor.
async fn shift(mut request: Request<Body>) -> Result<Response<Body>, BoxError> {
    let Some(offer) = request.extensions_mut().remove::<OnUpgrade>() else {
        return Ok(Response::new(Body::from("plain")));
    };
    tokio::spawn(async move {
        let mut stream = offer.upgraded().await.unwrap();
        while let Ok(byte) = stream.read_u8().await {
            stream.write_u8(byte + 1).await.unwrap();
        }
        stream.shutdown().await.unwrap();
    });
    if request.method() == http::Method::CONNECT {
        assert_eq!(request.uri().to_string(), "b:443");
        return Ok(Response::new(Body::empty()));
    }
    let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    Ok(response.header("connection", "upgrade").header("upgrade", "shift").body(Body::empty())?)
}

const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: shift\r\n\r\n";

#[test]
fn an_upgrade_hands_over_the_stream_and_what_was_read() {
    run(async {
        let served = serve(shift).await;
        let mut peer = served.connect().await;
        assert_eq!(peer.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.text(), "plain");
        peer.send([UPGRADE, "abc"].concat()).await;
        let head = peer.head().await;
        assert_eq!((head.status(), head.field("upgrade"), &*head.connection()), (101, Some("shift"), "upgrade"));
        assert_eq!(peer.exactly(3).await.unwrap(), b"bcd");
        peer.send("xy").await;
        assert_eq!(peer.exactly(2).await.unwrap(), b"yz");
        peer.fin().await;
        peer.end().await;
        assert_eq!(served.log.closed(1).await, [CloseReason::HandedOver]);
    });
}

#[test]
fn connect_hands_over_the_stream_and_what_was_read() {
    run(async {
        let served = serve(shift).await;
        let mut peer = served.connect().await;
        peer.send("CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\nabc").await;
        let head = peer.head().await;
        assert_eq!((head.status(), head.field("content-length"), head.field("transfer-encoding")), (200, None, None));
        assert_eq!(peer.exactly(3).await.unwrap(), b"bcd");
        peer.fin().await;
        peer.end().await;
    });
}

#[test]
fn a_handler_that_declines_goes_on_in_http() {
    run(async {
        let served = serve(|_| async { Ok(Response::new(Body::from("no"))) }).await;
        let mut peer = served.connect().await;
        for _ in 0..2 {
            assert_eq!(peer.ask(UPGRADE).await.text(), "no");
        }
    });
}

#[test]
fn nobody_is_switched_who_did_not_ask() {
    run(async {
        let served =
            serve(|_| async { Ok(Response::builder().status(101).header("upgrade", "shift").body(Body::empty())?) });
        let served = served.await;
        let mut peer = served.connect().await;
        assert_eq!(peer.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.status(), 500);
    });
}

#[test]
fn an_offer_that_is_not_taken_resolves_to_nothing() {
    run(async {
        let (sender, mut results) = tokio::sync::mpsc::unbounded_channel();
        let served = serve(move |mut request: Request<Body>| {
            let offer = request.extensions_mut().remove::<OnUpgrade>().unwrap();
            let sender = sender.clone();
            tokio::spawn(async move { sender.send(offer.upgraded().await.is_some()) });
            async { Ok(Response::new(Body::from("no"))) }
        });
        let served = served.await;
        served.connect().await.ask(UPGRADE).await;
        assert_eq!(results.recv().await, Some(false));
    });
}
