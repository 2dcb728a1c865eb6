//! TLS together with what else a server can be: raw, on workers, behind a proxy.

use std::num::NonZeroUsize;
use std::sync::Mutex;

use http::StatusCode;
use tenure::CloseReason;
use tenure::server::proxy_protocol::ProxyProtocol;
use tenure::server::raw;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::*;

const WORKERS: NonZeroUsize = NonZeroUsize::new(2).unwrap();
const PROXY: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n";

fn facts_raw(request: &raw::Request<'_>, response: raw::Response<'_>) -> raw::Answered {
    match told(request.connection()) {
        Ok(facts) => {
            response.send(StatusCode::OK, &[], [facts.as_bytes(), b" ", request.content()].concat().as_slice())
        }
        Err(_) => response.send(StatusCode::INTERNAL_SERVER_ERROR, &[], b""),
    }
}

#[test]
fn a_raw_handler_is_served_over_tls_and_ends_with_a_farewell() {
    run(async {
        let place = Place::new();
        let served = serve_raw_with(place.server(), facts_raw).await;
        let mut peer = connect(served.address, &place.trusting).await;
        peer.send(GET.repeat(16)).await;
        for request in 1..=16 {
            assert_eq!(peer.response().await.text(), format!("1 {request} Tls13 - localhost full "));
        }
        assert_eq!((served.log.now().reads, served.log.now().writes), (1, 1));
        // Content that comes in two records, then a request that says close.
        peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc").await;
        peer.send("def").await;
        assert!(peer.response().await.text().ends_with(" full abcdef"));
        peer.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert_eq!(peer.response().await.connection(), "close");
        // rustls' client takes an end without the closure alert for an error.
        peer.end().await;
    });
}

/// Who asked, and over what.
async fn who(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    let info = request.extensions().get::<ConnectionInfo>().ok_or("no connection info")?;
    Ok(Response::new(Body::from(format!("{:?} {}", info.peer, told(info)?))))
}

/// Connects as a proxy does that speaks for a client: its header is in the clear, before the handshake.
async fn proxied(served: &Served, place: &Place, header: &[u8]) -> std::io::Result<Secure> {
    use tokio::io::AsyncWriteExt;
    let mut tcp = TcpStream::connect(served.address).await?;
    tcp.set_nodelay(true)?;
    tcp.write_all(header).await?;
    let name = ServerName::try_from("localhost").unwrap();
    Ok(Peer::over(TlsConnector::from(Arc::clone(&place.trusting)).connect(name, tcp).await?))
}

#[test]
fn a_proxy_header_comes_before_the_handshake() {
    run(async {
        let place = Place::new();
        let server =
            place.server().proxy_protocol(ProxyProtocol::Required { trusted: vec!["127.0.0.1".parse().unwrap()] });
        let served = serve_with(server, who).await;
        let mut peer = proxied(&served, &place, PROXY).await.expect("a handshake");
        for request in 1..=2 {
            let expected = format!("Some(192.0.2.7:56324) 1 {request} Tls13 - localhost full");
            assert_eq!(peer.ask(GET).await.text(), expected);
        }
        drop(peer);
        served.log.closed(1).await;
        assert!(proxied(&served, &place, b"").await.is_err(), "a handshake is no header");
        assert_eq!(served.log.closed(2).await[1], CloseReason::Malformed);
    });
}

#[test]
fn workers_speak_tls_and_resume_each_others_sessions() {
    run(async {
        let place = Place::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let threads = Arc::new(Mutex::new(Vec::new()));
        let make = || {
            let threads = Arc::clone(&threads);
            tower::service_fn(move |request| {
                threads.lock().unwrap().push(std::thread::current().id());
                facts(request)
            })
        };
        let served = place.server().serve_workers(WORKERS, listener, make, stopped);
        let ask = async {
            let mut first = connect(address, &place.trusting).await;
            assert!(first.ask(GET).await.text().ends_with(" full"));
            let mut second = connect(address, &place.trusting).await;
            assert!(second.ask(GET).await.text().ends_with(" resumed"), "a ticket of the other worker");
            drop(stop);
            for mut peer in [first, second] {
                peer.end().await;
            }
        };
        tokio::join!(served, ask).0.unwrap();
        let threads = threads.lock().unwrap();
        assert!(threads.len() == 2 && threads[0] != threads[1], "{threads:?}");
    });
}

#[test]
fn raw_workers_speak_tls_too() {
    run(async {
        let place = Place::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = place.server().serve_raw_workers(WORKERS, listener, || facts_raw, stopped);
        let ask = async {
            let mut peers = [connect(address, &place.trusting).await, connect(address, &place.trusting).await];
            for peer in &mut peers {
                assert!(peer.ask(GET).await.text().contains(" 1 Tls13 - localhost "));
            }
            drop(stop);
            for mut peer in peers {
                peer.end().await;
            }
        };
        tokio::join!(served, ask).0.unwrap();
    });
}
