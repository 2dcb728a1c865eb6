//! A rung in a process of its own: this program again, pinned to a core, told what to do by pipe.
//!
//! The child binds a loopback port and prints it. For each line on its standard input it prints
//! its CPU time so far; at the end of the input it exits, so that no server outlives its parent.

use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use crate::contenders::daemon::Daemon;
use crate::contenders::{Size, h2o, nginx};
use crate::process::Process;
use crate::rungs::{Rung, Runtime};
use crate::usage::Usage;
use crate::{cores, sockets};

/// The name of the hidden subcommand that the child is started with.
pub(crate) const COMMAND: &str = "run-server";

/// Connections that the programs among the rungs are told to have room for.
const ROOM: Size = Size { processes: 1, room: 1024 };

/// A running server.
pub(crate) struct Server {
    kind: Kind,
    pub(crate) address: SocketAddr,
}

enum Kind {
    Process(Process),
    Program(Daemon),
}

impl Server {
    /// Starts `rung` on `core`.
    pub(crate) fn start(rung: Rung, runtime: Runtime, core: usize) -> io::Result<Self> {
        Self::start_under(rung, runtime, core, Vec::new())
    }

    /// The same, run by another program (a tracer): `wrapper` is its command line, to which the
    /// server's is appended.
    pub(crate) fn start_under(rung: Rung, runtime: Runtime, core: usize, wrapper: Vec<OsString>) -> io::Result<Self> {
        let (kind, port) = match rung {
            Rung::Nginx => program(nginx::start(wrapper, ROOM, core)?),
            Rung::H2o => program(h2o::start(wrapper, ROOM, core)?),
            _ => {
                let line = [COMMAND, rung.name(), "--core", &core.to_string(), "--runtime", runtime.name()];
                let mut process = Process::start(wrapper, line)?;
                let port = u16::try_from(process.number()?).map_err(io::Error::other)?;
                (Kind::Process(process), port)
            }
        };
        Ok(Self { kind, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) })
    }

    /// CPU time of the server so far.
    pub(crate) fn usage(&mut self) -> io::Result<Usage> {
        match &mut self.kind {
            Kind::Process(process) => {
                process.ask("usage")?;
                let mut time = || process.number().map(Duration::from_micros);
                Ok(Usage { user: time()?, system: time()? })
            }
            Kind::Program(daemon) => daemon.usage(),
        }
    }

    /// Ends the server and waits for it, so that what its tracer writes is complete.
    pub(crate) fn stop(self) -> io::Result<()> {
        match self.kind {
            Kind::Process(process) => process.stop(),
            Kind::Program(daemon) => {
                drop(daemon);
                Ok(())
            }
        }
    }
}

fn program(daemon: Daemon) -> (Kind, u16) {
    let port = daemon.port;
    (Kind::Program(daemon), port)
}

/// The child's side: serves until the parent closes the pipe.
pub(crate) fn run(rung: Rung, runtime: Runtime, core: usize) -> io::Result<()> {
    let listener = sockets::listen_shared(0)?;
    attend(&listener)?;
    cores::pin(core)?;
    rung.run(listener, runtime)
}

/// Prints the port, then answers the parent in a thread of its own. To be called before this
/// thread is pinned, so that the other need not wait for a busy core.
pub(crate) fn attend(listener: &TcpListener) -> io::Result<()> {
    println!("{}", listener.local_addr()?.port());
    std::thread::spawn(|| match report_usage() {
        Ok(()) => std::process::exit(0),
        Err(error) => {
            eprintln!("ladder: {error}");
            std::process::exit(1);
        }
    });
    Ok(())
}

fn report_usage() -> io::Result<()> {
    for line in io::stdin().lines() {
        line?;
        let usage = Usage::now()?;
        println!("{}\n{}", usage.user.as_micros(), usage.system.as_micros());
    }
    Ok(())
}
