//! What was seen, per scenario.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tenure_proto::MethodClass;

/// Ids remembered, at most; later ones are counted, not compared.
const MOST_IDS: usize = 200_000;

/// What one scenario has seen.
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
    /// Connections whose first request was for this scenario.
    pub connections: u64,
    /// The share of requests that needed no connection of their own: `1 - connections / requests`.
    pub reuse_ratio: f64,
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
    /// Requests whose ids were not compared, because too many had come.
    pub uncompared: u64,
    /// By the scenario's name.
    pub scenarios: BTreeMap<&'static str, Account>,
}

/// Guarded by one lock, held for counting only, never across a wait.
#[derive(Debug, Default)]
pub(crate) struct Accounts(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    report: Report,
    /// How often each id was processed.
    ids: HashMap<(&'static str, String), u64>,
    crossed: HashSet<(&'static str, String)>,
}

impl Accounts {
    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn connected(&self) {
        self.lock().report.connections += 1;
    }

    pub(crate) fn turned_away(&self) {
        self.lock().report.turned_away += 1;
    }

    pub(crate) fn bad_request(&self) {
        self.lock().report.bad_requests += 1;
    }

    /// A request has come; `first` on its connection.
    pub(crate) fn seen(&self, scenario: &'static str, first: bool) {
        let mut counted = self.lock();
        let account = counted.report.scenarios.entry(scenario).or_default();
        account.requests += 1;
        account.connections += u64::from(first);
    }

    /// It is acted upon.
    pub(crate) fn processed(&self, scenario: &'static str, method: &str, id: &str) {
        let mut counted = self.lock();
        let Counted { report, ids, .. } = &mut *counted;
        let account = report.scenarios.entry(scenario).or_default();
        account.processed += 1;
        if ids.len() >= MOST_IDS && !ids.contains_key(&(scenario, id.to_owned())) {
            report.uncompared += 1;
            return;
        }
        let times = ids.entry((scenario, id.to_owned())).or_default();
        *times += 1;
        if *times == 2 {
            account.processed_twice += 1;
            let idempotent = MethodClass::of(method.as_bytes()).is_idempotent();
            account.not_idempotent_twice += u64::from(!idempotent);
        }
    }

    /// It had come when unasked bytes were sent.
    pub(crate) fn crossed(&self, scenario: &'static str, id: &str) {
        let mut counted = self.lock();
        counted.report.scenarios.entry(scenario).or_default().crossed += 1;
        if counted.crossed.len() < MOST_IDS {
            counted.crossed.insert((scenario, id.to_owned()));
        }
    }

    /// Whether the request with that id had come when unasked bytes were sent.
    pub(crate) fn has_crossed(&self, scenario: &'static str, id: &str) -> bool {
        self.lock().crossed.contains(&(scenario, id.to_owned()))
    }

    /// How often the request with that id was processed.
    pub(crate) fn times(&self, scenario: &'static str, id: &str) -> u64 {
        self.lock().ids.get(&(scenario, id.to_owned())).copied().unwrap_or(0)
    }

    pub(crate) fn report(&self, seed: u64) -> Report {
        let mut report = self.lock().report.clone();
        report.seed = seed;
        for account in report.scenarios.values_mut() {
            let requests = account.requests.max(1) as f64;
            account.reuse_ratio = 1.0 - (account.connections as f64 / requests).min(1.0);
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_processed_twice_is_counted_once_and_by_method() {
        let accounts = Accounts::default();
        for (method, id) in [("POST", "a"), ("POST", "a"), ("POST", "a"), ("PUT", "b"), ("PUT", "b"), ("POST", "c")] {
            accounts.seen("ok", id == "c");
            accounts.processed("ok", method, id);
        }
        let report = accounts.report(1);
        let account = &report.scenarios["ok"];
        assert_eq!((account.processed, account.processed_twice, account.not_idempotent_twice), (6, 2, 1));
        assert_eq!((account.requests, account.connections), (6, 1));
        assert!((account.reuse_ratio - 5.0 / 6.0).abs() < 1e-9);
        assert_eq!((accounts.times("ok", "a"), accounts.times("ok", "z")), (3, 0));
    }
}
