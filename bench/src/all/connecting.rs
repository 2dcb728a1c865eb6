//! What a connection costs that carries one request: accepted, asked, reset.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::check;
use crate::cores::{self, Cores};
use crate::heads::Head;
use crate::rounds::in_turn;
use crate::rungs::{Rung, Runtime};
use crate::server::Server;
use crate::sockets::{Connect, Path};
use crate::spread::Spread;

const RUNGS: [Rung; 5] = [Rung::RawEpoll, Rung::ServeRaw, Rung::Serve, Rung::Hyper, Rung::Nginx];
const ROUNDS: usize = 3;
const SPAN: Duration = Duration::from_millis(600);
/// Open at once, so that the server has one to accept whenever it looks.
const AT_ONCE: u32 = 16;

/// One rung.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) rung: Rung,
    /// Connections a second.
    pub(super) rate: Spread,
    /// Microseconds of CPU time for each.
    pub(super) cpu: Spread,
}

/// Every rung that is here once in each round.
pub(super) fn measure(cores: Cores) -> io::Result<Vec<Row>> {
    let rungs: Vec<Rung> = Rung::available().into_iter().filter(|rung| RUNGS.contains(rung)).collect();
    let mut all: Vec<Vec<(f64, f64)>> = vec![Vec::new(); rungs.len()];
    for (_, place) in in_turn(ROUNDS, rungs.len()) {
        all[place].push(measure_one(rungs[place], cores)?);
    }
    let row = |(&rung, all): (&Rung, &Vec<(f64, f64)>)| Row {
        rung,
        rate: Spread::of(all.iter().map(|one| one.0)),
        cpu: Spread::of(all.iter().map(|one| one.1)),
    };
    Ok(rungs.iter().zip(&all).map(row).collect())
}

fn measure_one(rung: Rung, cores: Cores) -> io::Result<(f64, f64)> {
    let mut server = Server::start(rung, Runtime::Current, cores.server)?;
    let response = check::response_len(rung, server.address)?;
    let SocketAddr::V4(address) = server.address else { return Err(io::Error::other("an IPv4 address is needed")) };
    let connect = Connect { server: address, path: Path::Loopback };
    let (before, start) = (server.usage()?, Instant::now());
    let connections = cores::on(cores.generator, || {
        let (mut input, mut n) = (vec![0; response], 0);
        while start.elapsed() < SPAN {
            let mut streams = (0..AT_ONCE).map(|i| connect.open(n + i)).collect::<io::Result<Vec<_>>>()?;
            streams.iter_mut().try_for_each(|stream| stream.write_all(Head::Small.bytes()))?;
            streams.iter_mut().try_for_each(|stream| stream.read_exact(&mut input))?;
            n += AT_ONCE;
        }
        Ok(n)
    })?;
    let (seconds, used) = (start.elapsed().as_secs_f64(), server.usage()? - before);
    let cpu = (used.user + used.system).as_secs_f64() * 1e6;
    Ok((f64::from(connections) / seconds, cpu / f64::from(connections)))
}
