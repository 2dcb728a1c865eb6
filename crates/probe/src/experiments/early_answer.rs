//! An answer before the content: whether one comes, and what becomes of a client that sends its content all the same
//! (RFC 9112 section 9.6).

use std::time::Duration;

use tokio::time::Instant;

use super::{Experiment, Lasts, Outcome};
use crate::answer::Answer;
use crate::finding::{Finding, Level, Value};
use crate::lab::Lab;
use crate::line::{Line, Trouble};
use crate::request::Request;

const SECTION: &str = "RFC 9112 section 9.6";
/// A close within this is an answer to the head; a later one is a timeout.
const AT_ONCE: Duration = Duration::from_secs(1);
/// More than the megabyte that nginx takes by default.
const CONTENT: usize = 2 << 20;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "early",
    about: "whether an answer comes before the content (413, 401, 404), and what becomes of the rest",
    intrusive: false,
    lasts: Lasts::Moments,
    run: |lab| Box::pin(run(lab)),
};

async fn run(lab: Lab) -> Outcome {
    let length = CONTENT.to_string();
    let request = lab.options().field("Content-Length", &length);
    let (mut line, first) = lab.kept().await?;
    line.expect(request.method, request.version)?;
    line.write(&request.bytes()).await?;
    let finding = |text: String| Finding::certain("answer before the content", Value::text(text), SECTION);
    let sent = Instant::now();
    let is_quiet = line.first_bytes(lab.soon()).await.is_none();
    // One that waited for a while and then closed has waited for the content.
    if is_quiet && (!line.has_ended() || sent.elapsed() > AT_ONCE) {
        let advice = "the server waits for the content; a client that wants to know first says Expect: 100-continue";
        return Ok(vec![finding("none".to_owned()).judged(Level::Good, advice)]);
    }
    let answer = match line.answer().await {
        Ok(answer) => answer,
        Err(Trouble::Ended(ending)) => {
            let advice = "the connection is closed on a client that is about to send: answer first, as with 413";
            return Ok(vec![finding(format!("none, but {}", ending.how)).judged(Level::Warning, advice)]);
        }
        Err(trouble) => return Err(trouble),
    };
    let early = finding(answer.status.to_string()).judged(Level::Good, "a client that reads while it sends can stop");
    Ok(vec![early, rest(&lab, line, &answer, first.status).await?, sender(&lab, &request).await?])
}

/// The client goes on with the content, as it would if the answer had crossed it.
async fn rest(lab: &Lab, mut line: Line, answer: &Answer, good: u16) -> Result<Finding, Trouble> {
    let finding = |text: &str| Finding::certain("content after an early answer", Value::text(text), SECTION);
    // That the server takes no more of it shows below.
    let _ = line.write(&vec![b'x'; CONTENT]).await;
    if answer.persists() {
        return Ok(match line.ask(&lab.get()).await {
            Ok(next) if next.status == good => {
                finding("read, and the connection kept").judged(Level::Good, "the next request is found behind it")
            }
            Ok(_) | Err(Trouble::Malformed(_)) => finding("taken for requests").judged(
                Level::Problem,
                "the rest of the content was taken for the next request: that is how requests are smuggled",
            ),
            Err(Trouble::Ended(_)) => finding("closed, unannounced")
                .judged(Level::Warning, "an early answer after which the connection ends should say Connection: close"),
            Err(trouble) => return Err(trouble),
        });
    }
    Ok(match line.ending(lab.soon()).await {
        Some(ending) => {
            finding(&format!("announced close, then {}", ending.how)).judged(Level::Good, "as the answer said")
        }
        None => finding("announced close, not seen")
            .judged(Level::Note, "the connection lingers: its place is taken for longer than the answer needs"),
    })
}

/// A client that sends all before it reads: does the answer survive?
async fn sender(lab: &Lab, request: &Request) -> Result<Finding, Trouble> {
    let finding = |text: String| Finding::certain("early answer to a busy sender", Value::text(text), SECTION);
    let mut line = lab.open().await?;
    line.expect(request.method, request.version)?;
    let whole = request.clone().content(&vec![b'x'; CONTENT]);
    let _ = line.write(&whole.bytes()).await;
    Ok(match line.answer().await {
        Ok(answer) => {
            finding(format!("arrives ({})", answer.status)).judged(Level::Good, "it is not overtaken by a reset")
        }
        Err(Trouble::Ended(ending)) => finding(format!("lost: {}", ending.how))
            .judged(Level::Problem, "the answer is lost: half-close, and read on until the client has closed"),
        Err(trouble) => return Err(trouble),
    })
}
