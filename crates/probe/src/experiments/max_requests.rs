//! How many requests a connection carries before the server ends it, and whether its last response says so.

use super::{Experiment, Lasts, Outcome};
use crate::finding::{Finding, Level, Value};
use crate::lab::Lab;
use crate::line::Trouble;

const SECTION: &str = "RFC 9112 section 9.6";
/// So many requests are sent on a connection, at most: beyond the 1,000 of nginx.
const MOST: u64 = 1_100;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "requests",
    about: "how many requests a connection carries, and whether the last response says so",
    intrusive: false,
    connections: 2,
    lasts: Lasts::Waits(1),
    run: |lab| Box::pin(run(lab)),
};

/// One connection's life.
struct Life {
    answered: u64,
    end: End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The last response said close.
    Announced,
    /// The request after it met the close.
    Unannounced,
    /// None was seen.
    Open,
}

async fn run(lab: Lab) -> Outcome {
    let (first, second) = tokio::join!(live(&lab), live(&lab));
    let (first, second) = (first?, second?);
    let finding = |value| Finding::certain("requests per connection", value, SECTION);
    if first.end == End::Open || second.end == End::Open {
        let count = first.answered.min(second.answered);
        let advice = "no limit was met";
        return Ok(vec![finding(Value::MoreThan { count }).measured(2).judged(Level::Good, advice)]);
    }
    let value = Value::Count { count: first.answered };
    if first.answered != second.answered {
        let advice = format!("another connection carried {}: the end does not depend on the number", second.answered);
        let found = Finding { value: Value::Count { count: first.answered.min(second.answered) }, ..finding(value) };
        return Ok(vec![found.guessed().judged(Level::Warning, advice)]);
    }
    let announced = first.end == End::Announced && second.end == End::Announced;
    let (level, advice) = match (announced, first.answered) {
        (false, _) => {
            (Level::Problem, "the last response does not say Connection: close, and the next request meets the close")
        }
        (true, 1) => (Level::Note, "each request pays for a new connection"),
        (true, _) => (Level::Good, "the last response says Connection: close"),
    };
    Ok(vec![finding(value).measured(2).judged(level, advice)])
}

/// Asks until the connection ends, or is not going to.
async fn live(lab: &Lab) -> Result<Life, Trouble> {
    let mut line = lab.open().await?;
    let until = tokio::time::Instant::now() + lab.max_wait;
    let mut answered = 0;
    while answered < MOST && tokio::time::Instant::now() < until {
        match line.ask(&lab.get()).await {
            Ok(answer) => {
                answered += 1;
                if !answer.persists() {
                    return Ok(Life { answered, end: End::Announced });
                }
            }
            Err(Trouble::Ended(_)) if answered > 0 => return Ok(Life { answered, end: End::Unannounced }),
            Err(trouble) => return Err(trouble),
        }
    }
    Ok(Life { answered, end: End::Open })
}
