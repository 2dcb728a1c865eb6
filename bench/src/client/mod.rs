//! `ladder client`: what a request costs a client, library beside library in the same rounds, with
//! wrk as the limit.

mod library;
mod report;
pub(crate) mod worker;
pub(crate) mod wrk;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::contenders::{Contender, Size};
use crate::cores::{self, Cores};
use crate::machine::Machine;
use crate::rates::positive;
use crate::report::save;
use crate::rounds::in_turn;
pub(crate) use library::Library;
use worker::Worker;
use wrk::Wrk;

/// How many requests are under way at once: one after the other, and many.
const AT_ONCE: [usize; 2] = [1, 32];

/// How long and what to measure.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Rounds; in each, every client is measured once
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Seconds for each measurement
    #[arg(long, default_value_t = 1.0, value_parser = positive)]
    seconds: f64,
    /// Only these, beside wrk
    #[arg(long, value_delimiter = ',', value_name = "LIBRARY,...")]
    only: Vec<Library>,
    /// The server that is asked
    #[arg(long, default_value = "nginx")]
    server: Contender,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// One client in one round.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Sample {
    /// Requests answered.
    requests: u64,
    seconds: f64,
    /// CPU time of the client's process, in seconds.
    user: f64,
    system: f64,
    /// What it took from the heap; not known of wrk.
    allocations: Option<u64>,
}

/// One client in all rounds.
#[derive(Debug, Serialize)]
struct Samples {
    client: &'static str,
    rounds: Vec<Sample>,
}

/// All clients with so many requests at once; the first is the limit.
#[derive(Debug, Serialize)]
struct Case {
    at_once: usize,
    clients: Vec<Samples>,
}

/// Everything one run found out.
#[derive(Debug, Serialize)]
struct Run {
    machine: Machine,
    server: &'static str,
    seconds: f64,
    cases: Vec<Case>,
}

/// A client that is ready to ask.
enum Client {
    Wrk(Wrk),
    Library(Library, Worker),
}

impl Client {
    const fn name(&self) -> &'static str {
        match self {
            Self::Wrk(_) => "wrk",
            Self::Library(library, _) => library.name(),
        }
    }

    fn measure(&mut self, at_once: usize, span: Duration) -> io::Result<Sample> {
        match self {
            Self::Wrk(wrk) => wrk.measure(at_once, span),
            Self::Library(_, worker) => worker.measure(at_once, span),
        }
    }
}

/// Measures and reports.
pub(crate) fn run(options: &Options) -> io::Result<()> {
    let cores = Cores::choose()?;
    let machine = Machine::describe()?;
    let server = options.server.start(Size { processes: 1, room: 200 }, cores.server)?;
    let url = format!("http://{}/hello", server.address);
    let mut clients = Vec::new();
    match Wrk::new(&url, cores.generator) {
        Ok(wrk) => clients.push(Client::Wrk(wrk)),
        Err(why) => eprintln!("wrk is left out: {why}"),
    }
    for library in Library::ALL {
        if options.only.is_empty() || options.only.contains(&library) {
            clients.push(Client::Library(library, Worker::start(library, &url, cores.generator)?));
        }
    }
    // From here on this thread only waits.
    cores::pin(cores.server)?;

    let none = || clients.iter().map(|client| Samples { client: client.name(), rounds: Vec::new() }).collect();
    let mut cases = AT_ONCE.map(|at_once| Case { at_once, clients: none() });
    let span = Duration::from_secs_f64(options.seconds);
    for case in &mut cases {
        eprintln!("{} at once", case.at_once);
        for (_, place) in in_turn(options.rounds as usize, clients.len()) {
            let client = &mut clients[place];
            let sample = client
                .measure(case.at_once, span)
                .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", client.name())))?;
            case.clients[place].rounds.push(sample);
        }
    }
    let run = Run { machine, server: options.server.name(), seconds: options.seconds, cases: cases.into() };
    report::print(&run);
    options.json.as_ref().map_or(Ok(()), |path| save(&run, path))
}
