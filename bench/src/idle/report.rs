//! The tables of `ladder idle`.

use super::{Figures, Run};
use crate::spread::Spread;

/// To standard output.
pub(super) fn print(run: &Run) {
    println!("{}", run.machine);
    println!(
        "{} connections, one request on each, then quiet for {} s; {} server process(es) on one core",
        run.connections, run.quiet, run.processes
    );
    println!("several rounds: median (min-max)");
    table(
        run,
        "bytes for each idle connection",
        &[
            ("PSS", |f| f.user.pss),
            ("private dirty", |f| f.user.private_dirty),
            ("preallocated", |f| f.preallocated),
            ("kernel, both ends", |f| f.kernel),
            ("seconds to open all", |f| f.opening_seconds),
        ],
        0,
    );
    table(
        run,
        &format!(
            "{} connections at work, {} requests a second in all: microseconds, in the median slice",
            run.active, run.rate
        ),
        &[
            ("p50 without idle", |f| f.at_work.plain.p50),
            ("p50 beside idle", |f| f.at_work.loaded.p50),
            ("p99 without idle", |f| f.at_work.plain.p99),
            ("p99 beside idle", |f| f.at_work.loaded.p99),
        ],
        0,
    );
    table(
        run,
        "the same, beside idle ones against without: p99 in the median pair of slices, CPU time a request",
        &[("p99", |f| f.at_work.p99_ratio), ("CPU time", |f| f.at_work.cpu_ratio())],
        2,
    );
    table(
        run,
        "the first request on an idle connection, and the next one on the same: microseconds",
        &[
            ("p50 first", |f| f.woken.p50),
            ("p50 next", |f| f.hot.p50),
            ("p99 first", |f| f.woken.p99),
            ("p99 next", |f| f.hot.p99),
            ("p99 difference", |f| f.woken_more.median),
        ],
        0,
    );
    for row in &run.rows {
        if let Some(why) = &row.refused {
            println!("\n{} was not measured: {why}", row.server.name());
        }
    }
}

/// A column's title and value.
type Column = (&'static str, fn(&Figures) -> f64);

fn table(run: &Run, title: &str, columns: &[Column], decimals: usize) {
    print!("\n{title}\n{:<10}", "server");
    for (title, _) in columns {
        print!(" {title:>20}");
    }
    println!();
    for row in run.rows.iter().filter(|row| !row.rounds.is_empty()) {
        print!("{:<10}", row.server.name());
        for (_, value) in columns {
            let cell = Spread::of(row.rounds.iter().map(value)).brief(decimals);
            print!(" {cell:>20}");
        }
        println!();
    }
}
