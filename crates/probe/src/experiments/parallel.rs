//! How many connections of one client are served at once (RFC 9112 section 9.4).

use super::{Experiment, Lasts, Outcome};
use crate::finding::{Finding, Level, Value};
use crate::lab::Lab;
use crate::line::Trouble;

const SECTION: &str = "RFC 9112 section 9.4";
/// So many are opened: more than the six of a browser, and as many as leave room for the other experiments.
const MOST: usize = 8;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "parallel",
    about: "how many connections of one client are served at once",
    intrusive: false,
    lasts: Lasts::Moments,
    run: |lab| Box::pin(run(lab)),
};

async fn run(lab: Lab) -> Outcome {
    let finding = |value| Finding::certain("connections at once", value, SECTION);
    if lab.one_at_a_time {
        let advice = "a connection that is idle keeps all other clients waiting";
        return Ok(vec![finding(Value::Count { count: 1 }).judged(Level::Problem, advice)]);
    }
    let mut open = Vec::new();
    while open.len() < MOST {
        match lab.used().await {
            Ok((line, _)) => open.push(line),
            Err(trouble) if open.is_empty() => return Err(trouble),
            Err(Trouble::NotPossible(why)) => return Err(Trouble::NotPossible(why)),
            Err(trouble) => {
                let advice = format!("the next one: {trouble}; browsers open six, proxies many more");
                let value = Value::Count { count: open.len() as u64 };
                return Ok(vec![finding(value).guessed().judged(Level::Warning, advice)]);
            }
        }
    }
    let value = Value::MoreThan { count: open.len() as u64 - 1 };
    Ok(vec![finding(value).judged(Level::Good, "all that were opened were served")])
}
