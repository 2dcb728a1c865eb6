//! Whether an HTTP/1.1 connection carries a second request (RFC 9112 section 9.3).

use super::{Experiment, Lasts, Outcome};
use crate::ending::Ending;
use crate::finding::{Finding, Level, Value};
use crate::lab::Lab;
use crate::line::Trouble;

const SECTION: &str = "RFC 9112 section 9.3";
const SUBJECT: &str = "persistence in HTTP/1.1";

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "persistence11",
    about: "whether an HTTP/1.1 connection carries a second request",
    intrusive: false,
    connections: 1,
    lasts: Lasts::Moments,
    run: |lab| Box::pin(run(lab)),
};

async fn run(lab: Lab) -> Outcome {
    let (mut line, first) = lab.used().await?;
    if !first.persists() {
        let ended = line.ending(lab.soon()).await;
        return Ok(vec![announced(first.options.close, ended.as_ref())]);
    }
    let finding = |text| Finding::certain(SUBJECT, Value::text(text), SECTION);
    Ok(vec![match line.ask(&lab.get()).await {
        Ok(_) => finding("kept").judged(Level::Good, "a second request was answered on the same connection"),
        Err(Trouble::Ended(_)) => finding("closed, unannounced").judged(
            Level::Problem,
            "the response did not say Connection: close, and the next request met a close: say it in each response",
        ),
        Err(trouble) => return Err(trouble),
    }])
}

/// The first response said that it is the last.
fn announced(close: bool, ended: Option<&Ending>) -> Finding {
    let (text, advice) = match (close, ended) {
        (true, Some(_)) => ("closed after each response", "each request pays for a new connection"),
        (true, None) => ("announced as closed, kept open", "a client waits for nothing: close after Connection: close"),
        (false, _) => {
            ("closed after each response", "content without a length ends by the close: send a length or chunks")
        }
    };
    let level = if close && ended.is_none() { Level::Problem } else { Level::Note };
    Finding::certain(SUBJECT, Value::text(text), SECTION).judged(level, advice)
}
