//! A 304 has no content (RFC 9112 section 6.3, rule 1).

use super::{Experiment, Lasts, Outcome};
use crate::finding::{Finding, Level, Value};
use crate::lab::Lab;
use crate::line::Trouble;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "not-modified",
    about: "whether a 304 ends where it should",
    intrusive: false,
    connections: 1,
    lasts: Lasts::Moments,
    run: |lab| Box::pin(run(lab)),
};

async fn run(lab: Lab) -> Outcome {
    let not_possible = |why: &str| Err(Trouble::NotPossible(why.to_owned()));
    let (mut line, get) = lab.kept().await?;
    let request = match (get.field("etag"), get.field("last-modified")) {
        (Some(etag), _) => lab.get().field("If-None-Match", etag),
        (None, Some(date)) => lab.get().field("If-Modified-Since", date),
        (None, None) => return not_possible("the page has neither ETag nor Last-Modified, so there is no 304"),
    };
    let answer = line.ask(&request).await?;
    if answer.status != 304 {
        return not_possible("the server answers a conditional request in full");
    }
    if !answer.persists() {
        return not_possible("the server closes after a 304");
    }
    let finding = |text: &str| Finding::certain("304 (Not Modified)", Value::text(text), "RFC 9112 section 6.3");
    Ok(vec![match line.ask(&lab.get()).await {
        Ok(_) => finding("without content").judged(Level::Good, "the next answer begins where it should"),
        Err(Trouble::Malformed(what)) => finding("followed by content").judged(
            Level::Problem,
            format!("what follows it is taken for the next answer ({what}): send no content after the head"),
        ),
        Err(Trouble::Ended(_)) => finding("then closed, unannounced")
            .judged(Level::Warning, "the next request on the connection met a close: say Connection: close"),
        Err(trouble) => return Err(trouble),
    }])
}
