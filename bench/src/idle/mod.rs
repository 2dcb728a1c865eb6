//! `ladder idle`: what a connection costs while it is idle, and what it costs the others.

pub(crate) mod holder;
mod report;
mod room;

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use crate::contenders::{Contender, Running, Size};
use crate::cores::{self, Cores};
use crate::heads::Head;
use crate::latency::Latency;
use crate::machine::Machine;
use crate::memory::{self, User};
use crate::open_loop::Pace;
use crate::pairs::{self, Pair};
use crate::rounds::in_turn;
use crate::sockets;
use crate::spread::Spread;
use holder::Holder;

/// Connections at work beside the idle ones, and the requests a second on all of them.
const ACTIVE: usize = 64;
const RATE: u32 = 4_000;
/// How many idle connections are woken, if there are as many.
const WOKEN: u32 = 18_000;
/// So many of them at a time give one p99 of the first requests and one of the next: a machine that stalls for milliseconds now
/// and then decides a single p99, but not the middle of several.
const SET: usize = 2_000;
/// Descriptors that a process needs beside its connections.
const SPARE: usize = 200;

/// What to measure.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Idle connections
    #[arg(long, default_value_t = 18_500, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    connections: u32,
    /// Server processes that share the port; by default as few as the limit on open files allows
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=1000))]
    processes: Option<u32>,
    /// Only these
    #[arg(long, value_delimiter = ',', value_name = "SERVER,...")]
    servers: Vec<Contender>,
    /// Seconds without a request before a connection counts as idle
    #[arg(long, default_value_t = 3.0, value_parser = crate::rates::positive)]
    quiet: f64,
    /// Seconds that the connections at work are measured with and without idle ones, in turn
    #[arg(long, default_value_t = 10.0, value_parser = crate::rates::positive)]
    seconds: f64,
    /// Rounds; in each, every server is measured once
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// How one run goes, the same for all servers.
#[derive(Clone, Copy, Debug)]
struct Plan {
    connections: u32,
    size: Size,
    /// Connections that one generator process holds.
    held: u32,
    quiet: Duration,
    span: Duration,
    core: usize,
}

/// One server in one round. Memory is in bytes for each idle connection.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Figures {
    user: User,
    /// What a server that was told how many connections will come has written to at its start, beyond
    /// one that was told of few.
    preallocated: f64,
    /// Both ends of the connection.
    kernel: f64,
    /// How long it took to open them all, with a request on each.
    opening_seconds: f64,
    /// The connections at work: on a server without idle ones, and on the one that has them.
    at_work: Pair,
    /// The first request on an idle connection, and the one right after it on the same connection.
    woken: Latency,
    hot: Latency,
    /// How much more the one is at p99, in microseconds: over sets of connections.
    woken_more: Spread,
}

/// A server and what it showed in all rounds.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    server: Contender,
    rounds: Vec<Figures>,
    /// Why rounds are missing.
    refused: Option<String>,
}

/// Everything one run found out.
#[derive(Debug, Serialize)]
pub(crate) struct Run {
    machine: Machine,
    connections: u32,
    processes: usize,
    quiet: f64,
    active: usize,
    rate: u32,
    rows: Vec<Row>,
}

/// Measures and reports.
pub(crate) fn run(options: &Options) -> io::Result<()> {
    let limit = sockets::raise_limit()?;
    let size = room::size(options.connections as usize + ACTIVE, options.processes, limit.saturating_sub(SPARE))?;
    room::check(options.connections)?;
    let cores = Cores::choose()?;
    let machine = Machine::describe()?;
    cores::pin(cores.generator)?;
    let plan = Plan {
        connections: options.connections,
        size,
        held: u32::try_from(limit.saturating_sub(SPARE)).unwrap_or(u32::MAX),
        quiet: Duration::from_secs_f64(options.quiet),
        span: Duration::from_secs_f64(options.seconds),
        core: cores.server,
    };
    let servers = Contender::choose(&options.servers, size)?;
    let mut rows: Vec<Row> =
        servers.into_iter().map(|server| Row { server, rounds: Vec::new(), refused: None }).collect();
    for (round, place) in in_turn(options.rounds as usize, rows.len()) {
        let row = &mut rows[place];
        eprintln!("round {} of {}: {}", round + 1, options.rounds, row.server.name());
        match plan.measure(row.server) {
            Ok(figures) => row.rounds.push(figures),
            Err(e) if e.kind() == ErrorKind::OutOfMemory => row.refused = Some(e.to_string()),
            Err(e) => return Err(io::Error::new(e.kind(), format!("{}: {e}", row.server.name()))),
        }
    }
    let run = Run {
        machine,
        connections: plan.connections,
        processes: size.processes,
        quiet: options.quiet,
        active: ACTIVE,
        rate: RATE,
        rows,
    };
    report::print(&run);
    options.json.as_ref().map_or(Ok(()), |path| crate::report::save(&run, path))
}

