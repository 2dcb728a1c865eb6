//! The table and the JSON file of a run.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use crate::rates::{Case, Run, Sample, Samples};
use crate::rungs::Rung;
use crate::spread::Spread;

/// A server that used less of its core was not what limited its rate.
const IDLE: f64 = 0.9;

/// One line of the table.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) rung: Rung,
    pub(crate) rate: Spread,
    /// Rate against the first rung's in the same round.
    pub(crate) rate_ratio: Spread,
    /// CPU time a request, user and system together, against the first rung's in the same round.
    pub(crate) cpu_ratio: Spread,
    /// CPU time a request over all rounds together: the kernel divides it by sampling, which needs
    /// many samples.
    pub(crate) user_ns: f64,
    pub(crate) system_ns: f64,
    /// User CPU time a request against the first rung's, over all rounds together.
    pub(crate) user_ratio: f64,
    pub(crate) busy: Spread,
}

impl Summary {
    fn of(samples: &Samples, base: &Samples) -> Self {
        let spread = |value: fn(&Sample) -> f64| Spread::of(samples.rounds.iter().map(value));
        let ratio = |value: fn(&Sample) -> f64| {
            Spread::of(samples.rounds.iter().zip(&base.rounds).map(|(own, base)| value(own) / value(base)))
        };
        let user_ns = each_ns(samples, |s| s.user);
        Self {
            rung: samples.rung,
            rate: spread(Sample::rate),
            rate_ratio: ratio(Sample::rate),
            cpu_ratio: ratio(Sample::cpu),
            user_ns,
            system_ns: each_ns(samples, |s| s.system),
            user_ratio: user_ns / each_ns(base, |s| s.user),
            busy: spread(Sample::busy),
        }
    }
}

/// Nanoseconds a request, over all rounds together.
fn each_ns(samples: &Samples, time: fn(&Sample) -> f64) -> f64 {
    let requests: u64 = samples.rounds.iter().map(|s| s.requests).sum();
    samples.rounds.iter().map(time).sum::<f64>() * 1e9 / requests as f64
}

/// A line for each rung.
pub(crate) fn summaries(case: &Case) -> impl Iterator<Item = Summary> {
    let base = case.rungs.first();
    case.rungs.iter().filter_map(move |samples| Some(Summary::of(samples, base?)))
}

/// The tables, to standard output.
pub(crate) fn print(run: &Run) {
    println!("{}", run.machine);
    println!("against raw-epoll in the same round: median (min-max) over the rounds; ns: all rounds together");
    for case in &run.cases {
        println!("\ndepth {}, {}, {} connections", case.depth, case.head, run.connections);
        println!(
            "{:<12} {:>20} {:>22} {:>9} {:>9} {:>11} {:>6}",
            "rung", "rate", "CPU time", "user ns", "against", "system ns", "busy"
        );
        for line in summaries(case) {
            println!(
                "{:<12} {:>20} {:>22} {:>9.0} {:>9.1} {:>11.0} {:>5.0}%",
                line.rung.name(),
                line.rate_ratio,
                line.cpu_ratio,
                line.user_ns,
                line.user_ratio,
                line.system_ns,
                line.busy.median * 100.0
            );
        }
    }
    let disturbed = run.cases.iter().flat_map(summaries).any(|line| line.busy.median < IDLE);
    if disturbed {
        println!("\nA server that was not busy was not the limit: the generator was, or other programs on its core.");
        println!("Its rate says little then; CPU time does.");
    }
}

#[derive(Serialize)]
struct Json<'a> {
    #[serde(flatten)]
    run: &'a Run,
    summary: Vec<CaseSummary>,
}

#[derive(Serialize)]
struct CaseSummary {
    depth: usize,
    head: &'static str,
    rungs: Vec<Summary>,
}

/// Every sample and the summaries.
pub(crate) fn write_json(run: &Run, path: &Path) -> io::Result<()> {
    let summary = run
        .cases
        .iter()
        .map(|case| CaseSummary { depth: case.depth, head: case.head.name(), rungs: summaries(case).collect() })
        .collect();
    save(&Json { run, summary }, path)
}

/// Writes a file of JSON.
pub(crate) fn save(report: &impl Serialize, path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    serde_json::to_writer_pretty(&mut file, report)?;
    writeln!(file)?;
    file.flush()
}
