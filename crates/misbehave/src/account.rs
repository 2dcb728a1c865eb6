//! What was seen, as data.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::verdict::{Level, Verdict};

/// What was seen of some requests.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Account {
    /// Requests whose head came.
    pub requests: u64,
    /// Requests acted upon, as a real server would have: read to the end, and more.
    pub processed: u64,
    /// Ids that were processed more than once, by any method.
    pub processed_twice: u64,
    /// Of these, the ones by a method that is not idempotent (RFC 9110 section 9.2.2).
    pub not_idempotent_twice: u64,
    /// Requests that had come by the time bytes nobody had asked for were sent before their answer:
    /// no client can tell those bytes from the answer.
    pub crossed: u64,
    /// Connections whose first request was among these.
    pub connections: u64,
    /// The share of requests that needed no connection of their own: `1 - connections / requests`.
    pub reuse_ratio: f64,
    /// Connections whose `Keep-Alive` announcement had run out, or the client left sooner: no further request came.
    pub hints_obeyed: u64,
    /// Requests that came on a connection after its `Keep-Alive` announcement had run out.
    pub hints_ignored: u64,
    /// Requests that came on a connection after a response that ended it.
    pub after_close: u64,
    /// Requests that came on a connection after bytes that nobody had asked for.
    pub after_stray: u64,
}

impl Account {
    pub(crate) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.processed += other.processed;
        self.processed_twice += other.processed_twice;
        self.not_idempotent_twice += other.not_idempotent_twice;
        self.crossed += other.crossed;
        self.connections += other.connections;
        self.hints_obeyed += other.hints_obeyed;
        self.hints_ignored += other.hints_ignored;
        self.after_close += other.after_close;
        self.after_stray += other.after_stray;
    }

    pub(crate) fn with_ratio(mut self) -> Self {
        let requests = self.requests.max(1) as f64;
        self.reuse_ratio = 1.0 - (self.connections as f64 / requests).min(1.0);
        self
    }
}

/// What the callers of a client got, by its own word.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Told {
    /// The answer that was theirs, whole; or one that nobody could have told from it.
    pub answered: u64,
    /// An error.
    pub errors: u64,
    /// An answer that was not theirs, or not whole.
    pub wrong: u64,
}

/// One scenario with its parameters, as one client met it.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Case {
    /// The scenario's name.
    pub scenario: &'static str,
    /// The query it was asked with.
    pub query: String,
    /// Whether it was asked over TLS.
    pub tls: bool,
    /// The first product of the client's `User-Agent`; empty without one.
    pub client: String,
    /// What was seen.
    #[serde(flatten)]
    pub account: Account,
    /// What the callers got, by method, where the client has told.
    pub told: BTreeMap<String, Told>,
    /// What is to be said about that, the faults first.
    pub verdicts: Vec<Verdict>,
}

/// What a server has seen since it started.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The seed of its times.
    pub seed: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Connections turned away because too many were open.
    pub turned_away: u64,
    /// Requests that were malformed, or asked for no scenario or page.
    pub bad_requests: u64,
    /// Connections on which the TLS handshake failed.
    pub bad_handshakes: u64,
    /// Requests whose ids were not compared, because too many had come.
    pub uncompared: u64,
    /// By the scenario's name: all its cases together.
    pub scenarios: BTreeMap<&'static str, Account>,
    /// Each scenario with its parameters and each client apart, in the order of coming.
    pub cases: Vec<Case>,
}

impl Report {
    /// How often any rule was broken of those that are no matter of taste.
    pub fn faults(&self) -> u64 {
        let verdicts = self.cases.iter().flat_map(|case| &case.verdicts);
        verdicts.filter(|verdict| verdict.level == Level::Fault).map(|verdict| verdict.count).sum()
    }
}
