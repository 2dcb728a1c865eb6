//! The server: settings, the accept loop, bounds.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tenure_proto::{Config, Limits, Timeouts};
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::rustls::ServerConfig;

use crate::account::Report;
use crate::connection;
use crate::identity::Identity;
use crate::ledger::Ledger;
use crate::outcome::Outcome;
use crate::tour::tour;

/// How long to wait after accepting failed: the process is out of descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A server that misbehaves on request. Dropped, it ends with every connection.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

/// Settings of a [`Server`].
#[derive(Clone, Debug)]
pub struct Builder {
    seed: u64,
    connections: usize,
    connection_life: Duration,
    identity: Option<Identity>,
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) seed: u64,
    pub(crate) config: Arc<Config>,
    pub(crate) ledger: Ledger,
    address: SocketAddr,
    /// For connections that begin as TLS does, if it is wanted.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    connections: usize,
    connection_life: Duration,
}

impl Shared {
    pub(crate) fn report(&self) -> Report {
        self.ledger.report(self.seed)
    }

    pub(crate) fn tour(&self) -> String {
        let (http, https) = (format!("http://{}", self.address), format!("https://{}", self.address));
        tour(&http, self.tls.is_some().then_some(https.as_str()))
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self { seed: 1, connections: 1024, connection_life: Duration::from_secs(300), identity: None }
    }
}

impl Builder {
    /// What the spread times depend on. The same seed gives the n-th request of the n-th
    /// connection the same times. Default 1.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Connections open at once, at most; more are closed at once. Default 1024.
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// How long one connection may live, at most. Default 5 minutes.
    pub fn connection_life(mut self, life: Duration) -> Self {
        self.connection_life = life;
        self
    }

    /// Speaks TLS too, with this, on the same port: a connection's first byte says which. Default: no TLS.
    pub fn tls(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Listens on `address` and serves in a task of the current runtime.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn bind(self, address: impl ToSocketAddrs) -> io::Result<Server> {
        let listener = TcpListener::bind(address).await?;
        let limits = Limits { content: 64 * 1024 * 1024, ..Limits::default() };
        let config = Config { limits, timeouts: Timeouts::NONE, ..Config::default() };
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            seed: self.seed,
            config: Arc::new(config),
            ledger: Ledger::default(),
            address,
            tls: self.identity.map(|identity| identity.config),
            connections: self.connections,
            connection_life: self.connection_life,
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Server { shared, task })
    }
}

impl Server {
    /// Settings to start one with.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// A tour through its scenarios: the requests that a driver makes one after the other, a line each, with
    /// tabs between: `LANE ID METHOD URL CONTENT PAUSE`. Those of one LANE come from a client whose pool no
    /// other lane has used. ID goes into `X-Request-Id`; CONTENT is a number of bytes to send, and PAUSE how
    /// many milliseconds to wait after the answer. What needs TLS is left out where there is none.
    pub fn tour(&self) -> String {
        self.shared.tour()
    }

    /// What it has seen so far.
    pub fn report(&self) -> Report {
        self.shared.report()
    }

    /// Takes the client's word for what its callers got, a line for each request, with tabs between:
    /// `ID METHOD URL RESULT DETAIL`. RESULT is the answer's status, and DETAIL the `X-Request-Id` in it; or
    /// the word `error`, and DETAIL says which. From then on the report has it, and verdicts on it.
    ///
    /// # Errors
    /// In words: which line is wrong, and how. Those before it are taken.
    pub fn told(&self, lines: &str) -> Result<(), String> {
        for (n, line) in lines.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
            let outcome = Outcome::parse(line).map_err(|error| format!("line {}: {error}", n + 1))?;
            self.shared.ledger.told(&outcome);
        }
        Ok(())
    }

    /// How often the request with that id was processed by that scenario.
    pub fn times_processed(&self, scenario: &'static str, id: &str) -> u64 {
        self.shared.ledger.times(scenario, id)
    }

    /// Whether the request with that id was there already when that scenario sent bytes that nobody
    /// had asked for: then these cannot be told from its answer.
    pub fn has_crossed(&self, scenario: &'static str, id: &str) -> bool {
        self.shared.ledger.has_crossed(scenario, id)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(shared.connections));
    // Dropped with this task, and every connection with it.
    let mut open = JoinSet::new();
    let mut number = 0;
    loop {
        while open.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            shared.ledger.turned_away();
            continue;
        };
        number += 1;
        shared.ledger.connected();
        let (shared, life) = (Arc::clone(&shared), shared.connection_life);
        open.spawn(async move {
            // A life that is over ends in a plain close.
            let _ = tokio::time::timeout(life, connection::serve(stream, shared, number)).await;
            drop(place);
        });
    }
}
