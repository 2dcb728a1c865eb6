//! The tables of `ladder client`.

use super::{Case, Run, Sample, Samples};
use crate::spread::Spread;

/// The tables, to standard output.
pub(super) fn print(run: &Run) {
    println!("{}", run.machine);
    println!("GETs of 13 bytes from {}, client and server each on a core of its own", run.server);
    println!("median (min-max) over the rounds; a rate's ratio is to the first line's in the same round");
    for case in &run.cases {
        match case.at_once {
            1 => println!("\none after the other"),
            n => println!("\n{n} at once"),
        }
        println!(
            "{:<12} {:>24} {:>18} {:>18} {:>20} {:>6}",
            "client", "requests/s", "ratio", "CPU us each", "allocations each", "busy"
        );
        for samples in &case.clients {
            println!("{}", line(case, samples));
        }
    }
}

fn line(case: &Case, samples: &Samples) -> String {
    let spread = |value: fn(&Sample) -> f64| Spread::of(samples.rounds.iter().map(value));
    let base = case.clients.first().map_or(&[][..], |first| &first.rounds);
    let ratio = Spread::of(samples.rounds.iter().zip(base).map(|(own, base)| own.rate() / base.rate()));
    let allocations = samples.rounds.iter().filter_map(|s| Some(s.allocations? as f64 / s.requests as f64));
    let allocations: Vec<f64> = allocations.collect();
    let allocations = if allocations.is_empty() { "-".to_owned() } else { Spread::of(allocations).brief(1) };
    format!(
        "{:<12} {:>24.0} {:>18} {:>18.1} {allocations:>20} {:>5.0}%",
        samples.client,
        spread(Sample::rate),
        ratio,
        spread(Sample::cpu_us),
        spread(Sample::busy).median * 100.0
    )
}

impl Sample {
    /// Requests answered in a second.
    fn rate(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    /// Microseconds of CPU time for each request.
    fn cpu_us(&self) -> f64 {
        (self.user + self.system) * 1e6 / self.requests as f64
    }

    /// How much of its core the client used, from 0 to 1.
    fn busy(&self) -> f64 {
        (self.user + self.system) / self.seconds
    }
}
