//! Files that are small, one after another on one connection: what each costs in CPU time.

use std::fmt::{self, Write as _};
use std::io;

use serde::Serialize;

use super::{BUFFER, ROUNDS, Site, Way, ask, connect, warm_file};
use crate::contenders::daemon;
use crate::cores::{self, Cores};
use crate::spread::Spread;
use crate::usage;

const SIZES: [u64; 5] = [1 << 10, 10 << 10, 32 << 10, 100 << 10, 1 << 20];
/// Asked before it counts, and asked in each measurement.
const WARM: usize = 200;
const REQUESTS: usize = 4000;

/// One way and one size, in all rounds.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    way: Way,
    bytes: u64,
    /// Microseconds of the server's CPU time for each.
    cpu: Spread,
}

/// Every way once in each round, with every size.
pub(crate) fn measure(cores: Cores) -> io::Result<Vec<Row>> {
    let ways = [Way::OwnFileDown, Way::FileDown, Way::NginxDown];
    let ways: Vec<Way> = ways.into_iter().filter(|way| !way.is_nginx() || daemon::is_installed("nginx")).collect();
    let mut all = vec![Vec::new(); ways.len() * SIZES.len()];
    let file = warm_file(SIZES[SIZES.len() - 1])?;
    for _ in 0..ROUNDS {
        for (way, all) in ways.iter().zip(all.chunks_mut(SIZES.len())) {
            let site = Site::start(*way, file.path(), cores.server)?;
            for (size, all) in SIZES.iter().zip(all) {
                all.push(cores::on(cores.generator, || measure_one(*way, &site, *size))?);
            }
        }
    }
    let cases = ways.iter().flat_map(|&way| SIZES.map(|bytes| (way, bytes)));
    let row = |((way, bytes), all): (_, &Vec<f64>)| Row { way, bytes, cpu: Spread::of(all.iter().copied()) };
    Ok(cases.zip(&all).map(row).collect())
}

fn measure_one(way: Way, site: &Site, bytes: u64) -> io::Result<f64> {
    let pids = site.pids()?;
    let (mut stream, mut buffer) = (connect(site.port())?, vec![0; BUFFER]);
    let mut many = |n| (0..n).try_for_each(|_| ask(way, &mut stream, bytes, &mut buffer));
    many(WARM)?;
    let before = usage::on_cpu(&pids)?;
    many(REQUESTS)?;
    Ok((usage::on_cpu(&pids)? - before).as_secs_f64() * 1e6 / REQUESTS as f64)
}

pub(crate) fn table(rows: &[Row], out: &mut String) -> fmt::Result {
    write!(
        out,
        "\nFiles of so many KiB, one request after another on one connection, each opened anew: microseconds of the \
        server's CPU time for each.\n\n| |"
    )?;
    SIZES.iter().try_for_each(|size| write!(out, " {} |", size >> 10))?;
    writeln!(out, "\n|---|{}", "---:|".repeat(SIZES.len()))?;
    for rows in rows.chunks(SIZES.len()) {
        write!(out, "| {} |", rows[0].way.label())?;
        rows.iter().try_for_each(|row| write!(out, " {:.1} |", row.cpu))?;
        writeln!(out)?;
    }
    Ok(())
}
