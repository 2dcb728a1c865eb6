//! `ladder all`: everything about servers in one run, and the page that tells it.

mod connecting;
mod growth;
pub(crate) mod large;
mod paced;
mod page;
mod plot;
mod quiet;
mod targets;
mod wrk;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::cores::Cores;
use crate::heads::Head;
use crate::machine::Machine;
use crate::rates::{self, positive};
use crate::report::save;
use crate::reuse::page::insert;
use crate::rungs::{Rung, Runtime};
use crate::{allocations, instructions, sockets, syscalls};

/// How long and what to measure.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Rounds of the rates; the other figures have a fixed number
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Seconds for each measurement of a rate
    #[arg(long, default_value_t = 0.6, value_parser = positive)]
    seconds: f64,
    /// Only these, beside raw-epoll
    #[arg(long, value_delimiter = ',', value_name = "RUNG,...")]
    rungs: Vec<Rung>,
    /// Idle connections, and how many there are beside those at work
    #[arg(long, default_value_t = 18_000, value_parser = clap::value_parser!(u32).range(1000..=1_000_000))]
    connections: u32,
    /// Mebibytes of the large content
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    mebibytes: u64,
    /// Write the tables into performance.md and the plot to performance.svg in this folder
    #[arg(long, value_name = "FOLDER")]
    docs: Option<PathBuf>,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Instructions of one request.
#[derive(Debug, Serialize)]
struct Instructions {
    rung: Rung,
    head: Head,
    depth: usize,
    each: f64,
    /// What they are for.
    groups: Vec<(&'static str, f64)>,
}

/// Everything one run found out.
#[derive(Debug, Serialize)]
struct Run {
    machine: Machine,
    rates: rates::Run,
    /// The same on the runtime of `#[tokio::main]`.
    multi: rates::Run,
    wrk: Vec<wrk::Row>,
    paced: Vec<paced::Row>,
    instructions: Vec<Instructions>,
    allocations: Vec<allocations::Each>,
    /// Of those, how many are the handler's own where there is a service.
    handler_allocations: f64,
    syscalls: Vec<syscalls::Each>,
    growth: growth::Growth,
    connecting: Vec<connecting::Row>,
    quiet: quiet::Quiet,
    large: Vec<large::Row>,
    files: Vec<large::files::Row>,
}

/// Measures and reports.
pub(crate) fn run(options: &Options) -> io::Result<()> {
    sockets::raise_limit()?;
    let run = measure(options)?;
    let text = page::text(&run);
    println!("{text}");
    if let Some(folder) = &options.docs {
        insert(&folder.join("performance.md"), &text)?;
        std::fs::write(folder.join("performance.svg"), plot::svg(&run.rates))?;
    }
    options.json.as_ref().map_or(Ok(()), |file| save(&run, file))
}

/// What counts time comes first: callgrind and strace may use both cores afterwards.
fn measure(options: &Options) -> io::Result<Run> {
    let (machine, cores) = (Machine::describe()?, Cores::choose()?);
    let is_wanted = |rung: &Rung| *rung == Rung::RawEpoll || options.rungs.is_empty() || options.rungs.contains(rung);
    let rungs: Vec<Rung> = Rung::available().into_iter().filter(is_wanted).collect();
    let plan = rates::Plan {
        rungs: rungs.clone(),
        runtime: Runtime::Current,
        heads: &Head::ALL,
        rounds: options.rounds,
        span: Duration::from_secs_f64(options.seconds),
    };
    let rates = rates::measure(&plan, cores)?;
    let on_tokio = rungs.iter().copied().filter(|&rung| rung == Rung::RawEpoll || rung.is_on_tokio());
    let plan = rates::Plan { rungs: on_tokio.collect(), runtime: Runtime::Multi, heads: &[Head::Small], ..plan };
    let multi = rates::measure(&plan, cores)?;
    say("wrk");
    let wrk = wrk::measure(&rungs, cores)?;
    say("latency at a fixed rate");
    let paced = paced::measure(&rungs, cores)?;
    say("new connections");
    let connecting = connecting::measure(cores)?;
    say("large content");
    let large = large::measure(options.mebibytes << 20, cores)?;
    say("small files");
    let files = large::files::measure(cores)?;
    say("idle connections");
    let quiet = quiet::measure(options.connections)?;
    say("allocations");
    let allocations = allocations::of_servers(&rungs)?;
    let handler_allocations = allocations::of_handler().count as f64;
    say("system calls");
    let syscalls = syscalls::of_small_heads(&rungs, cores)?;
    say("instructions");
    let instructions = instructions(&rungs, cores)?;
    say("instructions of growing heads");
    let growth = growth::measure(cores)?;
    Ok(Run {
        machine,
        rates,
        multi,
        wrk,
        paced,
        instructions,
        allocations,
        handler_allocations,
        syscalls,
        growth,
        connecting,
        quiet,
        large,
        files,
    })
}

fn instructions(rungs: &[Rung], cores: Cores) -> io::Result<Vec<Instructions>> {
    let counted = instructions::count(&instructions::works(rungs), cores)?;
    let names = instructions::cases(rungs);
    Ok(names
        .into_iter()
        .zip(counted)
        .map(|((rung, head, depth), each)| Instructions {
            rung,
            head,
            depth,
            each: each.total,
            groups: instructions::groups::of(&each),
        })
        .collect())
}

fn say(what: &str) {
    eprintln!("{what}");
}
