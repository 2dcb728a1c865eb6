//! Several requests at once: all answered, in order (RFC 9112 section 9.3.2).

use super::{Experiment, Lasts, Outcome};
use crate::ending::How;
use crate::finding::{Finding, Level, Value};
use crate::lab::Lab;
use crate::line::Trouble;
use crate::request::Request;

const SECTION: &str = "RFC 9112 section 9.3.2";
const CLOSE: &str = "RFC 9112 section 9.6";
/// Requests sent at once.
const DEPTH: u64 = 8;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "pipelining",
    about: "whether requests sent together are all answered, in order, also behind an error or a close",
    intrusive: false,
    lasts: Lasts::Moments,
    run: |lab| Box::pin(run(lab)),
};

async fn run(lab: Lab) -> Outcome {
    let (eight, close, error) = tokio::join!(several(&lab), behind_a_close(&lab), behind_an_error(&lab));
    Ok([eight?, close?].into_iter().chain(error?).collect())
}

async fn several(lab: &Lab) -> Result<Finding, Trouble> {
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
                    return Ok(finding(Value::Count { count: answered }).judged(Level::Note, advice));
                }
                if answer.status != first.status {
                    let text = format!("{answered}, the last with {}", answer.status);
                    let advice = "the same request is answered otherwise when it is pipelined";
                    return Ok(finding(Value::text(text)).judged(Level::Warning, advice));
                }
            }
            Err(trouble) => return broken(finding(Value::Count { count: answered }), trouble),
        }
    }
    Ok(finding(Value::Count { count: answered }).judged(Level::Good, "all that were sent, in order"))
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

/// A request says close, and another one follows it: after the answer to the first nothing may come but the end.
async fn behind_a_close(lab: &Lab) -> Result<Finding, Trouble> {
    let finding = |text: &str| Finding::certain("request behind Connection: close", Value::text(text), CLOSE);
    let (mut line, _) = lab.kept().await?;
    let last = lab.get().field("Connection", "close");
    line.expect(last.method, last.version)?;
    line.write(&[last.bytes(), lab.get().bytes()].concat()).await?;
    let answer = line.answer().await;
    let ending = line.ending(lab.soon()).await;
    Ok(match (answer, ending) {
        (Ok(_), Some(ending)) if ending.said.is_empty() => match ending.how {
            How::Fin => finding("not answered").judged(Level::Good, "the request that says close is the last one"),
            how => finding(&format!("not answered, then {how}")).judged(
                Level::Note,
                "the reset may overtake the answer before it: half-close, and read on until the client has closed",
            ),
        },
        (Ok(_), Some(_)) => finding("answered")
            .judged(Level::Problem, "a server must not process what follows a request that says close"),
        (Ok(_), None) => finding("kept open").judged(Level::Problem, "a server must close after it has answered"),
        (Err(Trouble::Ended(ending)), _) => finding(&format!("the one before it is lost: {}", ending.how)).judged(
            Level::Problem,
            "the answer is lost, since a reset overtook it: half-close, and read on until the client has closed",
        ),
        (Err(trouble), _) => return Err(trouble),
    })
}

/// The first of two requests is refused: the one behind it is answered, or the refusal says close. Nothing, if the server
/// refuses no method.
async fn behind_an_error(lab: &Lab) -> Result<Option<Finding>, Trouble> {
    let finding = |text: &str| Finding::certain("request behind an error", Value::text(text), SECTION);
    let (mut line, first) = lab.kept().await?;
    // No server has to know it, and none can take it for another one (RFC 9110 section 9.1: 501, or 405).
    let refused = Request::new("TENURE-PROBE", &lab.target);
    for request in [&refused, &lab.get()] {
        line.expect(request.method, request.version)?;
    }
    line.write(&[refused.bytes(), lab.get().bytes()].concat()).await?;
    let error = line.answer().await?;
    if error.status < 400 {
        return Ok(None);
    }
    if !error.persists() {
        let text = format!("not answered: {} says close", error.status);
        let advice = "a client that pipelines has to send what follows an error again";
        return Ok(Some(finding(&text).judged(Level::Note, advice)));
    }
    let finding = match line.answer().await {
        Ok(next) if next.status == first.status => finding(&format!("answered, after {}", error.status))
            .judged(Level::Good, "an error ends only its own request"),
        Ok(next) => finding(&format!("answered with {}, after {}", next.status, error.status))
            .judged(Level::Warning, "the same request is answered otherwise when it follows an error"),
        Err(Trouble::Ended(_)) => finding(&format!("lost: closed after {}, unannounced", error.status))
            .judged(Level::Problem, "the error's response does not say Connection: close, and the connection ends"),
        Err(trouble) => return Err(trouble),
    };
    Ok(Some(finding))
}
