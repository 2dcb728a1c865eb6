//! What the Rust drivers share: the tour's requests, and what became of them
//! (`crates/misbehave/drivers/README.md`).

use std::error::Error;
use std::io;
use std::time::Duration;

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) id: String,
    pub(crate) method: http::Method,
    pub(crate) url: String,
    /// Bytes of content.
    pub(crate) content: usize,
    pause: Duration,
}

/// The answer's status and id, or what the caller got instead.
pub(crate) type Got = Result<(u16, String), Box<dyn Error + Send + Sync>>;

/// The steps of each lane, which belong to one client.
pub(crate) fn lanes(tour: &str) -> io::Result<Vec<Vec<Step>>> {
    let mut lanes: Vec<(&str, Vec<Step>)> = Vec::new();
    for line in tour.lines() {
        let (lane, step) =
            parse(line).ok_or_else(|| io::Error::other(format!("no LANE ID METHOD URL CONTENT PAUSE: {line}")))?;
        match lanes.last_mut() {
            Some((last, steps)) if *last == lane => steps.push(step),
            _ => lanes.push((lane, vec![step])),
        }
    }
    Ok(lanes.into_iter().map(|(_, steps)| steps).collect())
}

fn parse(line: &str) -> Option<(&str, Step)> {
    let [lane, id, method, url, content, pause] = line.split('\t').collect::<Vec<_>>().try_into().ok()?;
    let (method, content) = (method.parse().ok()?, content.parse().ok()?);
    let pause = Duration::from_millis(pause.parse().ok()?);
    Some((lane, Step { id: id.to_owned(), method, url: url.to_owned(), content, pause }))
}

/// Takes the steps of one lane; a line of outcome for each.
pub(crate) async fn take(steps: Vec<Step>, ask: impl AsyncFn(&Step) -> Got) -> String {
    let mut told = String::new();
    for step in steps {
        let got = tokio::time::timeout(TIMEOUT, ask(&step)).await;
        let (result, detail) = match got {
            Ok(Ok((status, id))) => (status.to_string(), id),
            Ok(Err(error)) => ("error".to_owned(), chain(error.as_ref())),
            Err(_) => ("error".to_owned(), "no answer in time".to_owned()),
        };
        let detail = detail.split_whitespace().collect::<Vec<_>>().join(" ");
        told += &format!("{}\t{}\t{}\t{result}\t{detail}\n", step.id, step.method, step.url);
        tokio::time::sleep(step.pause).await;
    }
    told
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}
