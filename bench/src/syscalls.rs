//! `ladder syscalls`: system calls a request, counted by strace.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::check;
use crate::cores::{self, Cores};
use crate::generator::{Generator, Load};
use crate::heads::Head;
use crate::rungs::{Rung, Runtime};
use crate::server::Server;

const CONNECTIONS: usize = 64;
const DEPTHS: [usize; 2] = [1, 16];
/// Batches on each connection that are counted, and those that come before them.
const COUNTED: u64 = 100;
const WARM: u64 = 10;
/// Nothing is asked for so long before and after what is counted. How often a new connection is looked at before its
/// first request has come is chance, and so is how often the runtime is woken for it: neither is a request's cost.
const QUIET: Duration = Duration::from_millis(100);

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
    let calls = columns(&count(rung, cores, head, depth)?);
    let requests = COUNTED * CONNECTIONS as u64 * depth as u64;
    let of = |column: usize| calls[column] as f64 / requests as f64;
    Ok(Each { rung, head, depth, read: of(0), write: of(1), epoll_wait: of(2), other: of(3) })
}

/// The system calls of a server while it answers the batches that are counted.
fn count(rung: Rung, cores: Cores, head: Head, depth: usize) -> io::Result<Calls> {
    let log = tempfile::NamedTempFile::new()?;
    let mut strace: Vec<OsString> = ["strace", "-f", "-ttt", "-s", "0", "-o"].map(OsString::from).into();
    strace.push(log.path().into());
    let server = Server::start_under(rung, Runtime::Current, cores.server, strace).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => io::Error::new(e.kind(), "strace cannot be run: it must be installed"),
        _ => e,
    })?;
    let response = check::response_len(rung, server.address)?;
    let load = Load { connections: CONNECTIONS, depth, requests: head.in_turn(), response };
    let address = server.address;
    // In a thread of its own, so that this one and the next server's start stay unpinned.
    let counted = std::thread::scope(|scope| {
        let work = scope.spawn(|| {
            cores::pin(cores.generator)?;
            let mut generator = Generator::connect(address, &load)?;
            generator.run_batches(WARM)?;
            let begun = after_quiet()?;
            generator.run_batches(COUNTED)?;
            let ended = after_quiet()?;
            generator.finish()?;
            Ok(begun..ended)
        });
        work.join().unwrap_or_else(|_| Err(io::Error::other("the generator panicked")))
    })?;
    server.stop()?;
    parse(&std::fs::read_to_string(log.path())?, &counted)
}

/// Lets the server come to rest; then the time, as strace writes it.
fn after_quiet() -> io::Result<f64> {
    std::thread::sleep(QUIET);
    SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs_f64()).map_err(io::Error::other)
}

fn columns(calls: &Calls) -> [u64; 4] {
    let mut sums = [0; 4];
    for (name, n) in calls {
        let column = COLUMNS.iter().position(|(_, names)| names.contains(&name.as_str()));
        sums[column.unwrap_or(COLUMNS.len() - 1)] += n;
    }
    sums
}

/// strace's lines, `pid seconds name(arguments) = result`, of that time. Where another thread's call came between, a
/// second line has the result, `<... name resumed>`.
fn parse(log: &str, counted: &Range<f64>) -> io::Result<Calls> {
    let mut calls = Calls::new();
    for line in log.lines() {
        let mut words = line.split_ascii_whitespace();
        let at = words.find_map(|word| word.contains('.').then(|| word.parse::<f64>().ok())?);
        let call = words.next().and_then(|word| word.split_once('('));
        if let (Some(at), Some((name, _))) = (at, call)
            && counted.contains(&at)
        {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    if calls.is_empty() {
        Err(io::Error::other("strace has seen no system call while requests were answered"))
    } else {
        Ok(calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_calls_of_a_time() {
        let log = "\
8464  1795341539.109010 accept4(3, 0x7fffba087390, [128], SOCK_CLOEXEC) = -1 EAGAIN (Resource temporarily unavailable)
8464  1795341540.000000 epoll_wait(4,  <unfinished ...>
8465  1795341540.200000 futex(0x7f, FUTEX_WAIT, 2, NULL <unfinished ...>
8464  1795341540.300000 <... epoll_wait resumed>[{events=EPOLLIN, data={u32=1, u64=1}}], 1024, 926) = 1
8464  1795341540.300020 recvfrom(12, \"\"..., 16384, 0, NULL, NULL) = 720
8464  1795341540.300040 sendto(12, \"\"..., 1840, MSG_NOSIGNAL, NULL, 0) = 1840
8464  1795341540.300060 recvfrom(13, \"\"..., 16384, 0, NULL, NULL) = 720
8464  1795341541.500000 --- SIGTERM {si_signo=SIGTERM, si_code=SI_USER} ---
8464  1795341542.000000 close(12) = 0
";
        let calls = parse(log, &(1_795_341_540.0..1_795_341_542.0)).unwrap();
        assert_eq!(columns(&calls), [2, 1, 1, 1]);
        assert!(parse(log, &(0.0..1.0)).is_err());
    }
}
