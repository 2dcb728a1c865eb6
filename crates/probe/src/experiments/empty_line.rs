//! An empty line before a request line, as old browsers send after a POST (RFC 9112 section 2.2).

use super::{Experiment, Lasts, Outcome};
use crate::finding::{Finding, Level, Value};
use crate::lab::Lab;
use crate::line::Trouble;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "empty-line",
    about: "whether an empty line between two requests is ignored, as old browsers send it after a POST",
    intrusive: false,
    connections: 1,
    lasts: Lasts::Moments,
    run: |lab| Box::pin(run(lab)),
};

async fn run(lab: Lab) -> Outcome {
    let (mut line, first) = lab.kept().await?;
    line.write(b"\r\n").await?;
    let finding =
        |text: String| Finding::certain("empty line before a request", Value::text(text), "RFC 9112 section 2.2");
    let advice = "a server should ignore at least one empty line before a request line";
    Ok(vec![match line.ask(&lab.get()).await {
        Ok(answer) if answer.status == first.status => {
            finding("ignored".to_owned()).judged(Level::Good, "old clients that send one after a POST are served")
        }
        Ok(answer) => finding(format!("answered with {}", answer.status)).judged(Level::Warning, advice),
        Err(Trouble::Ended(_)) => finding("closed".to_owned()).judged(Level::Warning, advice),
        Err(Trouble::Silent(_)) => finding("not answered".to_owned()).judged(Level::Warning, advice),
        Err(trouble) => return Err(trouble),
    }])
}
