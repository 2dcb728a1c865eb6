//! `ladder allocations`: what a request takes from the heap, counted by this program's allocator.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

use crate::check;
use crate::counting::Allocations;
use crate::generator::{Generator, Load};
use crate::heads::Head;
use crate::rungs::{self, Rung};
use crate::subject::Exchanges;

/// Counted after these many requests, when every buffer has grown.
const WARM_UP: u64 = 1_600;
const COUNTED: u64 = 16_000;
const DEPTHS: [usize; 2] = [1, 16];

/// Counts and prints.
///
/// # Errors
/// `proto` allocated: it must not.
pub(crate) fn run() -> io::Result<()> {
    println!("allocations a request, after {WARM_UP} of them; bytes in brackets");
    println!("{:<12} {:>8} {:>6} {:>20}", "rung", "heads", "depth", "allocations");
    let mut proto_total = 0;
    for head in Head::ALL {
        let used = of_proto(head)?;
        proto_total += used.count;
        print("proto", head, "1", used);
    }
    for rung in [Rung::ServeRaw, Rung::Serve, Rung::Hyper, Rung::HyperFlush] {
        for head in Head::ALL {
            for depth in DEPTHS {
                print(rung.name(), head, &depth.to_string(), of_server(rung, head, depth)?);
            }
        }
    }
    let before = Allocations::so_far();
    std::hint::black_box(rungs::response(()));
    let handler = Allocations::so_far() - before;
    println!("in those with a service: the handler's own, for its response: {} [{}]", handler.count, handler.bytes);
    match proto_total {
        0 => Ok(()),
        n => Err(io::Error::other(format!("proto allocated {n} times; it must never"))),
    }
}

fn print(name: &str, head: Head, depth: &str, used: Allocations) {
    let each = |n: u64| n as f64 / COUNTED as f64;
    let figures = format!("{:.3} [{:.0}]", each(used.count), each(used.bytes));
    println!("{name:<12} {:>8} {depth:>6} {figures:>20}", head.name());
}

fn of_proto(head: Head) -> io::Result<Allocations> {
    let mut exchanges = Exchanges::new();
    let warm = exchanges.run(head, WARM_UP);
    let before = Allocations::so_far();
    let whole = exchanges.run(head, COUNTED);
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
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let probe: &'static Mutex<Probe> = Box::leak(Box::default());
    let lock = || probe.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    std::thread::spawn(move || {
        if let Err(error) = rung.run_counted(listener, move || lock().see()) {
            eprintln!("ladder: {}: {error}", rung.name());
        }
    });
    let response = check::response_len(address)?;
    let load = Load { connections: 1, depth, request: head.bytes(), response };
    let batches = (WARM_UP + COUNTED) / depth as u64 + 1;
    Generator::connect(address, &load)?.run_batches(batches)?;
    let probe = lock();
    match (probe.first, probe.last) {
        (Some(first), Some(last)) => Ok(last - first),
        _ => Err(io::Error::other("not all requests reached the handler")),
    }
}
