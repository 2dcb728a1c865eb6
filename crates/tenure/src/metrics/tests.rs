//! Each event, and what the recorder holds after it.

use std::collections::BTreeMap;

use http::StatusCode;
use metrics::with_local_recorder;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use super::*;
use crate::observe::{TlsFacts, TlsVersion};

fn info(request: u64) -> ConnectionInfo {
    let (age, idle) = (Duration::ZERO, Duration::ZERO);
    ConnectionInfo {
        id: 1,
        request,
        peer: None,
        local: None,
        client: None,
        server: None,
        age,
        idle,
        tls: None,
        pipelined: None,
    }
}

/// What a client knows beside that.
fn to_a_server(info: ConnectionInfo) -> ConnectionInfo {
    ConnectionInfo { server: Some(ServerAddress { host: "a.example".into(), port: 8080 }), ..info }
}

fn opened(server: Option<ServerAddress>) -> Opened {
    Opened { id: 1, peer: None, server, took: Duration::ZERO, round_trip: None }
}

fn exchange(method: &str) -> Exchanged<'_> {
    Exchanged {
        connection: info(1),
        method,
        target: "/",
        version: Version::Http11,
        referer: None,
        user_agent: None,
        status: Some(StatusCode::OK),
        request_content: 3,
        response_content: 5,
        head_after: Some(Duration::from_millis(250)),
        took: Duration::from_secs(2),
        is_complete: true,
    }
}

/// Everything recorded since the last look, by name and labels: a look sets all back to zero.
fn recorded(snapshotter: &Snapshotter) -> BTreeMap<String, String> {
    let metrics = snapshotter.snapshot().into_vec().into_iter().map(|(key, _, _, value)| {
        let labels = key.key().labels().map(|label| format!("{}={}", label.key(), label.value()));
        let name = std::iter::once(key.key().name().to_owned()).chain(labels).collect::<Vec<_>>().join(" ");
        let value = match value {
            DebugValue::Counter(n) => n.to_string(),
            DebugValue::Gauge(n) => n.to_string(),
            DebugValue::Histogram(values) => values.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        };
        (name, value)
    });
    metrics.collect()
}

fn with(make: fn() -> Metrics, test: impl FnOnce(&Metrics, &Snapshotter)) {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    with_local_recorder(&recorder, || test(&make(), &snapshotter));
}

fn states(recorded: &BTreeMap<String, String>) -> [String; 3] {
    ["idle", "active", "parked"]
        .map(|state| recorded[&format!("http.server.open_connections http.connection.state={state}")].clone())
}

#[test]
fn a_connection_is_in_one_state_at_a_time() {
    with(Metrics::server, |metrics, snapshotter| {
        let moved = || states(&recorded(snapshotter));
        metrics.opened(opened(None));
        assert_eq!(moved(), ["1", "0", "0"]);
        metrics.began(&info(1), "GET");
        assert_eq!(moved(), ["-1", "1", "0"]);
        metrics.exchanged(&exchange("GET"));
        assert_eq!(moved(), ["1", "-1", "0"]);
        metrics.parked(1);
        assert_eq!(moved(), ["-1", "0", "1"]);
        metrics.woken(1);
        assert_eq!(moved(), ["1", "0", "-1"]);
        metrics.closed(1, CloseReason::Idle, 7);
        let all = recorded(snapshotter);
        assert_eq!(states(&all), ["-1", "0", "0"]);
        assert_eq!(all["tenure.connection.closed role=server reason=idle"], "1");
        assert_eq!(all["http.server.connection.requests"], "7");
    });
}

