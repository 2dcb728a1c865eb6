//! `Expect: 100-continue` gets a 100 or a final answer at once (RFC 9110 section 10.1.1).

use super::{Experiment, Lasts, Outcome};
use crate::finding::{Finding, Level, Value};
use crate::lab::Lab;
use crate::line::Trouble;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "expect",
    about: "whether a client that holds its content back until 100 (Continue) is told to go on",
    intrusive: false,
    connections: 1,
    lasts: Lasts::Moments,
    run: |lab| Box::pin(run(lab)),
};

async fn run(lab: Lab) -> Outcome {
    let (mut line, _) = lab.kept().await?;
    let request = lab.options().field("Content-Length", "5").field("Expect", "100-continue");
    line.expect(request.method, request.version)?;
    line.write(&request.bytes()).await?;
    let finding = |text: String| Finding::certain("Expect: 100-continue", Value::text(text), "RFC 9110 section 10.1.1");
    let told = line.first_bytes(lab.soon()).await.map(|bytes| bytes.starts_with(b"HTTP/1.1 100"));
    match told {
        // The final answer came first: then the content is not wanted.
        Some(false) => {
            let answer = line.answer().await?;
            let text = format!("answered with {} at once", answer.status);
            return Ok(vec![finding(text).judged(Level::Good, "the client need not send its content")]);
        }
        Some(true) => {}
        None => {
            let advice = "a client that waits for 100 (Continue) loses time with each such request: send it, or a final answer, at once";
            return Ok(vec![finding("no answer".to_owned()).judged(Level::Problem, advice)]);
        }
    }
    line.write(b"hello").await?;
    let finding = finding("100 (Continue)".to_owned());
    Ok(vec![match line.answer().await {
        Ok(_) => finding.judged(Level::Good, "the client goes on at once"),
        Err(Trouble::Ended(_)) => {
            finding.judged(Level::Problem, "the content was asked for, and then the connection ended without an answer")
        }
        Err(trouble) => return Err(trouble),
    }])
}
