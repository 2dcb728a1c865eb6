//! Where everything that happens is written down, and judged when asked.

mod judge;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tenure_proto::MethodClass;

use crate::account::{Account, Case, Report};
use crate::outcome::Outcome;
use crate::plan::{Step, Wrong};
use crate::scenario::Request;
use crate::scenarios;

/// Ids remembered, at most; later ones are counted, not compared.
const MOST_IDS: usize = 200_000;
/// Cases told apart, at most; what comes later is counted for its scenario, without query and client.
const MOST_CASES: usize = 2_000;

/// Which case something belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CaseId(usize);

/// What makes cases different.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Key {
    scenario: &'static str,
    query: String,
    tls: bool,
    client: String,
}

/// How the server answers a request, as its plan has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Answered {
    Nothing,
    /// A part of a response.
    Cut,
    /// A response, and something wrong about it; or it may be lost by no fault of the client's.
    Unsure,
    /// A response.
    Whole,
}

impl Answered {
    fn of(steps: &[Step]) -> Self {
        let mut answered = Self::Nothing;
        let mut is_fresh = false;
        for step in steps {
            match step {
                Step::Send(_) => answered = answered.max(Self::Whole),
                Step::SendWrong(Wrong::Cut, _) => return Self::Cut,
                Step::SendWrong(Wrong::Stray | Wrong::Unclear, _) | Step::Cross => return Self::Unsure,
                // It can overtake the response.
                Step::Reset if is_fresh => return Self::Unsure,
                _ => {}
            }
            is_fresh = matches!(step, Step::Send(_) | Step::Terms(_));
        }
        answered
    }
}

/// What is known of one id in one scenario.
#[derive(Debug)]
struct Record {
    case: CaseId,
    is_idempotent: bool,
    seen: u64,
    processed: u64,
    /// It was there already when bytes nobody had asked for were sent.
    crossed: bool,
    /// It came first on a connection that had carried others.
    on_used: bool,
    /// The best answer it was given.
    answered: Answered,
}

/// Guarded by one lock, held for counting only, never across a wait.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Pages>);

#[derive(Debug, Default)]
struct Pages {
    connections: u64,
    turned_away: u64,
    bad_requests: u64,
    bad_handshakes: u64,
    uncompared: u64,
    cases: Vec<Case>,
    index: HashMap<Key, CaseId>,
    records: HashMap<(&'static str, String), Record>,
    /// What was told, by case; judged with the rest.
    told: judge::Told,
}

impl Pages {
    fn account(&mut self, case: CaseId) -> &mut Account {
        &mut self.cases[case.0].account
    }

    fn case(&mut self, key: Key) -> CaseId {
        if let Some(case) = self.index.get(&key) {
            return *case;
        }
        if self.cases.len() >= MOST_CASES && !(key.query.is_empty() && key.client.is_empty()) {
            return self.case(Key { query: String::new(), client: String::new(), ..key });
        }
        let case = CaseId(self.cases.len());
        let Key { scenario, query, tls, client } = key.clone();
        self.cases.push(Case { scenario, query, tls, client, ..Case::default() });
        self.index.insert(key, case);
        case
    }

    fn record(&mut self, scenario: &'static str, id: &str) -> Option<&mut Record> {
        self.records.get_mut(&(scenario, id.to_owned()))
    }
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn connected(&self) {
        self.lock().connections += 1;
    }

    pub(crate) fn turned_away(&self) {
        self.lock().turned_away += 1;
    }

    pub(crate) fn bad_request(&self) {
        self.lock().bad_requests += 1;
    }

    pub(crate) fn bad_handshake(&self) {
        self.lock().bad_handshakes += 1;
    }

    /// A request has come, as the `number`th on its connection, and is to be answered by these steps.
    pub(crate) fn seen(&self, scenario: &'static str, request: &Request, number: u64, steps: &[Step]) -> CaseId {
        let mut pages = self.lock();
        let (query, client) = (request.query.clone(), request.client.clone());
        let case = pages.case(Key { scenario, query, tls: request.secure, client });
        let account = pages.account(case);
        account.requests += 1;
        account.connections += u64::from(number == 1);
        let answered = Answered::of(steps);
        if let Some(record) = pages.record(scenario, &request.id) {
            record.seen += 1;
            record.answered = record.answered.max(answered);
        } else if pages.records.len() < MOST_IDS {
            let is_idempotent = MethodClass::of(request.method.as_bytes()).is_idempotent();
            let on_used = number > 1;
            let record = Record { case, is_idempotent, seen: 1, processed: 0, crossed: false, on_used, answered };
            pages.records.insert((scenario, request.id.clone()), record);
        } else {
            pages.uncompared += 1;
        }
        case
    }

