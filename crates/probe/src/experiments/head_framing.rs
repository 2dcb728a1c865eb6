//! The answer to HEAD has no content, whatever length it names (RFC 9112 section 6.3, rule 1).

use super::{Experiment, Lasts, Outcome};
use crate::finding::{Finding, Level, Value};
use crate::lab::Lab;
use crate::line::Trouble;
use crate::request::Request;

const SECTION: &str = "RFC 9112 section 6.3";

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "head-answer",
    about: "whether the answer to HEAD ends where it should, and names the length that GET has",
    intrusive: false,
    connections: 1,
    lasts: Lasts::Moments,
    run: |lab| Box::pin(run(lab)),
};

async fn run(lab: Lab) -> Outcome {
    let (mut line, get) = lab.kept().await?;
    let head = line.ask(&Request::new("HEAD", &lab.target)).await?;
    if !head.persists() {
        return Err(Trouble::NotPossible("the server closes after HEAD".to_owned()));
    }
    let finding = |text: &str| Finding::certain("answer to HEAD", Value::text(text), SECTION);
    let finding = match line.ask(&lab.get()).await {
        Ok(_) => finding("without content").judged(Level::Good, "the next answer begins where it should"),
        Err(Trouble::Malformed(what)) => finding("followed by content").judged(
            Level::Problem,
            format!("what follows it is taken for the next answer ({what}): send no content after the head"),
        ),
        Err(Trouble::Ended(_)) => finding("then closed, unannounced")
            .judged(Level::Warning, "the next request on the connection met a close: say Connection: close"),
        Err(trouble) => return Err(trouble),
    };
    let (of_head, of_get) = (head.field("content-length"), get.field("content-length"));
    if finding.verdict == Level::Good && of_head.is_some() && of_get.is_some() && of_head != of_get {
        let advice = "HEAD names another Content-Length than GET: it has to be the same, or left out";
        return Ok(vec![Finding { section: "RFC 9110 section 8.6", ..finding }.judged(Level::Warning, advice)]);
    }
    Ok(vec![finding])
}
