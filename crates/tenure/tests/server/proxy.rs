//! Connections that begin with a PROXY protocol header: `Server::proxy_protocol`.

use std::time::Duration;

use http::{Request, Response};
use tenure::server::Server;
use tenure::server::proxy_protocol::ProxyProtocol;
use tenure::{Body, CloseReason, ConnectionInfo};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::advance;

use crate::common::*;

const MS: Duration = Duration::from_millis(1);
const FIRST: Duration = Duration::from_secs(30);
const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const V1: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n";
/// The same addresses, with an extension of no meaning.
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10\xc0\0\x02\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb\x04\0\x01x";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
const SAID: &str = "Some(192.0.2.7:56324) Some(198.51.100.1:443)";

async fn ends(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    let info = request.extensions().get::<ConnectionInfo>().ok_or("no connection info")?;
    Ok(Response::new(Body::from(format!("{:?} {:?}", info.peer, info.local))))
}

fn trusting(peer: &str) -> Server {
    let trusted = vec![peer.parse().unwrap()];
    Server::new().proxy_protocol(ProxyProtocol::Required { trusted }).connection_info(true)
}

async fn proxied() -> Served {
    serve_with(trusting("127.0.0.1"), ends).await
}

/// Nothing comes but the end, of either kind: what was sent may be unread.
async fn cut(peer: &mut Peer) {
    while let Ok(true) = peer.fill().await {}
    assert!(peer.unread.is_empty(), "an answer: {:?}", String::from_utf8_lossy(&peer.unread));
}

#[test]
fn the_ends_that_the_header_names_outlive_parking() {
    for header in [V1, V2] {
        run_paused(async move {
            let served = proxied().await;
            let mut peer = served.connect().await;
            // Header and requests in one piece: no byte is lost, none is taken for another.
            peer.send([header, GET.as_bytes(), GET.as_bytes()].concat()).await;
            for _ in 0..2 {
                assert_eq!(peer.response().await.text(), SAID);
            }
            settle().await;
            advance(Duration::from_secs(2)).await;
            if cfg!(target_os = "linux") {
                all_parked().await;
            }
            assert_eq!(peer.ask(GET).await.text(), SAID);
        });
    }
}

#[test]
fn a_header_may_come_byte_by_byte() {
    for header in [V1, V2] {
        run_paused(async move {
            let served = proxied().await;
            let mut peer = served.connect().await;
            for byte in header {
                peer.send([*byte]).await;
                settle().await;
            }
            assert_eq!(peer.ask(GET).await.text(), SAID);
        });
    }
}

#[test]
fn a_connection_of_the_proxys_own_keeps_its_ends() {
    run(async {
        let served = proxied().await;
        let mut peer = served.connect().await;
        peer.send(LOCAL).await;
        let own = format!("Some({}) Some({})", peer.stream.local_addr().unwrap(), served.address);
        assert_eq!(peer.ask(GET).await.text(), own);
    });
}

#[test]
fn a_peer_that_is_not_trusted_is_closed_unread() {
    run(async {
        let served = proxied().await;
        let mut peer = Peer::connect_from("127.0.0.2", served.address).await;
        peer.end().await;
        let log = served.log.now();
        assert_eq!((log.closed, log.received), (vec![(1, CloseReason::Untrusted, 0)], 0));
    });
}

#[test]
fn what_is_no_header_ends_the_connection_without_an_answer() {
    run(async {
        let served = proxied().await;
        for (n, bytes) in [GET, "PROXY TCP4 nonsense\r\n", "\u{16}\u{3}\u{1}"].into_iter().enumerate() {
            let mut peer = served.connect().await;
            peer.send(bytes).await;
            cut(&mut peer).await;
            assert_eq!(served.log.closed(n + 1).await[n], CloseReason::Malformed, "{bytes:?}");
        }
        let mut peer = served.connect().await;
        peer.send("PROXY").await;
        peer.fin().await;
        cut(&mut peer).await;
        assert_eq!(served.log.closed(4).await[3], CloseReason::PeerFin);
    });
}

#[test]
fn a_header_must_come_within_the_time_for_the_first_byte() {
    run_paused(async {
        let served = proxied().await;
        let mut peer = served.connect().await;
        peer.send("PROXY").await;
        served.log.until(|log| log.opened == 1).await;
        settle().await;
        advance(FIRST - MS).await;
        settle().await;
        assert_eq!(served.log.now().closed, [], "too early");
        advance(2 * MS).await;
        peer.end().await;
        assert_eq!(served.log.closed(1).await, [CloseReason::TimedOut]);
    });
}

#[test]
fn a_drain_waits_a_grace_for_a_header_and_no_longer() {
    run_paused(async {
        let mut served = proxied().await;
        let (mut silent, mut late) = (served.connect().await, served.connect().await);
        served.log.until(|log| log.opened == 2).await;
        served.stop();
        settle().await;
        advance(Duration::from_millis(900)).await;
        late.send(V1).await;
        let response = late.ask(GET).await;
        assert_eq!((response.text(), &*response.connection()), (SAID, "close"));
        advance(Duration::from_millis(101)).await;
        silent.end().await;
        drop(late);
        served.task.await.unwrap().unwrap();
        assert_eq!(served.log.closed(2).await, [CloseReason::Shutdown; 2]);
    });
}

#[test]
fn a_limit_by_address_counts_the_client_not_the_proxy() {
    run(async {
        let served = serve_with(trusting("127.0.0.1").max_connections_per_address(1), ends).await;
        let mut first = served.connect().await;
        first.send(V1).await;
        assert_eq!(first.ask(GET).await.text(), SAID);
        let mut second = served.connect().await;
        second.send(V2).await;
        cut(&mut second).await;
        assert_eq!(served.log.closed(1).await, [CloseReason::AddressLimit]);
        let mut other = served.connect().await;
        other.send(b"PROXY TCP4 192.0.2.8 198.51.100.1 56324 443\r\n").await;
        assert_eq!(other.ask(GET).await.status(), 200);
    });
}

#[test]
fn a_proxy_on_a_unix_socket_speaks_for_its_clients() {
    run(async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        tokio::spawn(trusting("unix").serve(listener, tower::service_fn(ends), std::future::pending::<()>()));
        let mut peer = UnixStream::connect(&path).await.unwrap();
        for part in [&V1[..9], &V1[9..], GET.as_bytes()] {
            peer.write_all(part).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut text = Vec::new();
        while !text.ends_with(SAID.as_bytes()) {
            assert!(peer.read_buf(&mut text).await.unwrap() > 0, "cut: {:?}", String::from_utf8_lossy(&text));
        }
    });
}
