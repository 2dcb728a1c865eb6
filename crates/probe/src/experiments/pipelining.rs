//! Several requests at once: all answered, in order (RFC 9112 section 9.3.2).

use super::{Experiment, Lasts, Outcome};
use crate::finding::{Finding, Level, Value};
use crate::lab::Lab;
use crate::line::Trouble;
use crate::request::Request;

const SECTION: &str = "RFC 9112 section 9.3.2";
/// Requests sent at once.
const DEPTH: u64 = 8;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "pipelining",
    about: "whether requests sent together are all answered, in order",
    intrusive: false,
    connections: 1,
    lasts: Lasts::Moments,
    run: |lab| Box::pin(run(lab)),
};

async fn run(lab: Lab) -> Outcome {
    let (mut line, first) = lab.kept().await?;
    // GET and HEAD in turn: an answer out of order has content where none is due, or none where it is.
    let requests = [lab.get(), Request::new("HEAD", &lab.target)];
    let mut bytes = Vec::new();
    for request in requests.iter().cycle().take(DEPTH as usize) {
        line.expect(request.method, request.version)?;
        bytes.extend(request.bytes());
    }
    line.write(&bytes).await?;
    let finding = |value| Finding::certain("pipelined requests answered", value, SECTION);
    let mut answered = 0;
    while answered < DEPTH {
        match line.answer().await {
            Ok(answer) => {
                answered += 1;
                if !answer.persists() && answered < DEPTH {
                    let advice = "the connection ends before the others; a client has to send them again";
                    return Ok(vec![finding(Value::Count { count: answered }).judged(Level::Note, advice)]);
                }
                if answer.status != first.status {
                    let text = format!("{answered}, the last with {}", answer.status);
                    let advice = "the same request is answered otherwise when it is pipelined";
                    return Ok(vec![finding(Value::text(text)).judged(Level::Warning, advice)]);
                }
            }
            Err(trouble) => return Ok(vec![broken(finding(Value::Count { count: answered }), trouble)?]),
        }
    }
    Ok(vec![finding(Value::Count { count: answered }).judged(Level::Good, "all that were sent, in order")])
}

fn broken(finding: Finding, trouble: Trouble) -> Result<Finding, Trouble> {
    Ok(finding.judged(
        Level::Problem,
        match trouble {
            Trouble::Ended(_) => "the connection was closed before the others, unannounced: say Connection: close",
            Trouble::Silent(_) => "the others were never answered: a request that came with the one before it is lost",
            Trouble::Malformed(_) => "the answers are out of order, or do not end where they should",
            other => return Err(other),
        },
    ))
}
