//! `ladder` without a subcommand: rates and CPU time, rung beside rung in the same rounds.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use crate::check;
use crate::cores::{self, Cores};
use crate::generator::{Generator, Load};
use crate::heads::Head;
use crate::machine::Machine;
use crate::report;
use crate::rungs::Rung;
use crate::server::Server;

const CONNECTIONS: usize = 64;
const DEPTHS: [usize; 2] = [1, 16];
/// Before each measurement, so that connections are accepted and buffers have grown.
const WARM_UP: Duration = Duration::from_millis(100);

/// How long and what to measure.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Rounds; in each, every rung is measured once
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Seconds for each measurement
    #[arg(long, default_value_t = 1.0, value_parser = positive)]
    seconds: f64,
    /// Only these, beside raw-epoll
    #[arg(long, value_delimiter = ',', value_name = "RUNG,...")]
    rungs: Vec<Rung>,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A span in seconds, as an option's value.
pub(crate) fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.01..=60.0).contains(&seconds) => Ok(seconds),
        _ => Err("a number of seconds from 0.01 to 60".into()),
    }
}

/// One rung in one round.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Sample {
    /// Requests answered.
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    /// CPU time of the server, in seconds.
    pub(crate) user: f64,
    pub(crate) system: f64,
}

impl Sample {
    /// Requests answered in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    /// CPU time of the server for each request, in seconds.
    pub(crate) fn cpu(&self) -> f64 {
        (self.user + self.system) / self.requests as f64
    }

    /// How much of its core the server used, from 0 to 1. Below about 0.9 something else was the
    /// limit: the generator, or another program on the core.
    pub(crate) fn busy(&self) -> f64 {
        (self.user + self.system) / self.seconds
    }
}

/// A load and what every rung made of it.
#[derive(Debug, Serialize)]
pub(crate) struct Case {
    pub(crate) depth: usize,
    pub(crate) head: Head,
    pub(crate) rungs: Vec<Samples>,
}

/// One rung in all rounds of a case, in their order.
#[derive(Debug, Serialize)]
pub(crate) struct Samples {
    pub(crate) rung: Rung,
    pub(crate) rounds: Vec<Sample>,
}

/// Everything one run found out.
#[derive(Debug, Serialize)]
pub(crate) struct Run {
    pub(crate) machine: Machine,
    pub(crate) connections: usize,
    pub(crate) seconds: f64,
    pub(crate) cases: Vec<Case>,
}

/// Measures and reports.
pub(crate) fn run(options: &Options) -> io::Result<()> {
    let cores = Cores::choose()?;
    let rungs: Vec<Rung> = Rung::ALL.into_iter().filter(|&rung| is_wanted(rung, &options.rungs)).collect();
    let mut servers = Vec::new();
    for &rung in &rungs {
        servers.push((rung, Server::start(rung, cores.server)?));
    }
    // The servers are started from an unpinned thread; from here on this one generates.
    let machine = Machine::describe()?;
    cores::pin(cores.generator)?;
    let response = same_response(&servers)?;

    let mut cases: Vec<Case> = Vec::new();
    for head in Head::ALL {
        for depth in DEPTHS {
            let rungs = rungs.iter().map(|&rung| Samples { rung, rounds: Vec::new() }).collect();
            cases.push(Case { depth, head, rungs });
        }
    }
    let span = Duration::from_secs_f64(options.seconds);
    for round in 0..options.rounds {
        eprintln!("round {} of {}", round + 1, options.rounds);
        for case in &mut cases {
            let load = Load { connections: CONNECTIONS, depth: case.depth, request: case.head.bytes(), response };
            // Each round begins with another rung, so that none always follows the same one.
            for turn in 0..servers.len() {
                let place = (turn + round as usize) % servers.len();
                let (rung, server) = &mut servers[place];
                let sample = measure(server, &load, span)
                    .map_err(|e| io::Error::new(e.kind(), format!("{}, depth {}: {e}", rung.name(), load.depth)))?;
                case.rungs[place].rounds.push(sample);
            }
        }
    }
    let run = Run { machine, connections: CONNECTIONS, seconds: options.seconds, cases };
    report::print(&run);
    match &options.json {
        Some(path) => report::write_json(&run, path),
        None => Ok(()),
    }
}

fn is_wanted(rung: Rung, only: &[Rung]) -> bool {
    only.is_empty() || rung == Rung::RawEpoll || only.contains(&rung)
}

/// Every server gives the same answers; returns their length.
fn same_response(servers: &[(Rung, Server)]) -> io::Result<usize> {
    let mut lens = Vec::new();
    for (rung, server) in servers {
        let len = check::response_len(server.address)
            .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", rung.name())))?;
        lens.push(len);
    }
    match lens.first() {
        Some(&len) if lens.iter().all(|&l| l == len) => Ok(len),
        _ => Err(io::Error::other(format!("the answers of the rungs differ in length: {lens:?}"))),
    }
}

fn measure(server: &mut Server, load: &Load, span: Duration) -> io::Result<Sample> {
    let mut generator = Generator::connect(server.address, load)?;
    generator.start()?;
    generator.run_for(WARM_UP)?;
    let (before, start) = (server.usage()?, Instant::now());
    let requests = generator.run_for(span)?;
    let (seconds, used) = (start.elapsed().as_secs_f64(), server.usage()? - before);
    if requests == 0 {
        return Err(io::Error::other("no request was answered in the time given: raise --seconds"));
    }
    Ok(Sample { requests, seconds, user: used.user.as_secs_f64(), system: used.system.as_secs_f64() })
}
