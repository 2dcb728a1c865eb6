//! Metrics of connections and requests, through the facade of the crate `metrics`, under
//! OpenTelemetry's names.
//!
//! | metric | what | labels |
//! |---|---|---|
//! | `http.server.request.duration` | seconds from a request's head to the end of its response | method, status, version, error |
//! | `http.client.request.duration` | seconds from an attempt's beginning to the head of its response, or to its failure | the same |
//! | `http.server.active_requests` | requests under way | method |
//! | `http.server.open_connections` | open connections | `http.connection.state`: `idle`, `active`, `parked` |
//! | `http.server.request.body.size` | bytes of the request's content | as of the duration |
//! | `http.server.response.body.size` | bytes of the response's content | as of the duration |
//! | `http.server.connection.requests` | exchanges that a connection carried, once it has ended | |
//! | `http.client.connection.duration` | seconds that a connection was open (client only) | |
//! | `tenure.connection.closed` | connections that ended | `role`, `reason` ([`CloseReason::name`]) |
//! | `tenure.connection.not_accepted` | connections that a server could not accept | |
//! | `tenure.request.repeated` | requests that a client sent again | `fate` of the first attempt ([`Fate::name`]) |
//!
//! What is named `http.server.…` is `http.client.…` in a client. The labels are
//! `http.request.method` (`_OTHER` for methods that no RFC knows, so that a client cannot make
//! metrics grow), `http.response.status_code`, `network.protocol.version`, and `error.type`: the
//! status from 500 on, `incomplete` for what was cut. `url.scheme`, `server.address` and
//! `server.port` are left out.

mod names;

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::{Gauge, Label};
use tenure_proto::{CloseReason, Fate, Version};

use crate::io::now;
use crate::observe::{ConnectionInfo, Exchanged, Observer, Opened};
use names::Names;

/// An [`Observer`] that records metrics. One for each server or client, added before it starts:
///
/// ```no_run
/// # fn run() -> tenure::server::Server {
/// // Install a recorder of your choice first, for example metrics-exporter-prometheus.
/// tenure::server::Server::new().observer(std::sync::Arc::new(tenure::metrics::Metrics::server()))
/// # }
/// ```
#[derive(Debug)]
pub struct Metrics {
    names: &'static Names,
    idle: Gauge,
    active: Gauge,
    parked: Gauge,
    /// When each open connection of a client was made. A server has too many to remember.
    since: Option<Mutex<HashMap<u64, Instant>>>,
}

impl Metrics {
    /// Metrics of a server. The recorder must be installed already.
    pub fn server() -> Self {
        Self::new(&names::SERVER, None)
    }

    /// Metrics of a client. The recorder must be installed already.
    pub fn client() -> Self {
        Self::new(&names::CLIENT, Some(Mutex::default()))
    }

    fn new(names: &'static Names, since: Option<Mutex<HashMap<u64, Instant>>>) -> Self {
        names.describe();
        let state = |state: &'static str| metrics::gauge!(names.open_connections, "http.connection.state" => state);
        Self { names, idle: state("idle"), active: state("active"), parked: state("parked"), since }
    }

    fn since(&self) -> Option<MutexGuard<'_, HashMap<u64, Instant>>> {
        Some(self.since.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn under_way(&self, method: &str) -> Gauge {
        metrics::gauge!(self.names.active_requests, "http.request.method" => known(method))
    }

    fn duration(&self, exchange: &Exchanged<'_>) -> Duration {
        // The time that a caller takes to read is not the request's.
        let head = self.since.as_ref().and(exchange.head_after);
        head.unwrap_or(exchange.took)
    }
}

impl Observer for Metrics {
    fn opened(&self, connection: Opened) {
        self.idle.increment(1);
        if let Some(mut since) = self.since() {
            since.insert(connection.id, now());
        }
    }

    fn closed(&self, id: u64, why: CloseReason, exchanges: u64) {
        self.idle.decrement(1);
        metrics::counter!(names::CLOSED, "role" => self.names.role, "reason" => why.name()).increment(1);
        metrics::histogram!(self.names.connection_requests).record(exchanges as f64);
        let opened = self.since().and_then(|mut since| since.remove(&id));
        if let Some(opened) = opened {
            metrics::histogram!(names::CONNECTION_DURATION).record(now() - opened);
        }
    }

    fn parked(&self, _: u64) {
        self.idle.decrement(1);
        self.parked.increment(1);
    }

    fn woken(&self, _: u64) {
        self.parked.decrement(1);
        self.idle.increment(1);
    }

    fn not_accepted(&self, _: &io::Error) {
        metrics::counter!(names::NOT_ACCEPTED).increment(1);
    }

    fn began(&self, _: &ConnectionInfo, method: &str) {
        self.idle.decrement(1);
        self.active.increment(1);
        self.under_way(method).increment(1);
    }

    fn exchanged(&self, exchange: &Exchanged<'_>) {
        self.under_way(exchange.method).decrement(1);
        self.active.decrement(1);
        self.idle.increment(1);
        let (names, labels) = (self.names, labels(exchange));
        metrics::histogram!(names.request_size, labels.clone()).record(exchange.request_content as f64);
        metrics::histogram!(names.response_size, labels.clone()).record(exchange.response_content as f64);
        metrics::histogram!(names.request_duration, labels).record(self.duration(exchange));
    }

    fn repeated(&self, fate: Fate) {
        metrics::counter!(names::REPEATED, "fate" => fate.name()).increment(1);
    }
}

fn labels(exchange: &Exchanged<'_>) -> Vec<Label> {
    let mut labels = vec![Label::new("http.request.method", known(exchange.method))];
    if let Some(status) = exchange.status {
        labels.push(Label::new("http.response.status_code", status.as_u16().to_string()));
    }
    labels.push(Label::new(
        "network.protocol.version",
        match exchange.version {
            Version::Http09 => "0.9",
            Version::Http10 => "1.0",
            Version::Http11 => "1.1",
        },
    ));
    match exchange.status {
        _ if !exchange.is_complete => labels.push(Label::new("error.type", "incomplete")),
        Some(status) if status.is_server_error() => {
            labels.push(Label::new("error.type", status.as_u16().to_string()));
        }
        _ => {}
    }
    labels
}

/// A method of RFC 9110 or RFC 5789, or `_OTHER`.
fn known(method: &str) -> &'static str {
    const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    METHODS.into_iter().find(|known| *known == method).unwrap_or("_OTHER")
}

#[cfg(test)]
mod tests;
