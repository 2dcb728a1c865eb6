//! How long answers take at a fixed rate, from when each request was due.

use std::io;
use std::time::Duration;

use serde::Serialize;

use crate::check;
use crate::cores::{self, Cores};
use crate::heads::Head;
use crate::open_loop::{self, Pace};
use crate::rounds::in_turn;
use crate::rungs::{Rung, Runtime};
use crate::server::Server;
use crate::spread::Spread;

/// Requests a second, on all connections together: a fifth of what the slowest of them can do.
pub(super) const RATE: u32 = 10_000;
pub(super) const CONNECTIONS: usize = 64;
const ROUNDS: usize = 3;

/// One rung, in microseconds over the rounds.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) rung: Rung,
    pub(super) p50: Spread,
    pub(super) p99: Spread,
}

/// Every rung once in each round.
pub(super) fn measure(rungs: &[Rung], cores: Cores) -> io::Result<Vec<Row>> {
    let mut waits: Vec<Vec<(f64, f64)>> = vec![Vec::new(); rungs.len()];
    for (_, place) in in_turn(ROUNDS, rungs.len()) {
        waits[place].push(measure_one(rungs[place], cores)?);
    }
    let row = |(&rung, waits): (&Rung, &Vec<(f64, f64)>)| Row {
        rung,
        p50: Spread::of(waits.iter().map(|wait| wait.0)),
        p99: Spread::of(waits.iter().map(|wait| wait.1)),
    };
    Ok(rungs.iter().zip(&waits).map(row).collect())
}

fn measure_one(rung: Rung, cores: Cores) -> io::Result<(f64, f64)> {
    let server = Server::start(rung, Runtime::Current, cores.server)?;
    let pace = Pace {
        connections: CONNECTIONS,
        rate: RATE,
        span: Duration::from_secs(1),
        renew: None,
        request: Head::Small.bytes(),
        response: check::response_len(rung, server.address)?,
    };
    let outcome = cores::on(cores.generator, || open_loop::run(server.address, pace))?;
    match outcome.failed {
        0 => Ok((outcome.latency.p50, outcome.latency.p99)),
        n => Err(io::Error::other(format!("{}: {n} requests were not answered", rung.name()))),
    }
}
