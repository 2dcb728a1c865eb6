//! Runs one case: a server of its own, some clients, and what came of each request.

use std::io;
use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Method, Request};
use http_body_util::BodyExt;
use tenure::{Body, Client, Fate, Observer, Opened};
use tenure_misbehave::Server;
use tenure_testkit::Dead;
use tokio::task::JoinSet;

use crate::cases::{Address, Case};
use crate::tally::{Outcome, Tally};

/// Far longer than any wait of a scenario.
const HUNG: Duration = Duration::from_secs(60);

/// One method's part of a case.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) method: Method,
    pub(crate) tally: Tally,
}

/// Counts what the clients of one row do.
#[derive(Default)]
struct Watch {
    repeats: AtomicU64,
    connections: AtomicU64,
}

impl Observer for Watch {
    fn opened(&self, _: Opened) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    fn repeated(&self, _: Fate) {
        self.repeats.fetch_add(1, Ordering::Relaxed);
    }
}

/// Where the clients of a row ask, and what must be held meanwhile.
struct Place {
    authority: String,
    _held: Option<Dead>,
}

impl Place {
    fn of(address: Address, server: SocketAddr) -> io::Result<Self> {
        match address {
            Address::Alive => Ok(Self { authority: server.to_string(), _held: None }),
            Address::DeadAndAlive => {
                let held = Dead::at(SocketAddr::from((Ipv6Addr::LOCALHOST, server.port())))?;
                Ok(Self { authority: format!("localhost:{}", server.port()), _held: Some(held) })
            }
            Address::Refusing => {
                let nobody = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
                Ok(Self { authority: nobody.to_string(), _held: None })
            }
        }
    }
}

/// Tries `case` with each method, `requests` times.
pub(crate) async fn case(case: &'static Case, requests: usize) -> io::Result<Vec<Row>> {
    let get = row(case, Method::GET, requests);
    let put = row(case, Method::PUT, requests);
    let post = row(case, Method::POST, requests);
    let (get, put, post) = tokio::try_join!(get, put, post)?;
    Ok(vec![get, put, post])
}

async fn row(case: &'static Case, method: Method, requests: usize) -> io::Result<Row> {
    let server = Server::builder().bind("127.0.0.1:0").await?;
    let place = Place::of(case.address, server.address())?;
    let uri = format!("http://{}/{}?{}", place.authority, case.scenario, case.query);
    let watch = Arc::new(Watch::default());
    // Each client needs a few requests in a row, or there is nothing to reuse.
    let clients = case.clients.min(requests / 3).max(1);
    let mut lanes = JoinSet::new();
    for lane in 0..clients {
        let share = requests / clients + usize::from(lane < requests % clients);
        lanes.spawn(ask(case, method.clone(), uri.clone(), lane, share, Arc::clone(&watch)));
    }
    let outcomes: Vec<(String, Outcome)> = lanes.join_all().await.concat();

    let mut tally = Tally::default();
    let remains = if method == Method::POST { case.remains_for_post } else { case.remains };
    for (id, outcome) in outcomes {
        let processed = server.times_processed(case.scenario, &id);
        let outcome = match outcome {
            Outcome::Answered => Outcome::Answered,
            _ if server.has_crossed(case.scenario, &id) => Outcome::Crossed,
            other => other,
        };
        tally.add(outcome, processed, remains);
        tally.twice += u64::from(method == Method::POST && processed > 1);
    }
    tally.repeats = watch.repeats.load(Ordering::Relaxed);
    tally.connections = watch.connections.load(Ordering::Relaxed);
    Ok(Row { method, tally })
}

/// One client's requests, one after the other.
async fn ask(
    case: &'static Case,
    method: Method,
    uri: String,
    lane: usize,
    share: usize,
    watch: Arc<Watch>,
) -> Vec<(String, Outcome)> {
    let mut builder = Client::builder().repeat_undelivered(case.repeat_undelivered).observer(watch);
    if let Some(timeout) = case.response_timeout {
        builder = builder.response_timeout(timeout);
    }
    if let Some(timeout) = case.send_timeout {
        builder = builder.send_timeout(Some(timeout));
    }
    let client = builder.build();
    let content = if method == Method::GET { String::new() } else { "c".repeat(case.content) };
    let content = bytes::Bytes::from(content);
    let mut outcomes = Vec::new();
    for n in 0..share {
        let id = format!("{method}-{lane}-{n}");
        let request = Request::builder().method(&method).uri(&uri).header("x-request-id", &id);
        let outcome = match request.body(Body::from(content.clone())) {
            Ok(request) => tokio::time::timeout(HUNG, one(&client, request, case, &id)).await,
            Err(_) => Ok(Outcome::Wrong),
        };
        outcomes.push((id, outcome.unwrap_or(Outcome::Hung)));
        // Spread over four fifths to six fifths, so that some requests leave before, some after.
        let pause = case.pause * (80 + (n as u32 * 7 + lane as u32 * 13) % 41) / 100;
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
    outcomes
}

async fn one(client: &Client, request: Request<Body>, case: &Case, id: &str) -> Outcome {
    let response = match client.request(request).await {
        Ok(response) => response,
        Err(error) => return Outcome::Error(error.fate()),
    };
    let (head, body) = response.into_parts();
    let its_own = head.headers.get("x-request-id").is_some_and(|value| value == id);
    if !case.reads {
        drop(body);
        return if its_own && head.status == case.status { Outcome::Answered } else { Outcome::Wrong };
    }
    let content = match body.collect().await {
        Ok(content) => content.to_bytes(),
        Err(error) => return Outcome::Error(error.fate()),
    };
    let right = its_own && head.status == case.status && content == format!("answer to {id}\n");
    match head.status.as_u16() {
        _ if right => Outcome::Answered,
        408 => Outcome::TimedOut408,
        _ => Outcome::Wrong,
    }
}
