//! Requests in chunks, with an extension and a trailer, and whether the next request is found behind them
//! (RFC 9112 section 7.1).

use super::{Experiment, Lasts};
use crate::finding::{Finding, Level, Value};
use crate::lab::Lab;
use crate::line::Trouble;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "chunked",
    about: "whether a request in chunks is read to its end, with chunk extensions and trailers",
    intrusive: false,
    connections: 2,
    lasts: Lasts::Moments,
    run: |lab| {
        Box::pin(async move {
            let (plain, full) = tokio::join!(
                one(&lab, "request in chunks", b"5\r\nhello\r\n0\r\n\r\n"),
                one(&lab, "chunk extensions and trailers", b"5;probe=\"1\"\r\nhello\r\n0\r\nX-Probe: 1\r\n\r\n"),
            );
            Ok(vec![plain?, full?])
        })
    },
};

async fn one(lab: &Lab, subject: &'static str, content: &[u8]) -> Result<Finding, Trouble> {
    let (mut line, first) = lab.kept().await?;
    let request = lab.options().field("Transfer-Encoding", "chunked").content(content);
    let finding = |text: String| Finding::certain(subject, Value::text(text), "RFC 9112 section 7.1");
    let answer = match line.ask(&request).await {
        Ok(answer) => answer,
        Err(Trouble::Ended(ending)) => {
            let advice = "every recipient must understand the chunked coding, or say why not";
            return Ok(finding(format!("{}, without an answer", ending.how)).judged(Level::Problem, advice));
        }
        Err(trouble) => return Err(trouble),
    };
    if !answer.persists() {
        let (level, advice) = match answer.status {
            411 => (Level::Note, "clients that do not know the length of their content are refused"),
            400 | 501 => (Level::Warning, "every recipient must understand the chunked coding"),
            _ => (Level::Note, "the connection ends with it"),
        };
        return Ok(finding(format!("answered with {}, then closed", answer.status)).judged(level, advice));
    }
    Ok(match line.ask(&lab.get()).await {
        Ok(next) if next.status == first.status => {
            finding("read to its end".to_owned()).judged(Level::Good, "the next request is found behind it")
        }
        Ok(_) | Err(Trouble::Malformed(_)) => finding("not read to its end".to_owned()).judged(
            Level::Problem,
            "the rest of the content was taken for the next request: that is how requests are smuggled",
        ),
        Err(Trouble::Ended(_)) => finding(format!("answered with {}, then closed, unannounced", answer.status))
            .judged(Level::Warning, "the next request met a close: say Connection: close"),
        Err(trouble) => return Err(trouble),
    })
}
