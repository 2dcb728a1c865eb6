//! A library in a process of its own: this program again, pinned to a core, told by pipe how much to
//! ask.

use std::io;
use std::time::{Duration, Instant};

use super::{Library, Sample};
use crate::cores;
use crate::process::Process;
use crate::usage::Usage;

/// The name of the hidden subcommand that the child is started with.
pub(crate) const COMMAND: &str = "run-client";
/// Before each measurement, so that connections are open and buffers have grown.
const WARM_UP: Duration = Duration::from_millis(100);

/// A running child.
pub(super) struct Worker(Process);

impl Worker {
    pub(super) fn start(library: Library, url: &str, core: usize) -> io::Result<Self> {
        Process::start(Vec::new(), [COMMAND, library.name(), url, "--core", &core.to_string()]).map(Self)
    }

    pub(super) fn measure(&mut self, at_once: usize, span: Duration) -> io::Result<Sample> {
        self.0.ask(&format!("{at_once} {}", span.as_micros()))?;
        let mut next = || self.0.number();
        let (requests, allocations) = (next()?, Some(next()?));
        let mut seconds = || next().map(|micros| micros as f64 / 1e6);
        Ok(Sample { requests, allocations, seconds: seconds()?, user: seconds()?, system: seconds()? })
    }
}

/// The child's side: asks as it is told until the parent closes the pipe.
pub(crate) fn run(library: Library, url: &str, core: usize) -> io::Result<()> {
    cores::pin(core)?;
    let client = library.open(url)?;
    for line in io::stdin().lines() {
        let line = line?;
        let told = line.split_once(' ').and_then(|(n, micros)| Some((n.parse().ok()?, micros.parse().ok()?)));
        let (at_once, micros) = told.ok_or_else(|| io::Error::other(format!("not understood: {line}")))?;
        client.ask(at_once, WARM_UP)?;
        let (before, begun) = (Usage::now()?, Instant::now());
        let done = client.ask(at_once, Duration::from_micros(micros))?;
        let (took, used) = (begun.elapsed(), Usage::now()? - before);
        println!("{}\n{}", done.requests, done.allocations);
        println!("{}\n{}\n{}", took.as_micros(), used.user.as_micros(), used.system.as_micros());
    }
    Ok(())
}
