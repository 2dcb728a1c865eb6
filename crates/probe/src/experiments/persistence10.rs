//! HTTP/1.0: closed unless the client asks with `keep-alive`, and kept if the server agrees (RFC 9112 section 9.3).

use tenure_proto::Version;

use super::{Experiment, Lasts};
use crate::finding::{Finding, Level, Value};
use crate::lab::Lab;
use crate::line::Trouble;

const SECTION: &str = "RFC 9112 section 9.3";

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "persistence10",
    about: "whether an HTTP/1.0 connection ends after its response, and persists on request",
    intrusive: false,
    connections: 2,
    lasts: Lasts::Moments,
    run: |lab| {
        Box::pin(async move {
            let (plain, asked) = tokio::join!(plain(&lab), asked(&lab));
            Ok(vec![plain?, asked?])
        })
    },
};

/// Nothing is said about the connection: it ends.
async fn plain(lab: &Lab) -> Result<Finding, Trouble> {
    let finding = |text| Finding::certain("HTTP/1.0 without keep-alive", Value::text(text), SECTION);
    let mut line = lab.open().await?;
    let answer = line.ask(&lab.get().http10()).await?;
    let kept = || {
        finding("kept open".to_owned()).judged(
            Level::Problem,
            "an HTTP/1.0 client waits for the close: close after the response unless it asked for keep-alive",
        )
    };
    // A close could as well come from a short idle timeout: whether another request is answered tells.
    if answer.persists() && line.ask(&lab.get().http10()).await.is_ok() {
        return Ok(kept());
    }
    Ok(match line.ending(lab.soon()).await {
        Some(ending) => {
            finding(format!("closed by {}", ending.how)).judged(Level::Good, "as an HTTP/1.0 client expects")
        }
        None => kept(),
    })
}

/// The client asks for persistence.
async fn asked(lab: &Lab) -> Result<Finding, Trouble> {
    let finding = |text: &str| Finding::certain("HTTP/1.0 with keep-alive", Value::text(text), SECTION);
    let request = lab.get().http10().field("Connection", "keep-alive");
    let mut line = lab.open().await?;
    let answer = line.ask(&request).await?;
    if !answer.persists() {
        let unsaid = answer.version == Version::Http11 && !answer.options.keep_alive && !answer.options.close;
        let text = if unsaid { "closed, by content without a length" } else { "closed" };
        return Ok(finding(text).judged(Level::Note, "HTTP/1.0 clients pay for a connection with each request"));
    }
    let second = line.ask(&request).await;
    Ok(match (answer.options.keep_alive, second) {
        (true, Ok(_)) => finding("kept").judged(Level::Good, "the server agreed, and answered a second request"),
        (false, Ok(_)) => finding("kept, without saying so").judged(
            Level::Warning,
            "an HTTP/1.0 client knows of persistence only by Connection: keep-alive in the response: say it",
        ),
        (true, Err(Trouble::Ended(_))) => finding("agreed to, then closed")
            .judged(Level::Problem, "the response said Connection: keep-alive, and the next request met a close"),
        (false, Err(Trouble::Ended(_))) => {
            finding("closed").judged(Level::Note, "HTTP/1.0 clients pay for a connection with each request")
        }
        (_, Err(trouble)) => return Err(trouble),
    })
}
