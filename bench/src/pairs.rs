//! Two servers asked in turn, slice by slice: what else happens on the machine meets both alike,
//! and shows in their ratio only by chance.

use std::io;
use std::time::Duration;

use serde::Serialize;

use crate::contenders::Running;
use crate::open_loop::{self, Outcome, Pace};
use crate::spread::Spread;
use crate::usage;

/// Long enough for a p99, short enough for the two of a pair to be neighbours.
const SLICE: Duration = Duration::from_millis(500);

/// What one of the two showed.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Side {
    /// Microseconds, in the median slice.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Of all slices.
    pub(crate) max: f64,
    /// Microseconds of the server's CPU time for each request, those that warm up included.
    pub(crate) cpu: f64,
    /// Requests that were not answered.
    pub(crate) failed: u64,
}

/// Both, and their difference.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Pair {
    pub(crate) plain: Side,
    pub(crate) loaded: Side,
    /// The p99 of the loaded one against that of the other in the same pair of slices; the median pair.
    pub(crate) p99_ratio: f64,
}

impl Pair {
    /// CPU time for each request, against that of the other.
    pub(crate) fn cpu_ratio(&self) -> f64 {
        self.loaded.cpu / self.plain.cpu
    }
}

/// Asks both, for `pace.span` each.
pub(crate) fn measure(plain: &Running, loaded: &Running, pace: Pace) -> io::Result<Pair> {
    let pairs = (pace.span.as_secs_f64() / SLICE.as_secs_f64()).round().max(1.0) as usize;
    let pace = Pace { span: SLICE.min(pace.span), ..pace };
    let mut sides = [Slices::default(), Slices::default()];
    for n in 0..pairs {
        // The second of a pair is not always the same one.
        for place in [n % 2, 1 - n % 2] {
            sides[place].add([plain, loaded][place], pace)?;
        }
    }
    let ratios = sides[1].outcomes.iter().zip(&sides[0].outcomes).map(|(a, b)| a.latency.p99 / b.latency.p99);
    let p99_ratio = Spread::of(ratios).median;
    let [plain, loaded] = sides.map(|side| side.sum_up());
    Ok(Pair { plain, loaded, p99_ratio })
}

#[derive(Default)]
struct Slices {
    outcomes: Vec<Outcome>,
    cpu: Duration,
    requests: u32,
}

impl Slices {
    fn add(&mut self, server: &Running, pace: Pace) -> io::Result<()> {
        let pids = server.pids()?;
        let pace = Pace { response: server.response, ..pace };
        let before = usage::on_cpu(&pids)?;
        let outcome = open_loop::run(server.address.into(), pace)?;
        self.cpu += usage::on_cpu(&pids)? - before;
        self.requests += pace.requests();
        self.outcomes.push(outcome);
        Ok(())
    }

    fn sum_up(&self) -> Side {
        let median = |value: fn(&Outcome) -> f64| Spread::of(self.outcomes.iter().map(value)).median;
        Side {
            p50: median(|outcome| outcome.latency.p50),
            p99: median(|outcome| outcome.latency.p99),
            max: Spread::of(self.outcomes.iter().map(|outcome| outcome.latency.max)).max,
            cpu: self.cpu.as_secs_f64() * 1e6 / f64::from(self.requests),
            failed: self.outcomes.iter().map(|outcome| outcome.failed).sum(),
        }
    }
}
