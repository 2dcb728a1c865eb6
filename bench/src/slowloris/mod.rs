//! `ladder slowloris`: what thousands of deliberately slow clients do to a normal one.

mod attack;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::contenders::{Contender, Running, Size};
use crate::cores::{self, Cores};
use crate::heads::Head;
use crate::machine::Machine;
use crate::memory::User;
use crate::open_loop::{self, Pace};
use crate::pairs::{self, Pair};
use crate::report;
use crate::rounds::in_turn;
use crate::sockets;
use crate::spread::Spread;
use attack::{Attack, Kind};

/// The normal client: connections, requests a second over all of them, and how often one of them
/// is sent on a new connection, since the slow clients may be in the way of those first.
const CONNECTIONS: usize = 16;
const RATE: u32 = 2_000;
const RENEW: u32 = 20;
/// The attack goes on for this long before it is measured: that so many connections come at once is
/// another affair.
const SETTLE: Duration = Duration::from_secs(2);
/// Descriptors that this process needs beside the slow connections.
const SPARE: usize = 200;

/// What to measure.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Slow clients
    #[arg(long, default_value_t = 5_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    clients: u32,
    /// Only these
    #[arg(long, value_delimiter = ',', value_name = "SERVER,...")]
    servers: Vec<Contender>,
    /// Seconds that the normal client is measured on the attacked server, in turn with as many on one that is not
    /// attacked; the time before the attack lasts half as long
    #[arg(long, default_value_t = 15.0, value_parser = crate::rates::positive)]
    seconds: f64,
    /// Rounds; in each, every server meets both attacks once
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// One attack on one server.
#[derive(Clone, Copy, Debug, Serialize)]
struct Figures {
    /// p99 before the attack, in the median second.
    quiet: f64,
    /// During the attack: of a server beside it that is not attacked, and of the one that is.
    pair: Pair,
    /// Slow connections that the server closed.
    closed: u64,
    /// What the server's memory grew by, in bytes for each slow connection.
    user: User,
}

/// One kind of attack on one server, in all rounds.
#[derive(Debug, Serialize)]
struct Row {
    server: Contender,
    slowly: Kind,
    rounds: Vec<Figures>,
}

/// Everything one run found out.
#[derive(Debug, Serialize)]
struct Run {
    machine: Machine,
    clients: u32,
    seconds: f64,
    rows: Vec<Row>,
}

/// Measures and reports.
pub(crate) fn run(options: &Options) -> io::Result<()> {
    let limit = sockets::raise_limit()?;
    if options.clients as usize + SPARE > limit {
        let most = limit.saturating_sub(SPARE);
        return Err(io::Error::other(format!("a process may have {limit} open files here: at most --clients {most}")));
    }
    let size = Size { processes: 1, room: options.clients as usize + CONNECTIONS };
    // The limit has no large response, nor any timeout.
    let wanted: Vec<Contender> = match &options.servers[..] {
        [] => Contender::ALL.into_iter().filter(|&server| server != Contender::RawEpoll).collect(),
        some if some.contains(&Contender::RawEpoll) => {
            return Err(io::Error::other("raw-epoll has no large response to be read slowly"));
        }
        some => some.to_vec(),
    };
    let cores = Cores::choose()?;
    let machine = Machine::describe()?;
    cores::pin(cores.generator)?;
    let mut rows: Vec<Row> = Vec::new();
    for slowly in Kind::ALL {
        for server in Contender::choose(&wanted, size)? {
            rows.push(Row { server, slowly, rounds: Vec::new() });
        }
    }
    let span = Duration::from_secs_f64(options.seconds);
    for (round, place) in in_turn(options.rounds as usize, rows.len()) {
        let row = &mut rows[place];
        eprintln!("round {} of {}: {}, {}", round + 1, options.rounds, row.server.name(), row.slowly.name());
        let plain = row.server.start(size, cores.server)?;
        let running = row.server.start(size, cores.server)?;
        let figures = measure(&plain, &running, row.slowly, options.clients, span)
            .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", row.server.name())))?;
        row.rounds.push(figures);
    }
    let run = Run { machine, clients: options.clients, seconds: options.seconds, rows };
    print(&run);
    options.json.as_ref().map_or(Ok(()), |path| report::save(&run, path))
}

fn measure(plain: &Running, running: &Running, slowly: Kind, clients: u32, span: Duration) -> io::Result<Figures> {
    let pids = running.pids()?;
    let quiet = open_loop::run(running.address.into(), normal(running, span / 2))?.usual_p99;
    let before = User::of(&pids)?;
    let mut attack = Attack::open(slowly, running.address, clients)?;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let attacker = scope.spawn(|| attack.run(&stop));
        std::thread::sleep(SETTLE);
        let pair = pairs::measure(plain, running, normal(running, span));
        let after = User::of(&pids);
        stop.store(true, Ordering::Relaxed);
        let closed = attacker.join().unwrap_or_else(|_| Err(io::Error::other("the attack panicked")));
        Ok(Figures { quiet, pair: pair?, closed: closed?, user: (after? - before) / f64::from(clients) })
    })
}

fn normal(running: &Running, span: Duration) -> Pace {
    Pace {
        connections: CONNECTIONS,
        rate: RATE,
        span,
        renew: Some(RENEW),
        request: Head::Small.bytes(),
        response: running.response,
    }
}

fn print(run: &Run) {
    println!("{}", run.machine);
    println!(
        "{} slow clients, each a byte a second, for {} s; several rounds: median (min-max)",
        run.clients, run.seconds
    );
    println!(
        "beside them {CONNECTIONS} normal connections, {RATE} requests a second in all, one in {RENEW} on a new one"
    );
    for slowly in Kind::ALL {
        println!("\n{} slowly: microseconds of the normal client (p99: in the median slice)", slowly.name());
        let titles =
            ["p99 before", "p99 unattacked", "p99 attacked", "ratio", "CPU ratio", "failed", "closed", "bytes each"];
        println!("{:<8}{}", "server", titles.map(|title| format!(" {title:>18}")).concat());
        for row in run.rows.iter().filter(|row| row.slowly == slowly) {
            let cells = [
                row.cell(0, |f| f.quiet),
                row.cell(0, |f| f.pair.plain.p99),
                row.cell(0, |f| f.pair.loaded.p99),
                row.cell(2, |f| f.pair.p99_ratio),
                row.cell(2, |f| f.pair.cpu_ratio()),
                row.cell(0, |f| f.pair.loaded.failed as f64),
                row.cell(0, |f| f.closed as f64),
                row.cell(0, |f| f.user.pss),
            ];
            println!("{:<8}{}", row.server.name(), cells.map(|cell| format!(" {cell:>18}")).concat());
        }
    }
}

impl Row {
    fn cell(&self, decimals: usize, value: impl Fn(&Figures) -> f64) -> String {
        Spread::of(self.rounds.iter().map(value)).brief(decimals)
    }
}
