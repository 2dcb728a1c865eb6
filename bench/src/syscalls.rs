//! `ladder syscalls`: system calls a request, counted by strace.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;

use serde::Serialize;

use crate::check;
use crate::cores::{self, Cores};
use crate::generator::{Generator, Load};
use crate::heads::Head;
use crate::rungs::{Rung, Runtime};
use crate::server::Server;

const CONNECTIONS: usize = 64;
const DEPTHS: [usize; 2] = [1, 16];
/// Batches on each connection, in two runs; what start, accept and close cost falls out of the
/// difference.
const FEW: u64 = 10;
const MANY: u64 = 110;

/// System calls by name.
type Calls = BTreeMap<String, u64>;

/// A column of the table and the calls that belong to it; the last takes all others.
const COLUMNS: [(&str, &[&str]); 4] = [
    ("read", &["read", "readv", "recvfrom", "recvmsg"]),
    ("write", &["write", "writev", "sendto", "sendmsg"]),
    ("epoll_wait", &["epoll_wait", "epoll_pwait", "epoll_pwait2"]),
    ("other", &[]),
];

/// System calls of one request.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(crate) struct Each {
    pub(crate) rung: Rung,
    pub(crate) head: Head,
    pub(crate) depth: usize,
    pub(crate) read: f64,
    pub(crate) write: f64,
    pub(crate) epoll_wait: f64,
    pub(crate) other: f64,
}

/// Counts and prints.
pub(crate) fn run() -> io::Result<()> {
    let cores = Cores::choose()?;
    println!("system calls a request (strace), {} connections", CONNECTIONS);
    for head in Head::ALL {
        for depth in DEPTHS {
            println!("\ndepth {depth}, {head}");
            println!("{:<12} {:>8} {:>8} {:>11} {:>8}", "rung", "read", "write", "epoll_wait", "other");
            for rung in Rung::available() {
                let Each { read, write, epoll_wait, other, .. } = each(rung, cores, head, depth)?;
                println!("{:<12} {read:>8.4} {write:>8.4} {epoll_wait:>11.4} {other:>8.4}", rung.name());
            }
        }
    }
    Ok(())
}

/// Those of every rung with small heads, at both depths.
pub(crate) fn of_small_heads(rungs: &[Rung], cores: Cores) -> io::Result<Vec<Each>> {
    let cases = rungs.iter().flat_map(|&rung| DEPTHS.map(|depth| (rung, depth)));
    cases.map(|(rung, depth)| each(rung, cores, Head::Small, depth)).collect()
}

fn each(rung: Rung, cores: Cores, head: Head, depth: usize) -> io::Result<Each> {
    let few = columns(&count(rung, cores, head, depth, FEW)?);
    let many = columns(&count(rung, cores, head, depth, MANY)?);
    let requests = (MANY - FEW) * CONNECTIONS as u64 * depth as u64;
    let of = |column: usize| (many[column] as f64 - few[column] as f64) / requests as f64;
    Ok(Each { rung, head, depth, read: of(0), write: of(1), epoll_wait: of(2), other: of(3) })
}

/// All system calls of a server that answered so many batches on each connection.
fn count(rung: Rung, cores: Cores, head: Head, depth: usize, batches: u64) -> io::Result<Calls> {
    let summary = tempfile::NamedTempFile::new()?;
    let mut strace: Vec<OsString> = ["strace", "-f", "-c", "-o"].map(OsString::from).into();
    strace.push(summary.path().into());
    let server = Server::start_under(rung, Runtime::Current, cores.server, strace).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => io::Error::new(e.kind(), "strace cannot be run: it must be installed"),
        _ => e,
    })?;
    let response = check::response_len(rung, server.address)?;
    let load = Load { connections: CONNECTIONS, depth, requests: head.in_turn(), response };
    let address = server.address;
    // In a thread of its own, so that this one and the next server's start stay unpinned.
    std::thread::scope(|scope| {
        let work = scope.spawn(|| {
            cores::pin(cores.generator)?;
            let mut generator = Generator::connect(address, &load)?;
            generator.run_batches(batches)?;
            generator.finish()
        });
        work.join().unwrap_or_else(|_| Err(io::Error::other("the generator panicked")))
    })?;
    server.stop()?;
    parse(&std::fs::read_to_string(summary.path())?)
}

fn columns(calls: &Calls) -> [u64; 4] {
    let mut sums = [0; 4];
    for (name, n) in calls {
        let column = COLUMNS.iter().position(|(_, names)| names.contains(&name.as_str()));
        sums[column.unwrap_or(COLUMNS.len() - 1)] += n;
    }
    sums
}

/// strace's summary: `% time, seconds, usecs/call, calls, errors (may be missing), syscall`.
fn parse(summary: &str) -> io::Result<Calls> {
    let mut calls = Calls::new();
    for line in summary.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (Some(&name), Some(n)) = (words.last(), words.get(3).and_then(|n| n.parse().ok())) else { continue };
        if name != "total" {
            calls.insert(name.to_owned(), n);
        }
    }
    if calls.is_empty() { Err(io::Error::other(format!("strace counted nothing:\n{summary}"))) } else { Ok(calls) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_summary() {
        let summary = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.000600           3       200           sendto
 30.00    0.000300           1       210         8 recvfrom
 10.00    0.000100           1        20           futex
------ ----------- ----------- --------- --------- ----------------
100.00    0.001000           2       430         8 total
";
        let calls = parse(summary).unwrap();
        assert_eq!(columns(&calls), [210, 200, 0, 20]);
        assert!(parse("strace: nothing").is_err());
    }
}
