//! `ladder guard`: what a request costs tenure's own rungs, against figures kept in the repository. Only counts are
//! compared, never time, so that it means the same on a busy machine.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::cores::Cores;
use crate::rungs::Rung;
use crate::{allocations, instructions, syscalls};

/// Instructions differ a little between processors (the C library and memchr choose among variants), and by the
/// layout of the code alone: raw epoll has moved by 3.3 % so.
const TOLERANCE: f64 = 0.05;
/// Averages over thousands of requests: a call that happens once a second shows, and is none a request.
const EXACT: f64 = 0.01;
/// A call more for each request, or batch of them, is far beyond it; what a busy machine adds now and then is not.
const CALLS: f64 = 0.05;

/// What to compare with.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The file of figures
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/guard.json"), value_name = "FILE")]
    baseline: PathBuf,
    /// Write the file instead of comparing
    #[arg(long)]
    renew: bool,
}

/// The file: figures by name. The first word of a name says what was counted.
#[derive(PartialEq, Debug, Serialize, Deserialize)]
struct Baseline {
    rustc: String,
    /// For each request.
    figures: BTreeMap<String, f64>,
}

/// Counts, and compares or writes.
///
/// # Errors
/// A figure is worse than it was.
pub(crate) fn run(options: &Options) -> io::Result<()> {
    let now = Baseline { rustc: rustc()?, figures: count()? };
    if options.renew {
        let text = serde_json::to_string_pretty(&now)?;
        return fs::write(&options.baseline, text + "\n");
    }
    let name = options.baseline.display();
    let text = fs::read_to_string(&options.baseline).map_err(|e| io::Error::new(e.kind(), format!("{name}: {e}")))?;
    let before: Baseline = serde_json::from_str(&text)?;
    let (worse, better) = compare(&before.figures, &now.figures);
    better.iter().for_each(|line| println!("better: {line}"));
    if !better.is_empty() {
        println!("keep what was won: make guard-renew");
    }
    worse.iter().for_each(|line| println!("worse:  {line}"));
    if worse.is_empty() {
        println!("{} figures hold", now.figures.len());
        return Ok(());
    }
    if before.rustc != now.rustc {
        println!("the figures to compare with are of {}, and this is {}", before.rustc, now.rustc);
    }
    let why = "find out why; if it is what the change is worth, make guard-renew";
    Err(io::Error::other(format!("{} of {} figures are worse: {why}", worse.len(), now.figures.len())))
}

/// All figures. The names are those of the file.
fn count() -> io::Result<BTreeMap<String, f64>> {
    let cores = Cores::choose()?;
    let mut figures = BTreeMap::new();
    let mut note = |what: &str, who: &str, head: &str, depth: usize, n: f64| {
        figures.insert(format!("{what} {who} {head} {depth}"), (n * 1000.0).round() / 1000.0 + 0.0);
    };
    // Raw epoll is no code of tenure's, and small enough for the compiler's whims to be more than the tolerance.
    let rungs: Vec<Rung> = Rung::OWN.into_iter().filter(|rung| rung.is_own()).collect();
    let works = instructions::works(&rungs);
    for ((rung, head, depth), each) in instructions::cases(&rungs).into_iter().zip(instructions::count(&works, cores)?)
    {
        note("instructions", rung.name(), head.name(), depth, each.total.round());
    }
    for each in allocations::of_servers(&rungs)? {
        note("allocations", each.rung.name(), each.head.name(), each.depth, each.count);
    }
    for (head, used) in allocations::of_proto()? {
        note("allocations", "proto", head.name(), 1, used.count as f64);
    }
    for each in syscalls::of_small_heads(&rungs, cores)? {
        // The share of epoll_wait is a matter of timing.
        note("reads", each.rung.name(), each.head.name(), each.depth, each.read);
        note("writes", each.rung.name(), each.head.name(), each.depth, each.write);
        note("other-calls", each.rung.name(), each.head.name(), each.depth, each.other);
    }
    Ok(figures)
}

/// What is worse and what is better, a line each. A figure that is missing on either side is worse: the
/// file is not of this ladder.
fn compare(before: &BTreeMap<String, f64>, now: &BTreeMap<String, f64>) -> (Vec<String>, Vec<String>) {
    let (mut worse, mut better) = (Vec::new(), Vec::new());
    for (name, &n) in now {
        let Some(&was) = before.get(name) else {
            worse.push(format!("{name}: {n}, not in the file"));
            continue;
        };
        let slack = match name.split(' ').next() {
            Some("instructions") => was * TOLERANCE,
            Some("allocations") => EXACT,
            _ => EXACT.max(was * CALLS),
        };
        let line = || format!("{name}: {was} -> {n} ({:+.1} %)", (n - was) / was.max(EXACT) * 100.0);
        if n > was + slack {
            worse.push(line());
        } else if n < was - slack {
            better.push(line());
        }
    }
    worse.extend(before.keys().filter(|name| !now.contains_key(*name)).map(|name| format!("{name}: not counted")));
    (worse, better)
}

fn rustc() -> io::Result<String> {
    let output = Command::new("rustc").arg("--version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(instructions: f64, allocations: f64) -> BTreeMap<String, f64> {
        [("instructions serve small 1".to_owned(), instructions), ("allocations serve small 1".to_owned(), allocations)]
            .into()
    }

    fn judged(now: &BTreeMap<String, f64>) -> (usize, usize) {
        let (worse, better) = compare(&figures(1000.0, 2.0), now);
        (worse.len(), better.len())
    }

    #[test]
    fn instructions_have_a_tolerance_and_allocations_none() {
        assert_eq!(judged(&figures(1049.0, 2.0)), (0, 0));
        assert_eq!(judged(&figures(1051.0, 2.0)), (1, 0));
        assert_eq!(judged(&figures(900.0, 2.0)), (0, 1));
        assert_eq!(judged(&figures(1000.0, 2.02)), (1, 0));
        assert_eq!(judged(&figures(1051.0, 1.0)), (1, 1));
    }

    #[test]
    fn a_call_more_is_too_many_and_a_stray_one_is_not() {
        let worse = |was: f64, n: f64| {
            let [was, now] = [was, n].map(|n| [("writes serve small 16".to_owned(), n)].into());
            compare(&was, &now).0.len()
        };
        assert_eq!([worse(1.0, 1.04), worse(1.0, 1.06), worse(0.0625, 0.07), worse(0.0625, 0.125)], [0, 1, 0, 1]);
    }

    #[test]
    fn a_figure_that_is_missing_fails() {
        assert_eq!(judged(&BTreeMap::new()), (2, 0));
        let mut more = figures(1000.0, 2.0);
        more.insert("reads serve small 1".into(), 1.0);
        assert_eq!(judged(&more), (1, 0));
    }
}
