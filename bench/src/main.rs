//! The ladder: what a request costs, from raw epoll to tenure's server, beside its peers.
//!
//! See README.md for what each command prints, proves and does not prove.

mod allocations;
mod check;
mod client;
mod contenders;
mod cores;
mod counting;
mod generator;
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
mod reuse;
mod round_trip;
mod rungs;
mod server;
mod slowloris;
mod sockets;
mod spread;
mod subject;
mod syscalls;
mod usage;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use contenders::site;
use counting::Counting;
use heads::Head;
use idle::holder;
use rungs::Rung;
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
    /// Instructions a request in proto alone, by callgrind, with httparse as a yardstick
    Instructions {
        /// How many functions of the profile to print
        #[arg(long, default_value_t = 10)]
        top: usize,
    },
    /// Allocations a request; fails if proto makes any
    Allocations,
    /// Memory of idle connections, how fast they wake, and what they do to others
    Idle(idle::Options),
    /// Many small requests over one connection with a long round trip: pipelined, and over HTTP/2
    RoundTrip(round_trip::Options),
    /// What a request costs a client: tenure's beside its peers, against nginx
    Client(client::Options),
    /// What thousands of deliberately slow clients do to a normal one
    Slowloris(slowloris::Options),
    #[command(name = server::COMMAND, hide = true)]
    RunServer {
        rung: Rung,
        #[arg(long)]
        core: usize,
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
    /// What persistence and pipelining save, and how the congestion window grows
    Reuse(reuse::Options),
    #[command(name = reuse::SINK, hide = true)]
    RunUploadServer {
        #[arg(long)]
        core: usize,
        #[arg(long)]
        identity: Option<PathBuf>,
    },
    #[command(name = reuse::UPLOADS, hide = true)]
    RunUploads(reuse::Told),
    #[command(name = client::worker::COMMAND, hide = true)]
    RunClient {
        library: client::Library,
        url: String,
        #[arg(long)]
        core: usize,
    },
    #[command(name = subject::COMMAND, hide = true)]
    RunSubject { subject: Subject, head: Head, requests: u64 },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => rates::run(&cli.rates),
        Some(Command::Syscalls) => syscalls::run(),
        Some(Command::Instructions { top }) => instructions::run(top),
        Some(Command::Allocations) => allocations::run(),
        Some(Command::RunServer { rung, core }) => server::run(rung, core),
        Some(Command::Idle(options)) => idle::run(&options),
        Some(Command::RoundTrip(options)) => round_trip::run(&options),
        Some(Command::Slowloris(options)) => slowloris::run(&options),
        Some(Command::Client(options)) => client::run(&options),
        Some(Command::RunClient { library, url, core }) => client::worker::run(library, &url, core),
        Some(Command::Reuse(options)) => reuse::run(&options),
        Some(Command::RunUploadServer { core, identity }) => reuse::run_sink(core, identity.as_deref()),
        Some(Command::RunUploads(told)) => reuse::run_uploads(&told),
        Some(Command::RunSite { rung, core, port }) => site::run(rung, core, port),
        Some(Command::HoldConnections { first, count }) => holder::run(first, count),
        Some(Command::RunSubject { subject, head, requests }) => subject.run(head, requests),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ladder: {error}");
            ExitCode::FAILURE
        }
    }
}
