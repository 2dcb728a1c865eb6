//! `ladder allocations`: what a request takes from the heap, counted by this program's allocator.

use std::io;
use std::sync::Mutex;

use serde::Serialize;

use crate::check;
use crate::counting::Allocations;
use crate::generator::{Generator, Load};
use crate::heads::Head;
use crate::rungs::{self, Rung};
use crate::sockets;
use crate::subject::Exchanges;

/// Counted after these many requests, when every buffer has grown.
const WARM_UP: u64 = 1_600;
const COUNTED: u64 = 16_000;
const DEPTHS: [usize; 2] = [1, 16];

/// Allocations of one request.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(crate) struct Each {
    pub(crate) rung: Rung,
    pub(crate) head: Head,
    pub(crate) depth: usize,
    pub(crate) count: f64,
    pub(crate) bytes: f64,
}

/// Counts and prints.
///
/// # Errors
/// `proto` allocated: it must not.
pub(crate) fn run() -> io::Result<()> {
    println!("allocations a request, after {WARM_UP} of them; bytes in brackets");
    println!("{:<12} {:>8} {:>6} {:>20}", "rung", "heads", "depth", "allocations");
    let proto = of_proto()?;
    for &(head, used) in &proto {
        let (count, bytes) = each(used);
        print("proto", head, 1, count, bytes);
    }
    for Each { rung, head, depth, count, bytes } in of_servers(&Rung::available())? {
        print(rung.name(), head, depth, count, bytes);
    }
    let handler = of_handler();
    println!("in those with a service: the handler's own, for its response: {} [{}]", handler.count, handler.bytes);
    match proto.iter().map(|(_, used)| used.count).sum() {
        0 => Ok(()),
        n @ 1.. => Err(io::Error::other(format!("proto allocated {n} times; it must never"))),
    }
}

/// The handler's own, for its response, in those rungs that have a service.
pub(crate) fn of_handler() -> Allocations {
    let before = Allocations::so_far();
    std::hint::black_box(rungs::response(()));
    Allocations::so_far() - before
}

/// Of those among the rungs whose handler can be counted in: not of the epoll loops and of other programs.
pub(crate) fn of_servers(rungs: &[Rung]) -> io::Result<Vec<Each>> {
    let able = rungs.iter().filter(|rung| !rung.is_program() && !matches!(rung, Rung::RawEpoll | Rung::ProtoEpoll));
    let heads = able.flat_map(|&rung| Head::ALL.map(|head| (rung, head)));
    let cases = heads.flat_map(|(rung, head)| DEPTHS.map(|depth| (rung, head, depth)));
    let count = |(rung, head, depth)| {
        let (count, bytes) = each(of_server(rung, head, depth)?);
        Ok(Each { rung, head, depth, count, bytes })
    };
    cases.map(count).collect()
}

fn each(used: Allocations) -> (f64, f64) {
    let each = |n: u64| n as f64 / COUNTED as f64;
    (each(used.count), each(used.bytes))
}

fn print(name: &str, head: Head, depth: usize, count: f64, bytes: f64) {
    let figures = format!("{count:.3} [{bytes:.0}]");
    println!("{name:<12} {:>8} {depth:>6} {figures:>20}", head.name());
}

/// What `proto` alone takes for these many requests with each head.
pub(crate) fn of_proto() -> io::Result<Vec<(Head, Allocations)>> {
    [Head::Small, Head::Browser].into_iter().map(|head| Ok((head, of_exchanges(head)?))).collect()
}

fn of_exchanges(head: Head) -> io::Result<Allocations> {
    let mut exchanges = Exchanges::new();
    let warm = exchanges.run(head.bytes(), WARM_UP);
    let before = Allocations::so_far();
    let whole = exchanges.run(head.bytes(), COUNTED);
    let used = Allocations::so_far() - before;
    if warm && whole { Ok(used) } else { Err(io::Error::other("a request was not taken as whole")) }
}

/// Notes the server thread's allocations at the first and the last request that counts.
#[derive(Default)]
struct Probe {
    requests: u64,
    first: Option<Allocations>,
    last: Option<Allocations>,
}

impl Probe {
    fn see(&mut self) {
        if self.requests == WARM_UP {
            self.first = Some(Allocations::so_far());
        }
        if self.requests == WARM_UP + COUNTED {
            self.last = Some(Allocations::so_far());
        }
        self.requests += 1;
    }
}

/// A server in a thread of this process, over one loopback connection. The thread is left behind
/// with its idle listener; the process ends soon.
fn of_server(rung: Rung, head: Head, depth: usize) -> io::Result<Allocations> {
    let listener = sockets::listen_shared(0)?;
    let address = listener.local_addr()?;
    let probe: &'static Mutex<Probe> = Box::leak(Box::default());
    let lock = || probe.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    std::thread::spawn(move || {
        if let Err(error) = rung.run_counted(listener, move || lock().see()) {
            eprintln!("ladder: {}: {error}", rung.name());
        }
    });
    let response = check::response_len(rung, address)?;
    let load = Load { connections: 1, depth, requests: head.in_turn(), response };
    let batches = (WARM_UP + COUNTED) / depth as u64 + 1;
    Generator::connect(address, &load)?.run_batches(batches)?;
    let probe = lock();
    match (probe.first, probe.last) {
        (Some(first), Some(last)) => Ok(last - first),
        _ => Err(io::Error::other("not all requests reached the handler")),
    }
}
