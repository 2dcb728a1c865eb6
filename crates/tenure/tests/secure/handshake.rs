//! From the first byte to an established connection, or none.

use std::sync::Arc;
use std::time::Duration;

use tenure::CloseReason;
use tokio::time::advance;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::version::TLS12;

use super::*;

const MS: Duration = Duration::from_millis(1);

/// Who trusts the same, with other wishes.
fn wishing(place: &Place, wish: impl FnOnce(&mut ClientConfig)) -> Arc<ClientConfig> {
    let mut config = ClientConfig::clone(&place.trusting);
    wish(&mut config);
    Arc::new(config)
}

#[test]
fn the_handler_sees_what_was_agreed_on_and_a_session_is_resumed() {
    run(async {
        let place = Place::new();
        let served = serve_with(place.server(), facts).await;
        let config = wishing(&place, |config| config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()]);
        let mut peer = connect(served.address, &config).await;
        assert_eq!(peer.ask(GET).await.text(), "1 1 Tls13 http/1.1 localhost full");
        assert_eq!(peer.ask(GET).await.text(), "1 2 Tls13 http/1.1 localhost full");
        let mut again = connect(served.address, &config).await;
        assert_eq!(again.ask(GET).await.text(), "2 1 Tls13 http/1.1 localhost resumed");
    });
}

#[test]
fn the_cipher_suite_goes_by_its_registered_name() {
    run(async {
        async fn suite(request: Request<Body>) -> Result<Response<Body>, BoxError> {
            let info = request.extensions().get::<ConnectionInfo>().ok_or("no connection info")?;
            Ok(Response::new(Body::from(info.tls.as_ref().ok_or("no TLS facts")?.cipher_suite.clone())))
        }
        let place = Place::new();
        let served = serve_with(place.server(), suite).await;
        let mut peer = connect(served.address, &place.trusting).await;
        let names = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
        let answer = peer.ask(GET).await;
        assert!(names.contains(&answer.text()), "{}", answer.text());
        let agreed = peer.stream.get_ref().1.negotiated_cipher_suite().unwrap().suite();
        assert_eq!(format!("{agreed:?}").replace("TLS13", "TLS"), answer.text());
    });
}

#[test]
fn tls_1_2_is_spoken_and_resumed_too() {
    run(async {
        let place = Place::new();
        let served = serve_with(place.server(), facts).await;
        let der = std::fs::read(place.file("chain.pem")).unwrap();
        let mut roots = RootCertStore::empty();
        use tokio_rustls::rustls::pki_types::pem::PemObject;
        roots.add(CertificateDer::from_pem_slice(&der).unwrap()).unwrap();
        let config = ClientConfig::builder_with_protocol_versions(&[&TLS12]);
        let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
        for (id, how) in [(1, "full"), (2, "resumed")] {
            let mut peer = connect(served.address, &config).await;
            assert_eq!(peer.ask(GET).await.text(), format!("{id} 1 Tls12 - localhost {how}"));
        }
    });
}

#[test]
fn a_client_that_speaks_no_http_1_is_refused_by_name() {
    run(async {
        let place = Place::new();
        let served = serve_with(place.server(), facts).await;
        let config = wishing(&place, |config| config.alpn_protocols = vec![b"h2".to_vec()]);
        let error = try_connect(served.address, &config).await.err().expect("no handshake");
        assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
        assert_eq!(served.log.closed(1).await, [CloseReason::Malformed]);
    });
}

#[test]
fn a_request_in_the_clear_is_answered_by_an_alert_and_a_clean_end() {
    run(async {
        let place = Place::new();
        let served = serve_with(place.server(), facts).await;
        let mut peer = served.connect().await;
        peer.send(GET).await;
        peer.fin().await;
        let answer = peer.rest().await;
        assert_eq!((answer.first(), answer.len()), (Some(&21), 7), "one alert record");
        assert_eq!(served.log.closed(1).await, [CloseReason::Malformed]);
    });
}

#[test]
fn a_handshake_has_its_own_timeout_and_holds_up_nobody() {
    run_paused(async {
        let place = Place::new();
        let served = serve_with(place.server(), facts).await;
        let mut silent = served.connect().await;
        let mut slow = served.connect().await;
        // The first bytes of a ClientHello: a record of 512 bytes begins.
        slow.send([22, 3, 1, 2, 0, 1, 0, 1, 252]).await;
        served.log.until(|log| log.opened == 2).await;
        settle().await;
        assert!(connect(served.address, &place.trusting).await.ask(GET).await.text().starts_with("3 1 "));
        served.log.closed(1).await;
        advance(Duration::from_secs(10) - MS).await;
        settle().await;
        assert_eq!(served.log.now().closed.len(), 1, "10 s are not over");
        advance(2 * MS).await;
        assert_eq!(served.log.closed(3).await[1..], [CloseReason::TimedOut; 2]);
        silent.end().await;
        assert!(slow.rest().await.is_empty());
    });
}

#[test]
fn the_timeout_of_the_handshake_can_be_set() {
    run_paused(async {
        let place = Place::new();
        let served = serve_with(place.server().handshake_timeout(3 * MS), facts).await;
        let mut peer = served.connect().await;
        served.log.until(|log| log.opened == 1).await;
        settle().await;
        advance(4 * MS).await;
        assert_eq!(served.log.closed(1).await, [CloseReason::TimedOut]);
        peer.end().await;
    });
}

#[test]
fn a_client_that_goes_during_the_handshake_is_no_trouble() {
    run(async {
        let place = Place::new();
        let served = serve_with(place.server(), facts).await;
        let mut peer = served.connect().await;
        peer.send([22, 3, 1]).await;
        peer.fin().await;
        peer.end().await;
        assert_eq!(served.log.closed(1).await, [CloseReason::PeerFin]);
        assert!(connect(served.address, &place.trusting).await.ask(GET).await.text().starts_with("2 1 "));
    });
}
