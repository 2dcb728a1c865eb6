//! What became of one file.

use std::time::Duration;

use http::StatusCode;
use tenure::{ConnectionInfo, Fate};

/// One file that was sent, fetched, or not.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// As the user knows it: a path, or a URL.
    pub(crate) name: String,
    /// Where it went, or came from.
    pub(crate) url: String,
    pub(crate) outcome: Outcome,
    /// Of its content.
    pub(crate) bytes: u64,
    /// All of it, with waits and attempts before the last.
    pub(crate) took: Duration,
    /// From the end of the request to the head of the response.
    pub(crate) wait: Duration,
    /// Of the response, if there was one.
    pub(crate) status: Option<StatusCode>,
    /// What carried it.
    pub(crate) connection: Option<ConnectionInfo>,
    /// Where it is now: the server's `Location`, or a file here.
    pub(crate) place: Option<String>,
}

/// How it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// Stored by the server, or fetched.
    Done,
    /// An earlier run did it.
    Earlier,
    /// Not done.
    Failed(Failure),
}

/// Why a file was not done, and what can be done about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failure {
    /// What happened, in one line.
    pub(crate) what: String,
    /// What the user can do, if there is anything to say.
    pub(crate) advice: Option<String>,
    /// What is known about the request, if one was made and got no answer.
    pub(crate) fate: Option<Fate>,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), advice: None, fate: None }
    }

    pub(crate) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    pub(crate) const fn fate(mut self, fate: Fate) -> Self {
        self.fate = Some(fate);
        self
    }
}

impl Item {
    /// One that no request was made for.
    pub(crate) fn untried(name: impl Into<String>, url: impl Into<String>, outcome: Outcome) -> Self {
        Self {
            name: name.into(),
            url: url.into(),
            outcome,
            bytes: 0,
            took: Duration::ZERO,
            wait: Duration::ZERO,
            status: None,
            connection: None,
            place: None,
        }
    }
}
