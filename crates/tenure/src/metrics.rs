//! Metrics of connections and requests, through the facade of the crate `metrics`, under
//! OpenTelemetry's names.
//!
//! | metric | what | labels |
//! |---|---|---|
//! | `http.server.request.duration` | seconds from a request's head to the end of its response | method, scheme, status, version, error |
//! | `http.client.request.duration` | seconds from an attempt's beginning to the head of its response, or to its failure | the same, and the server |
//! | `http.server.active_requests` | requests under way | method, scheme (client: and the server) |
//! | `http.server.open_connections` | open connections | `http.connection.state`: `idle`, `active`, `parked` (client: and the server) |
//! | `http.server.request.body.size` | bytes of the request's content | as of the duration |
//! | `http.server.response.body.size` | bytes of the response's content | as of the duration |
//! | `http.server.connection.requests` | exchanges that a connection carried, once it has ended | |
//! | `http.client.connection.duration` | seconds that a connection was open (client only) | the server |
//! | `tenure.connection.closed` | connections that ended | `role`, `reason` ([`CloseReason::name`]) |
//! | `tenure.connection.not_accepted` | connections that a server could not accept | |
//! | `tenure.request.repeated` | requests that a client sent again | `fate` of the first attempt ([`Fate::name`]) |
//!
//! What is named `http.server.…` is `http.client.…` in a client. The labels are
//! `http.request.method` (`_OTHER` for methods that no RFC knows, so that a client cannot make
//! metrics grow), `url.scheme` (`http` or `https`, by the connection), `http.response.status_code`,
//! `network.protocol.version`, and `error.type`: the status from 500 on in a server and from 400 on
//! in a client, `incomplete` for what was cut. In a client the server is `server.address` and
//! `server.port`. In a server these two are left out: they would be what the client writes into
//! `Host`, so that it could make metrics grow. `http.route` is the application's knowledge.

mod names;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::{Gauge, Label, SharedString};
use tenure_proto::{CloseReason, Fate, Version};

use crate::io::now;
use crate::observe::{ConnectionInfo, Exchanged, Observer, Opened, ServerAddress};
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
    role: Role,
}

/// By a connection's number.
type Since = HashMap<u64, (Instant, Option<ServerAddress>)>;

#[derive(Debug)]
enum Role {
    /// Its connections by state, looked up once: idle, active, parked.
    Server([Gauge; 3]),
    /// Its open connections: since when, and to which server. A server has too many to remember.
    Client(Mutex<Since>),
}

/// What an open connection does.
#[derive(Clone, Copy)]
enum State {
    Idle,
    Active,
    Parked,
}

impl State {
    const ALL: [Self; 3] = [Self::Idle, Self::Active, Self::Parked];

    const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Active => "active",
            Self::Parked => "parked",
        }
    }
}

impl Metrics {
    /// Metrics of a server. The recorder must be installed already.
    pub fn server() -> Self {
        let names = &names::SERVER;
        names.describe();
        let states = State::ALL.map(|state| open(names, state, None));
        Self { names, role: Role::Server(states) }
    }

    /// Metrics of a client. The recorder must be installed already.
    pub fn client() -> Self {
        let names = &names::CLIENT;
        names.describe();
        Self { names, role: Role::Client(Mutex::default()) }
    }

    /// The open connections in this state, in a client those to this server.
    fn open(&self, state: State, server: Option<&ServerAddress>) -> Gauge {
        match &self.role {
            Role::Server(states) => states[state as usize].clone(),
            Role::Client(_) => open(self.names, state, server),
        }
    }

