//! Where the figures were taken.

use std::fmt;
use std::fs;
use std::io;

use serde::Serialize;

/// A machine, and how busy it was before the run began.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cpus: usize,
    pub(crate) kernel: String,
    /// Runnable threads in the last minute, on average.
    pub(crate) load: f64,
}

impl Machine {
    pub(crate) fn describe() -> io::Result<Self> {
        let info = fs::read_to_string("/proc/cpuinfo")?;
        let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
        let load = fs::read_to_string("/proc/loadavg")?;
        Ok(Self {
            cpu: model.trim_start_matches([' ', '\t', ':']).into(),
            cpus: info.lines().filter(|line| line.starts_with("processor")).count(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().into(),
            load: load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, cpus, kernel, load } = self;
        write!(f, "{cpu}, {cpus} CPUs, Linux {kernel}; load before the run {load:.2}")
    }
}