impl Plan {
    fn measure(&self, server: Contender) -> io::Result<Figures> {
        // Started first, since they share this program's pages with the servers.
        let mut holders = self.holders()?;
        // One of the same kind without idle connections, there all the time and told of no more than
        // those at work; also what a server holds at its start.
        let plain = server.start(Size { room: ACTIVE, ..self.size }, self.core)?;
        let small = User::of(&plain.pids()?)?;
        let running = server.start(self.size, self.core)?;
        let pids = running.pids()?;
        let user_before = User::of(&pids)?;
        let kernel_before = memory::kernel()?;
        let start = Instant::now();
        self.open(&mut holders, &running)?;
        let opening_seconds = start.elapsed().as_secs_f64();

        std::thread::sleep(self.quiet);
        self.all_are_open(&mut holders)?;
        let each = f64::from(self.connections);
        let user = (User::of(&pids)? - user_before) / each;
        let kernel = (memory::kernel()? - kernel_before) / each;
        let at_work = self.at_work(&plain, &running)?;
        let (woken, hot) = self.wake(&mut holders)?;
        let p99 = |waits: &[Duration]| Latency::of(waits.to_vec()).p99;
        let woken_more = Spread::of(woken.chunks(SET).zip(hot.chunks(SET)).map(|(woken, hot)| p99(woken) - p99(hot)));
        for holder in holders {
            holder.stop()?;
        }
        let preallocated = (user_before - small).private_dirty / each;
        let (woken, hot) = (Latency::of(woken), Latency::of(hot));
        Ok(Figures { user, preallocated, kernel, opening_seconds, at_work, woken, hot, woken_more })
    }

    fn holders(&self) -> io::Result<Vec<Holder>> {
        let firsts = (0..self.connections).step_by(self.held as usize);
        firsts.map(|first| Holder::start(first, self.held.min(self.connections - first))).collect()
    }

    fn at_work(&self, plain: &Running, running: &Running) -> io::Result<Pair> {
        let pace = Pace {
            connections: ACTIVE,
            rate: RATE,
            span: self.span,
            renew: None,
            request: Head::Small.bytes(),
            response: running.response,
        };
        let pair = pairs::measure(plain, running, pace)?;
        match pair.plain.failed + pair.loaded.failed {
            0 => Ok(pair),
            n => Err(io::Error::other(format!("{n} requests of the connections at work were not answered"))),
        }
    }

    /// Opens all connections, and gives up in time if memory would not suffice.
    fn open(&self, holders: &mut [Holder], running: &Running) -> io::Result<()> {
        let before = memory::available()?;
        let mut opened = 0;
        for holder in holders {
            holder.open(running.address, running.response)?;
            opened += holder.count;
            room::check_rest(opened, self.connections, before)?;
        }
        Ok(())
    }

    /// Those that the server has closed meanwhile would make the others look cheap.
    fn all_are_open(&self, holders: &mut [Holder]) -> io::Result<()> {
        let mut quiet = 0;
        for holder in holders {
            quiet += holder.quiet()?;
        }
        match u64::from(self.connections) - quiet {
            0 => Ok(()),
            n => Err(io::Error::other(format!("the server has closed {n} idle connections"))),
        }
    }

    fn wake(&self, holders: &mut [Holder]) -> io::Result<(Vec<Duration>, Vec<Duration>)> {
        let each = WOKEN.div_ceil(u32::try_from(holders.len()).unwrap_or(u32::MAX));
        let (mut woken, mut hot) = (Vec::new(), Vec::new());
        for holder in holders {
            holder.wake(each, &mut woken, &mut hot)?;
        }
        Ok((woken, hot))
    }
}
