//! Content that the server does not want: read, or the connection closed in order, so that the answer is not lost
//! (RFC 9112 section 9.6).

use super::{Experiment, Lasts, Outcome};
use crate::finding::{Finding, Level, Value};
use crate::lab::Lab;
use crate::line::Trouble;

/// More than a server reads by chance.
const CONTENT: usize = 512 << 10;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "unread",
    about: "what becomes of content that the server does not want, and whether its answer is lost",
    intrusive: false,
    connections: 1,
    lasts: Lasts::Moments,
    run: |lab| Box::pin(run(lab)),
};

async fn run(lab: Lab) -> Outcome {
    let (mut line, first) = lab.kept().await?;
    let length = CONTENT.to_string();
    let request = lab.options().field("Content-Length", &length).content(&vec![b'x'; CONTENT]);
    let finding =
        |text: String| Finding::certain("content that is not wanted", Value::text(text), "RFC 9112 section 9.6");
    line.expect(request.method, request.version)?;
    // If the server takes no more of it the answer may be there all the same.
    let _ = line.write(&request.bytes()).await;
    let answer = match line.answer().await {
        Ok(answer) => answer,
        Err(Trouble::Ended(ending)) => {
            let advice = "the answer is lost: half-close, and read on until the client has closed";
            return Ok(vec![finding(format!("{}, without an answer", ending.how)).judged(Level::Problem, advice)]);
        }
        Err(trouble) => return Err(trouble),
    };
    if !answer.persists() {
        let text = format!("answered with {}, then closed", answer.status);
        return Ok(vec![finding(text).judged(Level::Good, "the answer arrived before the end")]);
    }
    Ok(vec![match line.ask(&lab.get()).await {
        Ok(next) if next.status == first.status => finding("read, and the connection kept".to_owned())
            .judged(Level::Good, "the next request is found behind it"),
        Ok(_) | Err(Trouble::Malformed(_)) => finding("taken for requests".to_owned()).judged(
            Level::Problem,
            "the rest of the content was taken for the next request: that is how requests are smuggled",
        ),
        Err(Trouble::Ended(_)) => finding(format!("answered with {}, then closed, unannounced", answer.status))
            .judged(Level::Warning, "the next request met a close: say Connection: close"),
        Err(trouble) => return Err(trouble),
    }])
}
