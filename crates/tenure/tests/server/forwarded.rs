//! For whom a request is: `Server::forwarded`.

use http::{Request, Response, StatusCode};
use tenure::server::Server;
use tenure::server::forwarded::ForwardedField;
use tenure::server::network::TrustedPeer;
use tenure::server::proxy_protocol::ProxyProtocol;
use tenure::server::raw;
use tenure::{Body, ConnectionInfo};

use crate::common::*;

async fn client(request: Request<Body>) -> Result<Response<Body>, BoxError> {
    let info = request.extensions().get::<ConnectionInfo>().ok_or("no connection info")?;
    Ok(Response::new(Body::from(said(info))))
}

fn client_raw(request: &raw::Request<'_>, response: raw::Response<'_>) -> raw::Answered {
    response.send(StatusCode::OK, &[], said(request.connection()).as_bytes())
}

fn said(info: &ConnectionInfo) -> String {
    info.client.map_or_else(|| "nobody knows".to_owned(), |client| client.to_string())
}

fn trusted(peer: &str) -> Vec<TrustedPeer> {
    vec![peer.parse().unwrap()]
}

fn get(fields: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

/// On one connection: whom each request is for is its own affair.
async fn tell(served: &Served, cases: &[(&str, &str)]) {
    let mut peer = served.connect().await;
    for (fields, expected) in cases {
        assert_eq!(peer.ask(get(fields)).await.text(), *expected, "{fields}");
    }
}

const CASES: [(&str, &str); 5] = [
    ("X-Forwarded-For: 192.0.2.60\r\n", "192.0.2.60"),
    ("x-forwarded-for: 6.6.6.6\r\nX-Forwarded-For: 192.0.2.61, 127.0.0.9\r\n", "192.0.2.61"),
    ("Forwarded: for=6.6.6.6\r\n", "127.0.0.1"),
    ("X-Forwarded-For: unknown\r\n", "nobody knows"),
    ("", "127.0.0.1"),
];

#[test]
fn a_trusted_proxy_says_for_whom_each_request_is() {
    run(async {
        let server = || Server::new().forwarded(ForwardedField::XForwardedFor, trusted("127.0.0.0/8"));
        tell(&serve_with(server(), client).await, &CASES).await;
        tell(&serve_raw_with(server(), client_raw).await, &CASES).await;
    });
}

#[test]
fn the_field_of_rfc_7239_is_read_if_it_is_the_one() {
    run(async {
        let server = || Server::new().forwarded(ForwardedField::Forwarded, trusted("127.0.0.1"));
        let cases = [("X-Forwarded-For: 6.6.6.6\r\nForwarded: for=\"[2001:db8::7]:80\"\r\n", "2001:db8::7")];
        tell(&serve_with(server(), client).await, &cases).await;
        tell(&serve_raw_with(server(), client_raw).await, &cases).await;
    });
}

#[test]
fn nobody_else_is_believed() {
    run(async {
        for server in [Server::new(), Server::new().forwarded(ForwardedField::XForwardedFor, trusted("10.0.0.0/8"))] {
            let served = serve_with(server, client).await;
            tell(&served, &[("X-Forwarded-For: 192.0.2.60\r\n", "127.0.0.1")]).await;
        }
    });
}

#[test]
fn behind_the_proxy_protocol_its_client_is_the_peer() {
    run(async {
        let server = Server::new()
            .proxy_protocol(ProxyProtocol::Required { trusted: trusted("127.0.0.1") })
            .forwarded(ForwardedField::XForwardedFor, trusted("192.0.2.7"));
        let served = serve_with(server, client).await;
        let mut peer = served.connect().await;
        peer.send("PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n").await;
        assert_eq!(peer.ask(get("")).await.text(), "192.0.2.7");
        assert_eq!(peer.ask(get("X-Forwarded-For: 203.0.113.5\r\n")).await.text(), "203.0.113.5");
    });
}
