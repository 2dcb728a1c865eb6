//! The ladder: what a request costs, from raw epoll to tenure's server, beside its peers.
//!
//! See README.md for what each command prints, proves and does not prove.

#[cfg(feature = "peers")]
mod all;
mod allocations;
mod callgrind;
mod check;
#[cfg(feature = "peers")]
mod client;
mod contenders;
mod cores;
mod counting;
mod generator;
mod guard;
mod heads;
mod idle;
mod instructions;
mod latency;
mod machine;
mod memory;
mod open_loop;
mod pairs;
mod process;
mod rates;
mod report;
#[cfg(feature = "peers")]
mod reuse;
mod round_trip;
mod rounds;
mod rungs;
mod server;
mod slowloris;
mod sockets;
mod spread;
mod subject;
mod syscalls;
mod usage;
#[cfg(feature = "peers")]
mod with_peers;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use contenders::site;
use counting::Counting;
use heads::Input;
use idle::holder;
use rungs::{Rung, Runtime};
use subject::Subject;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Measures tenure's servers against raw epoll and their peers, over loopback only
#[derive(Parser, Debug)]
#[command(name = "ladder", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    rates: rates::Options,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// System calls a request, by strace
    Syscalls,
    /// Instructions a request and what they are for, by callgrind
    Instructions(instructions::Options),
    /// Allocations a request; fails if proto makes any
    Allocations,
    /// Memory of idle connections, how fast they wake, and what they do to others
    Idle(idle::Options),
    /// Many small requests over one connection with a long round trip: pipelined, and over HTTP/2
    RoundTrip(round_trip::Options),
    /// What thousands of deliberately slow clients do to a normal one
    Slowloris(slowloris::Options),
    #[command(name = server::COMMAND, hide = true)]
    RunServer {
        rung: Rung,
        #[arg(long)]
        core: usize,
        #[arg(long)]
        runtime: Runtime,
    },
    #[command(name = site::COMMAND, hide = true)]
    RunSite {
        rung: Rung,
        #[arg(long)]
        core: usize,
        #[arg(long)]
        port: u16,
    },
    #[command(name = holder::COMMAND, hide = true)]
    HoldConnections { first: u32, count: u32 },
    /// Counts of tenure's own rungs against those kept in the repository; fails if any is worse
    Guard(guard::Options),
    #[cfg(feature = "peers")]
    #[command(flatten)]
    WithPeers(with_peers::Command),
    #[command(name = subject::COMMAND, hide = true)]
    RunSubject { subject: Subject, input: Input, requests: u64 },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => rates::run(&cli.rates),
        Some(Command::Syscalls) => syscalls::run(),
        Some(Command::Instructions(options)) => instructions::run(&options),
        Some(Command::Allocations) => allocations::run(),
        Some(Command::RunServer { rung, core, runtime }) => server::run(rung, runtime, core),
        Some(Command::Idle(options)) => idle::run(&options),
        Some(Command::RoundTrip(options)) => round_trip::run(&options),
        Some(Command::Slowloris(options)) => slowloris::run(&options),
        Some(Command::Guard(options)) => guard::run(&options),
        #[cfg(feature = "peers")]
        Some(Command::WithPeers(command)) => command.run(),
        Some(Command::RunSite { rung, core, port }) => site::run(rung, core, port),
        Some(Command::HoldConnections { first, count }) => holder::run(first, count),
        Some(Command::RunSubject { subject, input, requests }) => subject.run(&input.0, requests),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ladder: {error}");
            ExitCode::FAILURE
        }
    }
}
