//! wrk, the limit: it finds the ends of answers and makes nothing of them.

use std::io;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::Sample;
use crate::cores;
use crate::usage::Usage;

/// An installed wrk.
pub(super) struct Wrk {
    url: String,
    core: usize,
}

impl Wrk {
    pub(super) fn new(url: &str, core: usize) -> io::Result<Self> {
        Command::new("wrk").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        Ok(Self { url: url.to_owned(), core })
    }

    pub(super) fn measure(&self, at_once: usize, span: Duration) -> io::Result<Sample> {
        // It takes whole seconds.
        let seconds = span.as_secs_f64().ceil().max(1.0);
        let (connections, time) = (format!("-c{at_once}"), format!("-d{seconds}s"));
        let mut command = Command::new("wrk");
        command.args(["-t1", &connections, &time, &self.url]).stderr(Stdio::inherit());
        let before = Usage::of_children()?;
        let output = cores::on(self.core, || command.output())?;
        let used = Usage::of_children()? - before;
        let told = String::from_utf8_lossy(&output.stdout);
        let (requests, rate) = parse(&told).ok_or_else(|| io::Error::other(format!("not understood:\n{told}")))?;
        let seconds = requests as f64 / rate;
        Ok(Sample {
            requests,
            seconds,
            user: used.user.as_secs_f64(),
            system: used.system.as_secs_f64(),
            allocations: None,
        })
    }
}

/// Its number of requests and its rate, unless any went wrong.
pub(crate) fn parse(told: &str) -> Option<(u64, f64)> {
    let requests = told.lines().find_map(|line| line.trim().split_once(" requests in "))?.0.parse().ok()?;
    let rate = told.lines().find_map(|line| line.strip_prefix("Requests/sec:"))?.trim().parse().ok()?;
    let failed = ["Socket errors", "Non-2xx"].iter().any(|what| told.contains(what));
    (!failed).then_some((requests, rate))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn its_report_is_read() {
        let told = "Running 1s test @ http://127.0.0.1:1/\n  1 threads and 32 connections\n  \
            52817 requests in 1.10s, 8.01MB read\nRequests/sec:  48015.45\nTransfer/sec:      7.28MB\n";
        assert_eq!(parse(told), Some((52_817, 48_015.45)));
        assert_eq!(parse(&format!("{told}  Non-2xx or 3xx responses: 7\n")), None);
        assert_eq!(parse("unable to connect"), None);
    }
}
