//! A request of HTTP/0.9, a line without a version: what comes of it, and whether the connection ends.
//!
//! Nobody has to speak it any more (RFC 9112 appendix C.1). A client that does has no way but the close to see the end.

use super::{Experiment, Lasts, Outcome};
use crate::finding::{Finding, Level, Value};
use crate::lab::Lab;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "http09",
    about: "whether a request without a version (HTTP/0.9) is refused, or answered and the connection closed",
    intrusive: false,
    lasts: Lasts::Moments,
    run: |lab| Box::pin(run(lab)),
};

async fn run(lab: Lab) -> Outcome {
    let mut line = lab.open().await?;
    line.write(format!("GET {}\r\n", lab.target.path).as_bytes()).await?;
    let said = line.first_bytes(lab.soon()).await.map(<[u8]>::to_vec).unwrap_or_default();
    let ending = line.ending(lab.soon()).await;
    let closed = match &ending {
        Some(ending) => format!("then {}", ending.how),
        None => "and kept open".to_owned(),
    };
    let finding = |text: String| Finding::certain("HTTP/0.9", Value::text(text), "RFC 9112 section C.1");
    let keeps = "a client of HTTP/0.9 sees the end by the close alone: close after the response";
    Ok(vec![match (status(&said), said.is_empty(), ending.is_some()) {
        (Some(status @ 400..), _, true) => finding(format!("refused with {status}, {closed}"))
            .judged(Level::Good, "what looks like HTTP/0.9 is nearly always a broken request of HTTP/1.1"),
        (Some(status @ 400..), _, false) => {
            finding(format!("refused with {status}, {closed}")).judged(Level::Warning, keeps)
        }
        (Some(status), _, true) => finding(format!("answered with a head ({status}), {closed}"))
            .judged(Level::Note, "a client of HTTP/0.9 takes the head for content: refuse with 400 or 505"),
        (None, false, true) => finding(format!("answered without a head, {closed}"))
            .judged(Level::Note, "nobody needs it any more, and with several hosts at one address it cannot work"),
        (_, false, false) => finding(format!("answered, {closed}")).judged(Level::Problem, keeps),
        (_, true, true) => {
            finding(format!("no answer, {closed}")).judged(Level::Note, "a 400 or 505 would tell an old client why")
        }
        (_, true, false) => finding("no answer: it waits for more".to_owned())
            .judged(Level::Note, "the line is taken for the beginning of a head; 400 would tell an old client why"),
    }])
}

/// Of a response that has a head, its status code.
fn status(said: &[u8]) -> Option<u16> {
    let code = said.strip_prefix(b"HTTP/")?.split(|&byte| byte == b' ').nth(1)?;
    std::str::from_utf8(code).ok()?.trim().parse().ok()
}
