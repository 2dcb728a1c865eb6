//! `--access-log` and `--metrics`: what `tenure serve` tells about itself.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tenure::Body;
use tenure::metrics::Metrics;
use tenure::server::Server;
use tokio::net::TcpListener;

use super::access_log::{self, Writer};

/// Bounds of the buckets: OpenTelemetry's advice for durations in seconds.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Of content, in bytes.
const BYTES: [f64; 8] = [0.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// Of requests that a connection carried.
const REQUESTS: [f64; 8] = [0.0, 1.0, 2.0, 5.0, 10.0, 100.0, 1e3, 1e4];
/// How often observations are sorted into their buckets when nobody looks.
const UPKEEP: Duration = Duration::from_secs(5);
/// How often a predecessor's address is tried.
const RETRY: Duration = Duration::from_secs(1);
/// Connections of those who look, at most.
const SCRAPERS: usize = 16;

#[derive(clap::Args)]
pub(super) struct TelemetryOptions {
    /// Write a line for each request: appended to FILE, to standard output (-), or without a value
    /// to standard error. Combined log format, then connection=ID request=N-TH reused=yes|no and times
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    access_log: Option<Option<PathBuf>>,
    /// Show metrics at http://ADDR/metrics, as text for Prometheus
    #[arg(long, value_name = "ADDR")]
    metrics: Option<SocketAddr>,
}

/// What must end with the server.
pub(super) struct Telemetry {
    log: Option<Writer>,
    metrics: Option<SocketAddr>,
}

impl TelemetryOptions {
    /// Lets `server` be observed as these options say. After a predecessor, whose metrics are shown
    /// until it has ended, their address is waited for.
    ///
    /// # Errors
    /// A text that names what cannot be opened.
    pub(super) async fn apply(self, mut server: Server, has_predecessor: bool) -> Result<(Server, Telemetry), String> {
        let mut telemetry = Telemetry { log: None, metrics: None };
        if let Some(address) = self.metrics {
            let cannot = |error: &dyn std::fmt::Display| format!("cannot show metrics on {address}: {error}");
            let recorder = recorder().map_err(|error| cannot(&error))?;
            let handle = recorder.handle();
            metrics::set_global_recorder(recorder).map_err(|error| cannot(&error))?;
            telemetry.metrics = Some(show(address, handle, has_predecessor).await.map_err(|error| cannot(&error))?);
            server = server.observer(Arc::new(Metrics::server()));
        }
        if let Some(to) = self.access_log {
            let opened = access_log::open(to.as_deref());
            let name = to.unwrap_or_default();
            let (log, writer) = opened.map_err(|error| format!("cannot open {}: {error}", name.display()))?;
            server = server.observer(Arc::new(log));
            telemetry.log = Some(writer);
        }
        Ok((server, telemetry))
    }
}

impl Telemetry {
    /// Says where the metrics are.
    pub(super) fn announce(&self) {
        if let Some(address) = self.metrics {
            eprintln!("metrics on http://{address}/metrics");
        }
    }

    /// The server has ended.
    pub(super) fn finish(self) {
        if let Some(lost) = self.log.map(Writer::finish).filter(|lost| *lost > 0) {
            eprintln!("{lost} lines of the access log were lost: it could not be written fast enough");
        }
    }
}

fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let builder = PrometheusBuilder::new()
        .with_recommended_naming(true)
        .set_buckets_for_metric(Matcher::Suffix("duration".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("body.size".to_owned()), &BYTES)?
        .set_buckets_for_metric(Matcher::Suffix("connection.requests".to_owned()), &REQUESTS)?;
    Ok(builder.build_recorder())
}

/// Serves the metrics, on a listener of their own, for as long as the program runs.
async fn show(address: SocketAddr, handle: PrometheusHandle, waits: bool) -> io::Result<SocketAddr> {
    let listener = match TcpListener::bind(address).await {
        Err(error) if waits && error.kind() == io::ErrorKind::AddrInUse => None,
        bound => Some(bound?),
    };
    let bound = listener.as_ref().map_or(Ok(address), TcpListener::local_addr)?;
    let keep = handle.clone();
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(UPKEEP);
        loop {
            tick.tick().await;
            keep.run_upkeep();
        }
    });
    let service = tower::service_fn(move |request: Request<Body>| {
        let answer = answer(&request, &handle);
        async move { Ok::<_, Infallible>(answer) }
    });
    let server = Server::new().max_connections(SCRAPERS);
    tokio::spawn(async move {
        let served = match listener {
            Some(listener) => Ok(listener),
            None => bind_when_free(address).await,
        };
        let served = match served {
            Ok(listener) => server.serve(listener, service, std::future::pending::<()>()).await,
            Err(error) => Err(error),
        };
        if let Err(error) = served {
            eprintln!("tenure serve: metrics are not shown: {error}");
        }
    });
    Ok(bound)
}

async fn bind_when_free(address: SocketAddr) -> io::Result<TcpListener> {
    loop {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => tokio::time::sleep(RETRY).await,
            bound => return bound,
        }
    }
}

fn answer(request: &Request<Body>, handle: &PrometheusHandle) -> Response<Body> {
    let (status, kind, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => {
            (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", handle.render())
        }
        (_, "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, "text/plain", "GET or HEAD\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, "text/plain", "the metrics are at /metrics\n".to_owned()),
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
    }
    response
}