    /// It is acted upon.
    pub(crate) fn processed(&self, case: CaseId, id: &str) {
        let mut pages = self.lock();
        let scenario = pages.cases[case.0].scenario;
        let twice = pages.record(scenario, id).map(|record| {
            record.processed += 1;
            (record.processed == 2, !record.is_idempotent)
        });
        let account = pages.account(case);
        account.processed += 1;
        if let Some((true, is_unsafe)) = twice {
            account.processed_twice += 1;
            account.not_idempotent_twice += u64::from(is_unsafe);
        }
    }

    /// It had come when unasked bytes were sent.
    pub(crate) fn crossed(&self, case: CaseId, id: &str) {
        let mut pages = self.lock();
        pages.account(case).crossed += 1;
        let scenario = pages.cases[case.0].scenario;
        if let Some(record) = pages.record(scenario, id) {
            record.crossed = true;
        }
    }

    /// It came on a connection after bytes that nobody had asked for. What its sender makes of them is held
    /// against it, but not that the answer is lost to them.
    pub(crate) fn after_stray(&self, case: CaseId, id: &str) {
        let mut pages = self.lock();
        pages.account(case).after_stray += 1;
        let scenario = pages.cases[case.0].scenario;
        if let Some(record) = pages.record(scenario, id) {
            record.answered = record.answered.min(Answered::Unsure);
        }
    }

    /// Something to be counted about that case.
    pub(crate) fn count(&self, case: CaseId, count: impl FnOnce(&mut Account)) {
        count(self.lock().account(case));
    }

    /// Whether the request with that id had come when unasked bytes were sent.
    pub(crate) fn has_crossed(&self, scenario: &'static str, id: &str) -> bool {
        self.lock().record(scenario, id).is_some_and(|record| record.crossed)
    }

    /// How often the request with that id was processed.
    pub(crate) fn times(&self, scenario: &'static str, id: &str) -> u64 {
        self.lock().record(scenario, id).map_or(0, |record| record.processed)
    }

    /// Takes the client's word for what its caller got.
    pub(crate) fn told(&self, outcome: &Outcome<'_>) {
        let Some(scenario) = scenarios::find(outcome.path) else { return };
        let mut pages = self.lock();
        let key =
            Key { scenario: scenario.name, query: outcome.query.to_owned(), tls: outcome.tls, client: String::new() };
        let known = pages.record(scenario.name, outcome.id).map(|record| record.case);
        let alike = |case: &Case| (case.scenario, &case.query, case.tls) == (key.scenario, &key.query, key.tls);
        let alike = pages.cases.iter().position(alike).map(CaseId);
        let case = known.or(alike).unwrap_or_else(|| pages.case(key));
        let Pages { records, told, cases, .. } = &mut *pages;
        let record = records.get(&(scenario.name, outcome.id.to_owned()));
        told.add(case, record, outcome, &mut cases[case.0]);
    }

    pub(crate) fn report(&self, seed: u64) -> Report {
        let pages = self.lock();
        let mut scenarios = BTreeMap::<_, Account>::new();
        let mut cases = pages.cases.clone();
        let found = judge::found(&pages);
        for (n, case) in cases.iter_mut().enumerate() {
            scenarios.entry(case.scenario).or_default().add(&case.account);
            case.account = std::mem::take(&mut case.account).with_ratio();
            case.verdicts = found.verdicts(CaseId(n), case);
        }
        let scenarios = scenarios.into_iter().map(|(name, account)| (name, account.with_ratio())).collect();
        Report {
            seed,
            connections: pages.connections,
            turned_away: pages.turned_away,
            bad_requests: pages.bad_requests,
            bad_handshakes: pages.bad_handshakes,
            uncompared: pages.uncompared,
            scenarios,
            cases,
        }
    }
}

#[cfg(test)]
mod tests;