    fn since(&self) -> Option<MutexGuard<'_, Since>> {
        match &self.role {
            Role::Server(_) => None,
            Role::Client(since) => Some(since.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    fn under_way(&self, method: &str, connection: &ConnectionInfo) -> Gauge {
        let mut labels = asked(method, connection);
        labels.extend(server(connection.server.as_ref()));
        metrics::gauge!(self.names.active_requests, labels)
    }

    const fn duration(&self, exchange: &Exchanged<'_>) -> Duration {
        match (&self.role, exchange.head_after) {
            // The time that a caller takes to read is not the request's.
            (Role::Client(_), Some(head)) => head,
            _ => exchange.took,
        }
    }

    fn labels(&self, exchange: &Exchanged<'_>) -> Vec<Label> {
        let mut labels = asked(exchange.method, &exchange.connection);
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
        labels.extend(server(exchange.connection.server.as_ref()));
        let first_error = if matches!(self.role, Role::Server(_)) { 500 } else { 400 };
        match exchange.status {
            _ if !exchange.is_complete => labels.push(Label::new("error.type", "incomplete")),
            Some(status) if status.as_u16() >= first_error => {
                labels.push(Label::new("error.type", status.as_u16().to_string()));
            }
            _ => {}
        }
        labels
    }
}

impl Observer for Metrics {
    fn opened(&self, connection: Opened) {
        self.open(State::Idle, connection.server.as_ref()).increment(1);
        if let Some(mut since) = self.since() {
            since.insert(connection.id, (now(), connection.server));
        }
    }

    fn closed(&self, id: u64, why: CloseReason, exchanges: u64) {
        let opened = self.since().and_then(|mut since| since.remove(&id));
        let to = opened.as_ref().and_then(|(_, server)| server.as_ref());
        self.open(State::Idle, to).decrement(1);
        metrics::counter!(names::CLOSED, "role" => self.names.role, "reason" => why.name()).increment(1);
        metrics::histogram!(self.names.connection_requests).record(exchanges as f64);
        if let Some((since, _)) = &opened {
            metrics::histogram!(names::CONNECTION_DURATION, server(to)).record(now() - *since);
        }
    }

    fn parked(&self, _: u64) {
        self.open(State::Idle, None).decrement(1);
        self.open(State::Parked, None).increment(1);
    }

    fn woken(&self, _: u64) {
        self.open(State::Parked, None).decrement(1);
        self.open(State::Idle, None).increment(1);
    }

    fn not_accepted(&self, _: &io::Error) {
        metrics::counter!(names::NOT_ACCEPTED).increment(1);
    }

    fn began(&self, connection: &ConnectionInfo, method: &str) {
        let to = connection.server.as_ref();
        self.open(State::Idle, to).decrement(1);
        self.open(State::Active, to).increment(1);
        self.under_way(method, connection).increment(1);
    }

    fn exchanged(&self, exchange: &Exchanged<'_>) {
        let to = exchange.connection.server.as_ref();
        self.under_way(exchange.method, &exchange.connection).decrement(1);
        self.open(State::Active, to).decrement(1);
        self.open(State::Idle, to).increment(1);
        let (names, labels) = (self.names, self.labels(exchange));
        metrics::histogram!(names.request_size, labels.clone()).record(exchange.request_content as f64);
        metrics::histogram!(names.response_size, labels.clone()).record(exchange.response_content as f64);
        metrics::histogram!(names.request_duration, labels).record(self.duration(exchange));
    }

    fn repeated(&self, fate: Fate) {
        metrics::counter!(names::REPEATED, "fate" => fate.name()).increment(1);
    }
}

fn open(names: &'static Names, state: State, to: Option<&ServerAddress>) -> Gauge {
    let state = Label::new("http.connection.state", state.name());
    metrics::gauge!(names.open_connections, std::iter::once(state).chain(server(to)).collect::<Vec<_>>())
}

/// A request's labels, known from its beginning.
fn asked(method: &str, connection: &ConnectionInfo) -> Vec<Label> {
    let scheme = if connection.tls.is_some() { "https" } else { "http" };
    vec![Label::new("http.request.method", known(method)), Label::new("url.scheme", scheme)]
}

/// The labels of the server that a client asks.
fn server(server: Option<&ServerAddress>) -> Vec<Label> {
    let labels = |server: &ServerAddress| {
        let host = SharedString::from_shared(Arc::clone(&server.host));
        vec![Label::new("server.address", host), Label::new("server.port", server.port.to_string())]
    };
    server.map(labels).unwrap_or_default()
}

/// A method of RFC 9110 or RFC 5789, or `_OTHER`.
fn known(method: &str) -> &'static str {
    const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    METHODS.into_iter().find(|known| *known == method).unwrap_or("_OTHER")
}

#[cfg(test)]
mod tests;
