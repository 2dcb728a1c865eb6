//! The client libraries, each as its users set it up; only the pool has room for all that is asked
//! at once.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::ValueEnum;
use http::{Request, Uri};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;

use crate::counting::Allocations;
use crate::heads::CONTENT;

/// Connections that a pool may keep.
const ROOM: usize = 64;

/// A library to be compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Library {
    /// `tenure::Client`.
    Tenure,
    /// hyper-util's legacy client, which reqwest and others stand on.
    HyperUtil,
    /// reqwest.
    Reqwest,
    /// ureq, which blocks: a thread for each request at once.
    Ureq,
}

impl Library {
    pub(crate) const ALL: [Self; 4] = [Self::Tenure, Self::HyperUtil, Self::Reqwest, Self::Ureq];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tenure => "tenure",
            Self::HyperUtil => "hyper-util",
            Self::Reqwest => "reqwest",
            Self::Ureq => "ureq",
        }
    }

    /// A client that asks for `url`.
    pub(super) fn open(self, url: &str) -> io::Result<Open> {
        let uri: Uri = url.parse().map_err(io::Error::other)?;
        Ok(match self {
            Self::Tenure => {
                Open::Tenure(tenure::Client::builder().connections_per_origin(ROOM).build(), uri, runtime()?)
            }
            Self::HyperUtil => {
                let mut connector = HttpConnector::new();
                connector.set_nodelay(true);
                Open::HyperUtil(HyperClient::builder(TokioExecutor::new()).build(connector), uri, runtime()?)
            }
            Self::Reqwest => {
                let client = reqwest::Client::builder().no_proxy().build().map_err(io::Error::other)?;
                Open::Reqwest(client, url.parse().map_err(io::Error::other)?, runtime()?)
            }
            Self::Ureq => {
                let config = ureq::Agent::config_builder().proxy(None);
                let config = config.max_idle_connections(ROOM).max_idle_connections_per_host(ROOM);
                Open::Ureq(config.build().new_agent(), url.to_owned())
            }
        })
    }
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// A client with its pool, and what it asks for.
pub(super) enum Open {
    Tenure(tenure::Client, Uri, tokio::runtime::Runtime),
    HyperUtil(HyperClient<HttpConnector, Empty<Bytes>>, Uri, tokio::runtime::Runtime),
    Reqwest(reqwest::Client, reqwest::Url, tokio::runtime::Runtime),
    Ureq(ureq::Agent, String),
}

/// What was done.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Done {
    pub(super) requests: u64,
    pub(super) allocations: u64,
}

impl Open {
    /// Asks for `span`, with so many requests under way at once.
    pub(super) fn ask(&self, at_once: usize, span: Duration) -> io::Result<Done> {
        match self {
            Self::Tenure(client, uri, runtime) => loops(runtime, at_once, span, || {
                let (client, uri) = (client.clone(), uri.clone());
                async move || {
                    let response = client.get(uri.clone()).await.map_err(io::Error::other)?;
                    let status = response.status();
                    let content = response.into_body().collect().await.map_err(io::Error::other)?;
                    right(status.as_u16(), &content.to_bytes())
                }
            }),
            Self::HyperUtil(client, uri, runtime) => loops(runtime, at_once, span, || {
                let (client, uri) = (client.clone(), uri.clone());
                async move || {
                    let request = Request::get(uri.clone()).body(Empty::new()).map_err(io::Error::other)?;
                    let response = client.request(request).await.map_err(io::Error::other)?;
                    let status = response.status();
                    let content = response.into_body().collect().await.map_err(io::Error::other)?;
                    right(status.as_u16(), &content.to_bytes())
                }
            }),
            Self::Reqwest(client, url, runtime) => loops(runtime, at_once, span, || {
                let (client, url) = (client.clone(), url.clone());
                async move || {
                    let response = client.get(url.clone()).send().await.map_err(io::Error::other)?;
                    let status = response.status();
                    right(status.as_u16(), &response.bytes().await.map_err(io::Error::other)?)
                }
            }),
            Self::Ureq(agent, url) => threads(at_once, span, || {
                let mut response = agent.get(url).call().map_err(io::Error::other)?;
                let status = response.status();
                right(status.as_u16(), &response.body_mut().read_to_vec().map_err(io::Error::other)?)
            }),
        }
    }
}

fn right(status: u16, content: &[u8]) -> io::Result<()> {
    if status == 200 && content == CONTENT { Ok(()) } else { Err(io::Error::other(format!("{status}, {content:?}"))) }
}

/// So many tasks on one thread, each asking again and again; `make` makes the asker of one.
fn loops<A>(runtime: &tokio::runtime::Runtime, at_once: usize, span: Duration, make: impl Fn() -> A) -> io::Result<Done>
where
    A: AsyncFn() -> io::Result<()> + 'static,
{
    let local = tokio::task::LocalSet::new();
    let end = Instant::now() + span;
    let before = Allocations::so_far();
    let tasks: Vec<_> = (0..at_once).map(|_| local.spawn_local(until(end, make()))).collect();
    let requests = runtime.block_on(local.run_until(async {
        let mut requests = 0;
        for task in tasks {
            requests += task.await.map_err(io::Error::other)??;
        }
        Ok::<_, io::Error>(requests)
    }))?;
    Ok(Done { requests, allocations: (Allocations::so_far() - before).count })
}

async fn until(end: Instant, ask: impl AsyncFn() -> io::Result<()>) -> io::Result<u64> {
    let mut requests = 0;
    while Instant::now() < end {
        ask().await?;
        requests += 1;
    }
    Ok(requests)
}

/// The same with a thread for each.
fn threads(at_once: usize, span: Duration, ask: impl Fn() -> io::Result<()> + Sync) -> io::Result<Done> {
    let end = Instant::now() + span;
    let work = || {
        let (before, mut requests) = (Allocations::so_far(), 0);
        while Instant::now() < end {
            ask()?;
            requests += 1;
        }
        Ok(Done { requests, allocations: (Allocations::so_far() - before).count })
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_fold(Done::default(), |sum, thread| {
            let done: Done = thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))?;
            let (requests, allocations) = (sum.requests + done.requests, sum.allocations + done.allocations);
            Ok(Done { requests, allocations })
        })
    })
}
