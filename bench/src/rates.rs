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
use crate::rounds::in_turn;
use crate::rungs::{Rung, Runtime};
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
    /// What the rungs on tokio run on
    #[arg(long, default_value = "current")]
    runtime: Runtime,
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
    pub(crate) runtime: Runtime,
    pub(crate) connections: usize,
    pub(crate) seconds: f64,
    pub(crate) cases: Vec<Case>,
}

/// What one run measures.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The first is what the others are compared with.
    pub(crate) rungs: Vec<Rung>,
    pub(crate) runtime: Runtime,
    pub(crate) heads: &'static [Head],
    pub(crate) rounds: u32,
    pub(crate) span: Duration,
}

/// Measures and reports.
pub(crate) fn run(options: &Options) -> io::Result<()> {
    let plan = Plan {
        rungs: Rung::available().into_iter().filter(|&rung| is_wanted(rung, options)).collect(),
        runtime: options.runtime,
        heads: &Head::ALL,
        rounds: options.rounds,
        span: Duration::from_secs_f64(options.seconds),
    };
    let run = measure(&plan, Cores::choose()?)?;
    report::print(&run);
    match &options.json {
        Some(path) => report::write_json(&run, path),
        None => Ok(()),
    }
}

fn is_wanted(rung: Rung, options: &Options) -> bool {
    let is_named = options.rungs.is_empty() || options.rungs.contains(&rung);
    rung == Rung::RawEpoll || (is_named && (options.runtime == Runtime::Current || rung.is_on_tokio()))
}

/// Measures all rungs in each round.
pub(crate) fn measure(plan: &Plan, cores: Cores) -> io::Result<Run> {
    let machine = Machine::describe()?;
    let mut servers = Vec::new();
    for &rung in &plan.rungs {
        let server = Server::start(rung, plan.runtime, cores.server)?;
        let response = check::response_len(rung, server.address)?;
        servers.push(Subject { rung, server, response });
    }
    let mut cases: Vec<Case> = Vec::new();
    for &head in plan.heads {
        for depth in DEPTHS {
            let rungs = plan.rungs.iter().map(|&rung| Samples { rung, rounds: Vec::new() }).collect();
            cases.push(Case { depth, head, rungs });
        }
    }
    cores::on(cores.generator, || {
        cases.iter_mut().try_for_each(|case| {
            eprintln!("rates: {}, {} deep", case.head, case.depth);
            in_turn(plan.rounds as usize, servers.len())
                .try_for_each(|(_, place)| measure_in(case, place, &mut servers[place], plan.span))
        })
    })?;
    let (runtime, seconds) = (plan.runtime, plan.span.as_secs_f64());
    Ok(Run { machine, runtime, connections: CONNECTIONS, seconds, cases })
}

/// A server under measurement.
struct Subject {
    rung: Rung,
    server: Server,
    /// How long its answers are.
    response: usize,
}

fn measure_in(case: &mut Case, place: usize, subject: &mut Subject, span: Duration) -> io::Result<()> {
    let Subject { rung, server, response } = subject;
    let (depth, requests) = (case.depth, case.head.in_turn());
    let load = Load { connections: CONNECTIONS, depth, requests, response: *response };
    let sample = measure_one(server, &load, span)
        .map_err(|e| io::Error::new(e.kind(), format!("{}, depth {depth}: {e}", rung.name())))?;
    case.rungs[place].rounds.push(sample);
    Ok(())
}

fn measure_one(server: &mut Server, load: &Load, span: Duration) -> io::Result<Sample> {
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
