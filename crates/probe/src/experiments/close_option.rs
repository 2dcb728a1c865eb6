//! `Connection: close` is obeyed, in whatever way it is written, and echoed (RFC 9112 section 9.6).

use futures_util::future::join_all;

use super::{Experiment, Lasts, Outcome};
use crate::finding::{Finding, Level, Value};
use crate::lab::Lab;
use crate::line::Trouble;

const SECTION: &str = "RFC 9112 section 9.6";

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "close",
    about: "whether Connection: close is obeyed and echoed, in odd case, in lists, over two lines",
    intrusive: false,
    connections: WAYS.len() as u32,
    lasts: Lasts::Moments,
    run: |lab| Box::pin(run(lab)),
};

/// Ways to write it: what for people, and the field lines.
const WAYS: [(&str, &[&str]); 5] = [
    ("close", &["close"]),
    ("odd case", &["ClOsE"]),
    ("in a list", &["x-probe , close"]),
    ("before keep-alive", &["close, keep-alive"]),
    ("over two lines", &["close", "keep-alive"]),
];

struct Seen {
    way: &'static str,
    obeyed: bool,
    echoed: bool,
}

async fn run(lab: Lab) -> Outcome {
    let seen = join_all(WAYS.iter().map(|(way, lines)| one(&lab, way, lines))).await;
    let seen = seen.into_iter().collect::<Result<Vec<_>, _>>()?;
    let ways = |wanted: &dyn Fn(&Seen) -> bool| {
        seen.iter().filter(|seen| wanted(seen)).map(|seen| seen.way).collect::<Vec<_>>().join(", ")
    };
    let ignored = ways(&|seen| !seen.obeyed);
    let silent = ways(&|seen| seen.obeyed && !seen.echoed);
    let obeyed = Finding::certain("Connection: close obeyed", Value::text("in all ways of writing it"), SECTION);
    let echoed = Finding::certain("Connection: close echoed", Value::text("in each response"), SECTION);
    Ok(vec![
        if ignored.is_empty() {
            obeyed.judged(Level::Good, "a client that is done can say so")
        } else {
            let text = format!("not {ignored}");
            let advice = "a server must close after the response to a request that says close, in any case or list";
            Finding { value: Value::text(text), ..obeyed }.judged(Level::Problem, advice)
        },
        if silent.is_empty() {
            echoed.judged(Level::Good, "the client learns that this is the last response")
        } else {
            let advice = "the last response should say Connection: close";
            Finding { value: Value::text(format!("not {silent}")), ..echoed }.judged(Level::Note, advice)
        },
    ])
}

async fn one(lab: &Lab, way: &'static str, lines: &[&str]) -> Result<Seen, Trouble> {
    let request = lines.iter().fold(lab.get(), |request, line| request.field("Connection", line));
    let mut line = lab.open().await?;
    let answer = line.ask(&request).await?;
    let echoed = answer.options.close;
    // Without an echo the close could as well come from a short idle timeout: whether another request is answered tells.
    let obeyed =
        if answer.persists() { line.ask(&lab.get()).await.is_err() } else { line.ending(lab.soon()).await.is_some() };
    Ok(Seen { way, obeyed, echoed })
}
