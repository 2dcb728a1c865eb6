//! All that was found.

use serde::Serialize;

use crate::finding::{Finding, Level};
use crate::greeting::Greeting;
use crate::timeline::Timeline;

/// The result of a run. Its JSON is described in `docs/probe.md`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// Changes when a program that reads the JSON has to.
    pub version: u32,
    /// What was asked for.
    pub url: String,
    /// What the first answer said.
    pub greeting: Greeting,
    /// The longest wait for what might never happen, in seconds.
    pub max_wait_seconds: f64,
    /// How long the run took.
    pub took_seconds: f64,
    /// What was found, in the order of the experiments.
    pub findings: Vec<Finding>,
    /// Experiments that came to nothing.
    pub unmeasured: Vec<Unmeasured>,
    /// What happened on the connections of each experiment, for drawing; not in the JSON.
    #[serde(skip)]
    pub timelines: Vec<Timeline>,
}

/// An experiment that came to nothing.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Unmeasured {
    /// Its name.
    pub experiment: &'static str,
    /// Why.
    pub why: String,
    /// The server no longer answered at its end.
    pub server_gone: bool,
}

impl Report {
    /// The version of the JSON.
    pub const VERSION: u32 = 1;

    /// The worst verdict, if there is any.
    pub fn worst(&self) -> Option<Level> {
        self.findings.iter().map(|finding| finding.verdict).max()
    }

    /// Whether the server went away during the run.
    pub fn server_gone(&self) -> bool {
        self.unmeasured.iter().any(|unmeasured| unmeasured.server_gone)
    }
}