#[test]
fn an_exchange_has_its_duration_and_sizes() {
    with(Metrics::server, |metrics, snapshotter| {
        metrics.began(&info(1), "POST");
        assert_eq!(recorded(snapshotter)["http.server.active_requests http.request.method=POST url.scheme=http"], "1");
        metrics.exchanged(&exchange("POST"));
        let all = recorded(snapshotter);
        let labels =
            "http.request.method=POST url.scheme=http http.response.status_code=200 network.protocol.version=1.1";
        assert_eq!(all["http.server.active_requests http.request.method=POST url.scheme=http"], "-1");
        assert_eq!(all[&format!("http.server.request.duration {labels}")], "2");
        assert_eq!(all[&format!("http.server.request.body.size {labels}")], "3");
        assert_eq!(all[&format!("http.server.response.body.size {labels}")], "5");
    });
}

#[test]
fn failures_have_a_type_and_unknown_methods_share_a_label() {
    with(Metrics::server, |metrics, snapshotter| {
        metrics.exchanged(&Exchanged { status: Some(StatusCode::BAD_GATEWAY), ..exchange("get") });
        metrics.exchanged(&Exchanged { status: None, is_complete: false, ..exchange("") });
        metrics.not_accepted(&io::ErrorKind::Other.into());
        let all = recorded(snapshotter);
        for labels in [
            "http.response.status_code=502 network.protocol.version=1.1 error.type=502",
            "network.protocol.version=1.1 error.type=incomplete",
        ] {
            assert!(all.contains_key(&format!(
                "http.server.request.duration http.request.method=_OTHER url.scheme=http {labels}"
            )));
        }
        assert_eq!(all["tenure.connection.not_accepted"], "1");
    });
}

#[test]
fn under_tls_the_scheme_is_https() {
    with(Metrics::server, |metrics, snapshotter| {
        let mut exchange = exchange("GET");
        exchange.connection.tls = Some(Arc::new(TlsFacts {
            version: TlsVersion::Tls13,
            cipher_suite: String::new(),
            alpn: None,
            server_name: None,
            is_resumed: false,
        }));
        metrics.exchanged(&exchange);
        let all = recorded(snapshotter);
        let labels =
            "http.request.method=GET url.scheme=https http.response.status_code=200 network.protocol.version=1.1";
        assert!(all.contains_key(&format!("http.server.request.duration {labels}")), "{all:?}");
        assert!(all.contains_key("http.server.active_requests http.request.method=GET url.scheme=https"), "{all:?}");
    });
}

#[test]
fn a_client_names_its_servers_counts_to_the_head_and_knows_how_long_its_connections_lived() {
    const SERVER: &str = "server.address=a.example server.port=8080";
    with(Metrics::client, |metrics, snapshotter| {
        let open = |state: &str| format!("http.client.open_connections http.connection.state={state} {SERVER}");
        let info = to_a_server(info(1));
        metrics.opened(opened(info.server.clone()));
        metrics.began(&info, "GET");
        let all = recorded(snapshotter);
        assert_eq!((&*all[&open("idle")], &*all[&open("active")]), ("0", "1"));
        assert_eq!(all[&format!("http.client.active_requests http.request.method=GET url.scheme=http {SERVER}")], "1");
        metrics.exchanged(&Exchanged { connection: info, status: Some(StatusCode::NOT_FOUND), ..exchange("GET") });
        metrics.repeated(Fate::LikelyUndelivered);
        metrics.closed(1, CloseReason::PeerFin, 1);
        let all = recorded(snapshotter);
        assert_eq!((&*all[&open("idle")], &*all[&open("active")]), ("0", "-1"));
        let labels =
            "http.request.method=GET url.scheme=http http.response.status_code=404 network.protocol.version=1.1";
        assert_eq!(all[&format!("http.client.request.duration {labels} {SERVER} error.type=404")], "0.25");
        assert_eq!(all[&format!("tenure.request.repeated fate={}", Fate::LikelyUndelivered.name())], "1");
        let lived: f64 = all[&format!("http.client.connection.duration {SERVER}")].parse().unwrap();
        assert!((0.0..10.0).contains(&lived), "{lived}");
        assert!(metrics.since().unwrap().is_empty(), "nothing stays of a connection");
    });
}
