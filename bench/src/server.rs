//! A rung in a process of its own: this program again, pinned to a core, told what to do by pipe.
//!
//! The child binds a loopback port and prints it. For each line on its standard input it prints
//! its CPU time so far; at the end of the input it exits, so that no server outlives its parent.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::cores;
use crate::rungs::Rung;
use crate::usage::Usage;

/// The name of the hidden subcommand that the child is started with.
pub(crate) const COMMAND: &str = "run-server";

/// A running server.
pub(crate) struct Server {
    child: Child,
    /// Taken when the child is to end.
    ask: Option<ChildStdin>,
    told: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts `rung` on `core`.
    pub(crate) fn start(rung: Rung, core: usize) -> io::Result<Self> {
        Self::start_under(rung, core, Vec::new())
    }

    /// The same, run by another program (a tracer): `wrapper` is its command line, to which the
    /// server's is appended.
    pub(crate) fn start_under(rung: Rung, core: usize, wrapper: Vec<OsString>) -> io::Result<Self> {
        let mut line = wrapper;
        line.push(std::env::current_exe()?.into_os_string());
        line.extend([COMMAND, rung.name(), "--core"].map(OsString::from));
        line.push(core.to_string().into());
        let mut child = Command::new(&line[0]).args(&line[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(ask), Some(told)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("the server's pipes are missing"));
        };
        let mut told = BufReader::new(told);
        let port = read_number(&mut told)?;
        let port = u16::try_from(port).map_err(io::Error::other)?;
        Ok(Self { child, ask: Some(ask), told, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) })
    }

    /// CPU time of the server so far.
    pub(crate) fn usage(&mut self) -> io::Result<Usage> {
        let Some(ask) = &mut self.ask else { return Err(io::Error::other("the server has ended")) };
        ask.write_all(b"usage\n")?;
        let mut time = || read_number(&mut self.told).map(Duration::from_micros);
        Ok(Usage { user: time()?, system: time()? })
    }

    /// Ends the server and waits for it, so that what its tracer writes is complete.
    pub(crate) fn stop(mut self) -> io::Result<()> {
        self.ask = None;
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("the server ended with {status}"))) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ask = None;
        // Nothing is left to be done about a child that cannot be waited for.
        drop(self.child.wait());
    }
}

fn read_number(from: &mut impl BufRead) -> io::Result<u64> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    line.trim().parse().map_err(|_| io::Error::other("the server has not started; its message is above"))
}

/// The child's side: serves until the parent closes the pipe.
pub(crate) fn run(rung: Rung, core: usize) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?.port());
    // Started before this thread is pinned, so that it need not wait for a busy core.
    std::thread::spawn(|| match report_usage() {
        Ok(()) => std::process::exit(0),
        Err(error) => {
            eprintln!("ladder: {error}");
            std::process::exit(1);
        }
    });
    cores::pin(core)?;
    rung.run(listener)
}

fn report_usage() -> io::Result<()> {
    for line in io::stdin().lines() {
        line?;
        let usage = Usage::now()?;
        println!("{}\n{}", usage.user.as_micros(), usage.system.as_micros());
    }
    Ok(())
}
