//! The experiments, each a file, in the order of the report.

mod age;
mod chunked_request;
mod close_option;
mod early_answer;
mod empty_line;
mod expect_continue;
mod head_framing;
mod http09;
mod hygiene;
mod idle;
mod max_requests;
mod not_modified;
mod parallel;
mod persistence10;
mod persistence11;
mod pipelining;
mod tls;
mod unread_content;
mod within_a_head;

use std::time::Duration;

use crate::BoxFuture;
use crate::finding::Finding;
use crate::lab::{Lab, SOON};
use crate::line::Trouble;

type Outcome = Result<Vec<Finding>, Trouble>;

/// One question to the server.
#[derive(Debug)]
pub struct Experiment {
    /// A short name, as `--only` takes it.
    pub name: &'static str,
    /// What it finds out.
    pub about: &'static str,
    /// It could disturb a server that others use.
    pub intrusive: bool,
    lasts: Lasts,
    run: fn(Lab) -> BoxFuture<'static, Outcome>,
}

/// How long an experiment takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lasts {
    /// A few exchanges, and a close that should come soon.
    Moments,
    /// Up to so many times the longest wait.
    Waits(u32),
}

impl Experiment {
    /// How long it may take: an honest bound, answers in time presumed.
    pub fn at_most(&self, max_wait: Duration) -> Duration {
        match self.lasts {
            Lasts::Moments => SOON * 2,
            Lasts::Waits(times) => max_wait * times + SOON,
        }
    }

    pub(crate) fn run(&self, lab: Lab) -> BoxFuture<'static, Outcome> {
        (self.run)(lab)
    }
}

/// All of them.
pub const EXPERIMENTS: &[Experiment] = &[
    persistence11::EXPERIMENT,
    persistence10::EXPERIMENT,
    http09::EXPERIMENT,
    close_option::EXPERIMENT,
    idle::EXPERIMENT,
    within_a_head::EXPERIMENT,
    max_requests::EXPERIMENT,
    age::EXPERIMENT,
    parallel::EXPERIMENT,
    pipelining::EXPERIMENT,
    head_framing::EXPERIMENT,
    not_modified::EXPERIMENT,
    empty_line::EXPERIMENT,
    chunked_request::EXPERIMENT,
    expect_continue::EXPERIMENT,
    unread_content::EXPERIMENT,
    early_answer::EXPERIMENT,
    tls::EXPERIMENT,
    hygiene::EXPERIMENT,
];
