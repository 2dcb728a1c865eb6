//! `ladder reuse`: what persistence and pipelining save, as Nielsen and others measured it in 1997
//! (Network Performance Effects of HTTP/1.1, CSS1, and PNG), and how the congestion window grows.

pub(crate) mod page;
pub(crate) mod path;
pub(crate) mod plot;
mod sink;
mod uploads;
mod window;

use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::cores::Cores;
use crate::machine::Machine;
use crate::report::save;
use path::Path;
use sink::Sink;
pub(crate) use sink::{COMMAND as SINK, run as run_sink};
pub(crate) use uploads::{COMMAND as UPLOADS, Told, run as run_uploads};
use window::Window;

/// Bytes of each upload.
const UPLOAD: usize = 4 << 10;

/// How much to measure.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Uploads of 4 KiB in each case
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    uploads: u32,
    /// The round-trip time of the path, in milliseconds
    #[arg(long, default_value_t = 10.0)]
    rtt: f64,
    /// Write the table into reuse.md and the plot to reuse.svg of this folder
    #[arg(long, value_name = "DIR")]
    docs: Option<PathBuf>,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Already in a network namespace of its own
    #[arg(long, hide = true)]
    inside: bool,
}

/// How the uploads use connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Manner {
    /// A connection for each, as HTTP/1.0 did.
    Each,
    /// One after the other on one connection.
    Persistent,
    /// On one connection, up to 16 before their answers.
    Pipelined,
}

impl Manner {
    const ALL: [Self; 3] = [Self::Each, Self::Persistent, Self::Pipelined];

    const fn name(self) -> &'static str {
        match self {
            Self::Each => "each",
            Self::Persistent => "persistent",
            Self::Pipelined => "pipelined",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Each => "a connection for each",
            Self::Persistent => "one persistent connection",
            Self::Pipelined => "pipelined, 16 deep",
        }
    }
}

/// One case.
#[derive(Clone, Copy, Debug, Serialize)]
struct Case {
    tls: bool,
    manner: Manner,
    connections: u64,
    seconds: f64,
    /// CPU time of the client and the server, in seconds.
    client: f64,
    server: f64,
    /// Both ways.
    packets: u64,
    bytes: u64,
}

/// Everything one run found out.
#[derive(Debug, Serialize)]
struct Run {
    machine: Machine,
    uploads: u32,
    rtt_ms: f64,
    cases: Vec<Case>,
    windows: Vec<Window>,
}

/// Measures and reports.
pub(crate) fn run(options: &Options) -> io::Result<()> {
    if !options.inside {
        return run_inside();
    }
    let cores = Cores::choose()?;
    let machine = Machine::describe()?;
    let path = Path::open(Duration::from_secs_f64(options.rtt / 2e3))?;
    let mut cases = Vec::new();
    for tls in [false, true] {
        let mut sink = Sink::start(tls, cores.server)?;
        for manner in Manner::ALL {
            eprintln!("{}{}", if tls { "TLS, " } else { "" }, manner.label());
            cases.push(measure(options, &path, &mut sink, manner, cores.generator)?);
        }
    }
    eprintln!("congestion windows");
    let sink = Sink::start(false, cores.server)?;
    let windows = window::measure(sink.address)?;
    let run = Run { machine, uploads: options.uploads, rtt_ms: options.rtt, cases, windows };
    let table = page::table(&run);
    println!("{table}");
    if let Some(folder) = &options.docs {
        page::insert(&folder.join("reuse.md"), &table)?;
        std::fs::write(folder.join("reuse.svg"), plot::svg(&run))?;
    }
    options.json.as_ref().map_or(Ok(()), |file: &PathBuf| save(&run, FilePath::new(file)))
}

/// This program again, in a network namespace of its own: nothing else sends there, and its routes
/// and settings are its own.
fn run_inside() -> io::Result<()> {
    let mut command = Command::new("unshare");
    command.args(["--net", "--map-root-user"]).arg(std::env::current_exe()?);
    let status = command.args(std::env::args_os().skip(1)).arg("--inside").status();
    let status = status.map_err(|e| io::Error::new(e.kind(), format!("unshare (of util-linux): {e}")))?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("the measurement ended with {status}"))) }
}

fn measure(options: &Options, path: &Path, sink: &mut Sink, manner: Manner, core: usize) -> io::Result<Case> {
    let mut uploads = uploads::Process::start(sink, manner, options.uploads, core)?;
    let (server, before) = (sink.usage()?, path.carried());
    let done = uploads.go()?;
    // What ends the connections is part of it.
    path.settle();
    let (after, used) = (path.carried(), sink.usage()? - server);
    Ok(Case {
        tls: sink.tls(),
        manner,
        connections: done.connections,
        seconds: done.seconds,
        client: done.cpu,
        server: used.user.as_secs_f64() + used.system.as_secs_f64(),
        packets: after.packets - before.packets,
        bytes: after.bytes - before.bytes,
    })
}
