//! The command `tenure`: send, serve, get and explain over persistent HTTP connections.
#![deny(unsafe_code)]

mod chain;
mod explain;
mod get;
mod listen;
mod misbehave;
mod net;
mod output;
mod path_arg;
mod probe;
mod report;
mod send;
mod serve;
mod wire;

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// HTTP persistent connections done right.
///
/// Sends many files over one connection, serves and fetches files, and explains every byte of it.
#[derive(Parser)]
#[command(name = "tenure", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 all done, 1 something failed, 2 wrong use.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Send files over persistent connections
    Send(send::Args),
    /// Serve files and take uploads
    Serve(listen::Args),
    /// Fetch URLs over persistent connections
    Get(get::Args),
    /// Show where each HTTP message begins and ends, and why
    Explain(explain::Args),
    /// Misbehave on request, to try HTTP clients
    Misbehave(misbehave::Args),
    /// Measure how a server treats persistent connections
    Probe(probe::Args),
    /// Say which hops of a path race for idle connections, and what to set
    Chain(chain::Args),
}

/// The exit code, or why there is none.
type Ended = Result<u8, Box<dyn Error>>;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let activation = match &cli.command {
        // Before the runtime: it changes the environment, which no other thread may read meanwhile.
        Command::Serve(_) => net::activation::take(),
        _ => Ok(net::activation::Activation::default()),
    };
    let activation = match activation {
        Ok(activation) => activation,
        Err(error) => return failed(&error.to_string()),
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("cannot start: {error}")),
    };
    // Boxed: each of tokio's loops would have a copy of all of them otherwise, which costs the build seconds.
    let command: Pin<Box<dyn Future<Output = Ended>>> = match cli.command {
        Command::Send(args) => Box::pin(send::run(args)),
        Command::Serve(args) => Box::pin(listen::run(args, activation)),
        Command::Get(args) => Box::pin(get::run(args)),
        Command::Explain(args) => Box::pin(explain::run(args, output::color(&io::stdout()))),
        Command::Misbehave(args) => Box::pin(misbehave::run(args)),
        Command::Probe(args) => Box::pin(probe::run(args)),
        Command::Chain(args) => Box::pin(chain::run(args)),
    };
    let result = runtime.block_on(command);
    // Work that nobody waits for any more, such as reading standard input, must not hold the exit.
    runtime.shutdown_background();
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => failed(&error.to_string()),
    }
}

fn failed(message: &str) -> ExitCode {
    eprintln!("tenure: {message}");
    ExitCode::from(1)
}
