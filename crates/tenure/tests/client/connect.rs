//! Connections that cannot be made say so clearly.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tenure::client::Resolving;
use tenure::{Client, Fate};
use tenure_testkit::Dead;

use super::{observed, read};
use crate::common::*;

#[test]
fn a_refused_connection() {
    run(async {
        let script = Script::new().await;
        let (url, address) = (script.url("/"), script.address);
        drop(script);
        let (client, log) = observed(Client::builder().connections_per_origin(1));
        for _ in 0..3 {
            let error = client.get(&url).await.unwrap_err();
            assert!(error.is_connect() && !error.is_timeout(), "{error}");
            assert_eq!(error.fate(), Fate::NotSent);
            let text = error.to_string();
            assert!(text.contains(&address.to_string()) && text.contains("refused"), "{text}");
        }
        assert_eq!(log.now().opened, 0);
    });
}

#[test]
fn a_name_without_an_address() {
    run(async {
        // RFC 6761 section 6.4: `invalid` never resolves.
        let error = Client::new().get("http://no-such-host.invalid/").await.unwrap_err();
        assert!(error.is_connect(), "{error}");
        assert_eq!(error.fate(), Fate::NotSent);
        assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
    });
}

#[test]
fn a_connection_that_does_not_come_about() {
    run(async {
        let dead = Dead::at(([127, 0, 0, 1], 0).into()).unwrap();
        let address = dead.address().unwrap();
        let client = Client::builder().connect_timeout(Duration::from_millis(20)).build();
        let error = client.get(format!("http://{address}/")).await.unwrap_err();
        assert!(error.is_connect() && error.is_timeout(), "{error}");
        assert_eq!(error.fate(), Fate::NotSent);
        assert!(error.to_string().contains("20ms"), "{error}");
    });
}

#[test]
fn every_address_of_a_name_is_tried() {
    run(async {
        // `localhost` may be ::1 first, where nobody listens.
        let script = Script::new().await;
        let client = Client::new();
        let url = format!("http://localhost:{}/", script.address.port());
        let (answer, host) = tokio::join!(async { read(client.get(&url).await).await }, async {
            let mut peer = script.accept().await;
            let request = peer.request().await;
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            request.field("host").unwrap().to_owned()
        });
        assert_eq!(answer.unwrap().1, "ok");
        assert_eq!(host, format!("localhost:{}", script.address.port()));
    });
}

#[test]
#[cfg(not(feature = "tls"))]
fn https_without_the_feature_says_what_is_needed() {
    run(async {
        let script = Script::new().await;
        let error = Client::new().get(format!("https://{}/", script.address)).await.unwrap_err();
        assert!(error.is_connect() && error.to_string().contains("feature"), "{error}");
    });
}

/// The one that refuses comes last from then on.
#[test]
fn an_address_that_refuses_keeps_nobody_from_the_others() {
    run(async {
        let script = Script::new().await;
        let dead = Script::new().await.address;
        let client = Client::builder().resolve("Name.test", [dead, script.address]).build();
        let mut peers = Vec::new();
        for n in 1..=4 {
            assert_eq!(client.preconnect("http://name.test/", n).await.unwrap(), 1);
            peers.push(script.accept().await);
        }
    });
}

#[test]
fn new_connections_take_turns_with_a_names_addresses_and_follow_it_to_others() {
    run(async {
        let scripts = [Script::new().await, Script::new().await, Script::new().await];
        let known = Arc::new(Mutex::new(vec![scripts[0].address, scripts[1].address]));
        let resolver = {
            let known = Arc::clone(&known);
            move |host: &str, port: u16| -> Resolving {
                assert_eq!((host, port), ("name.test", 8080));
                let known = known.lock().unwrap().clone();
                Box::pin(async move { Ok(known) })
            }
        };
        let client = Client::builder().resolver(Arc::new(resolver)).build();
        assert_eq!(client.preconnect("http://Name.test:8080/", 4).await.unwrap(), 4);
        let mut peers = Vec::new();
        for script in &scripts[..2] {
            peers.extend([script.accept().await, script.accept().await]);
            assert!(script.is_quiet());
        }
        *known.lock().unwrap() = vec![scripts[2].address];
        assert_eq!(client.preconnect("http://name.test:8080/", 5).await.unwrap(), 1);
        scripts[2].accept().await;
    });
}

#[test]
fn a_resolvers_error_is_told() {
    run(async {
        let resolver = |_: &str, _: u16| -> Resolving { Box::pin(async { Err(std::io::Error::other("no idea")) }) };
        let error = Client::builder().resolver(Arc::new(resolver)).build().get("http://name.test/").await.unwrap_err();
        assert!(error.is_connect() && error.to_string().contains("no idea"), "{error}");
    });
}
