//! From what was written down to verdicts.

use std::collections::BTreeMap;

use super::{Answered, CaseId, Pages, Record};
use crate::account::Case;
use crate::outcome::{Got, Outcome};
use crate::parameter::Values;
use crate::scenarios;
use crate::verdict::{Rule, Verdict};

/// Scenarios that never answer and never close: who waits for them in vain has nothing to repeat.
const SILENT: [&str; 2] = ["dead", "stall"];
/// The scenario that processes what crosses its FIN.
const PAST_FIN: &str = "half-close-process";

/// So many interim responses everybody must be able to take.
const FEW: u64 = 10;

/// What the client's word leads to, by case. Counted as it comes: the requests it is about are over.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<(usize, Rule), u64>);

impl Told {
    pub(super) fn add(&mut self, id: CaseId, record: Option<&Record>, outcome: &Outcome<'_>, case: &mut Case) {
        let told = case.told.entry(outcome.method.to_owned()).or_default();
        let crossed = record.is_some_and(|record| record.crossed);
        let answered = record.map_or(Answered::Nothing, |record| record.answered);
        let rule = match outcome.got {
            // Where the head was cut the id may be missing.
            Got::Answer { id, .. } if (id == outcome.id || id.is_empty()) && answered == Answered::Cut => {
                told.wrong += 1;
                Some(Rule::TookIncomplete)
            }
            Got::Answer { id, .. } if (id == outcome.id && answered > Answered::Cut) || crossed => {
                told.answered += 1;
                None
            }
            // The server's own refusal of a query that it does not understand.
            Got::Answer { status: 400, .. } if record.is_none() => None,
            Got::Answer { status, .. } => {
                told.wrong += 1;
                Some(if (100..200).contains(&status) { Rule::TookInterim } else { Rule::TookWrong })
            }
            Got::Error => {
                told.errors += 1;
                let was_used = record.is_none_or(|record| record.on_used);
                match answered {
                    Answered::Whole if crossed => None,
                    Answered::Whole if is_flood(case) => Some(Rule::RefusedFlood),
                    Answered::Whole => Some(Rule::RefusedRight),
                    Answered::Nothing if was_used && outcome.is_idempotent() && !SILENT.contains(&case.scenario) => {
                        Some(Rule::NotRepeated)
                    }
                    _ => None,
                }
            }
        };
        if let Some(rule) = rule {
            *self.0.entry((id.0, rule)).or_default() += 1;
        }
    }
}

/// More interim responses than anybody has a use for.
fn is_flood(case: &Case) -> bool {
    let scenario = scenarios::find(case.scenario).filter(|scenario| scenario.name == "interim");
    let values = scenario.and_then(|scenario| Values::parse(scenario.parameters, &case.query).ok());
    values.is_some_and(|values| values.number("count") > FEW)
}

/// How often each rule was broken in each case.
pub(super) struct Found(BTreeMap<(usize, Rule), u64>);

pub(super) fn found(pages: &Pages) -> Found {
    let mut found = Found(pages.told.0.clone());
    for record in pages.records.values().filter(|record| record.seen > 2) {
        found.add(record.case.0, Rule::RepeatedOften, u64::from(record.seen > 2));
    }
    for (n, case) in pages.cases.iter().enumerate() {
        let account = &case.account;
        let twice = if case.scenario == PAST_FIN { Rule::RepeatedPastFin } else { Rule::RepeatedUnsafe };
        let never_reused = case.scenario == "ok" && account.requests > 1 && account.connections >= account.requests;
        for (rule, count) in [
            (twice, account.not_idempotent_twice),
            (Rule::SentAfterClose, account.after_close),
            (Rule::ReusedAfterStray, account.after_stray),
            (Rule::HintIgnored, account.hints_ignored),
            (Rule::NotReused, if never_reused { account.requests } else { 0 }),
        ] {
            found.add(n, rule, count);
        }
    }
    found
}

impl Found {
    fn add(&mut self, case: usize, rule: Rule, count: u64) {
        if count > 0 {
            *self.0.entry((case, rule)).or_default() += count;
        }
    }

    pub(super) fn verdicts(&self, id: CaseId, case: &Case) -> Vec<Verdict> {
        let section = scenarios::find(case.scenario).map_or("", |scenario| scenario.section);
        let of_case = self.0.iter().filter(|((n, _), _)| *n == id.0);
        of_case.map(|((_, rule), count)| rule.verdict(*count, section)).collect()
    }
}
