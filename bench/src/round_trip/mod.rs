//! Many small requests over one connection with a long round trip: pipelined, over HTTP/2, and one
//! after the other.

mod relay;
mod site;

use std::io;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;
use http_body_util::BodyExt as _;
use tenure::Client;
use tenure::client::Pipelining;

use self::relay::Relay;
use self::site::Site;
use crate::machine::Machine;
use crate::spread::Spread;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Requests, all over one connection
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u8).range(2..))]
    requests: u8,
    /// Round trip in milliseconds
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(2..1000))]
    round_trip: u64,
    /// Rounds; each measures all of them, and the medians count
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
}

/// What is measured, in this order in each round.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Http2,
    Pipelined,
    /// By a client that asks this server for the first time: one request goes alone.
    PipelinedFirst,
    OneByOne,
}

const WAYS: [Way; 4] = [Way::Http2, Way::Pipelined, Way::PipelinedFirst, Way::OneByOne];

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Http2 => "HTTP/2",
            Self::Pipelined => "pipelined",
            Self::PipelinedFirst => "pipelined, server not known before",
            Self::OneByOne => "one after the other",
        }
    }
}

/// Prints the table.
///
/// # Errors
/// nginx or a client of HTTP/2 is missing, or not every request was answered over one connection.
pub(crate) fn run(options: &Options) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(measure(options))
}

async fn measure(options: &Options) -> io::Result<()> {
    let speaker = Speaker::find()?;
    let site = Site::start()?;
    let one_way = Duration::from_millis(options.round_trip) / 2;
    let mut plain = Relay::start(site.http1(), one_way).await?;
    let mut second = Relay::start(site.http2(), one_way).await?;
    println!("{}", Machine::describe()?);
    println!(
        "{} GETs of {} bytes each from nginx over one connection, round trip {} ms, medians of {} rounds (least-most); HTTP/2 by {}",
        options.requests,
        site::CONTENT,
        options.round_trip,
        options.rounds,
        speaker.name()
    );
    let known = client(Some(options.requests));
    fetch(&known, plain.url(), 1).await?;
    site.answered()?;
    let mut times: [Vec<f64>; WAYS.len()] = Default::default();
    for _ in 0..options.rounds {
        for (way, times) in WAYS.into_iter().zip(&mut times) {
            known.close_idle();
            let relay = if way == Way::Http2 { &mut second } else { &mut plain };
            relay.forget();
            match way {
                Way::Http2 => speaker.fetch(relay.url(), options.requests).await?,
                Way::Pipelined => fetch(&known, relay.url(), options.requests).await?,
                Way::PipelinedFirst => fetch(&client(Some(options.requests)), relay.url(), options.requests).await?,
                Way::OneByOne => fetch(&client(None), relay.url(), options.requests).await?,
            }
            times.push(check(way, relay, &site, options)?.as_secs_f64() * 1e3);
        }
    }
    print(&times);
    Ok(())
}

/// How long it took, if it was what it is called.
fn check(way: Way, relay: &Relay, site: &Site, options: &Options) -> io::Result<Duration> {
    let fail = |what: String| Err(io::Error::other(format!("{}: {what}", way.name())));
    let answered = site.answered()?;
    if answered != usize::from(options.requests) {
        return fail(format!("nginx has answered {answered} requests instead of {}", options.requests));
    }
    let seen = relay.seen();
    if seen.connections != 1 {
        return fail(format!("{} connections instead of one", seen.connections));
    }
    Ok(seen.took)
}

fn print(times: &[Vec<f64>; WAYS.len()]) {
    println!("{:<36} {:>22} {:>22}", "", "ms", "of HTTP/2's time");
    for (way, own) in WAYS.into_iter().zip(times) {
        let ratio = Spread::of(own.iter().zip(&times[0]).map(|(own, http2)| own / http2));
        println!("{:<36} {:>22.1} {:>22}", way.name(), Spread::of(own.iter().copied()), ratio.brief(2));
    }
}

fn client(depth: Option<u8>) -> Client {
    let pipelining = depth.map_or(Pipelining::Off, |depth| Pipelining::Safe { depth });
    Client::builder().connections_per_origin(1).pipelining(pipelining).build()
}

/// All at once; what order they go out in is the client's business.
async fn fetch(client: &Client, url: &str, requests: u8) -> io::Result<()> {
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..requests {
        let (client, url) = (client.clone(), format!("{url}{n}"));
        tasks.spawn(async move {
            let response = client.get(url).await.map_err(io::Error::other)?;
            let is_ok = response.status().is_success();
            let content = response.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
            if is_ok && content.len() == site::CONTENT { Ok(()) } else { Err(io::Error::other("a wrong answer")) }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.map_err(io::Error::other)??;
    }
    Ok(())
}

/// A program that speaks HTTP/2 without TLS.
#[derive(Clone, Copy, Debug)]
enum Speaker {
    Nghttp,
    Curl,
}

impl Speaker {
    fn find() -> io::Result<Self> {
        let runs = |program| Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok();
        match (runs("nghttp"), runs("curl")) {
            (true, _) => Ok(Self::Nghttp),
            (false, true) => Ok(Self::Curl),
            (false, false) => Err(io::Error::other("nghttp (package nghttp2-client) or curl is needed")),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Nghttp => "nghttp",
            Self::Curl => "curl",
        }
    }

    async fn fetch(self, url: &str, requests: u8) -> io::Result<()> {
        let mut command = Command::new(self.name());
        match self {
            Self::Nghttp => {
                command.arg("--null-out").args((0..requests).map(|n| format!("{url}{n}")));
            }
            Self::Curl => {
                command.args(["--silent", "--fail", "--http2-prior-knowledge", "--parallel", "--parallel-max", "255"]);
                command.args(["--output", "/dev/null"]).arg(format!("{url}[0-{}]", requests - 1));
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let status = tokio::task::spawn_blocking(move || command.status()).await.map_err(io::Error::other)??;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("{} ended with {status}", self.name()))) }
    }
}
