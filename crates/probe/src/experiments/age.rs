//! Whether a connection that is in use ends at a certain age.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Experiment, Lasts, Outcome};
use crate::finding::{Finding, Level, Value};
use crate::lab::Lab;
use crate::line::{Line, Trouble};

const SECTION: &str = "RFC 9112 section 9.6";
/// Between two requests: well below any idle timeout that makes sense.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "age",
    about: "whether a connection that is in use ends at a certain age",
    intrusive: false,
    lasts: Lasts::Waits(1),
    run: |lab| Box::pin(run(lab)),
};

async fn run(lab: Lab) -> Outcome {
    let (mut line, _) = lab.kept().await?;
    let start = Instant::now();
    let mut answered = 1;
    let finding = |value| Finding::certain("age limit of a connection", value, SECTION).measured(1);
    let announced = loop {
        if start.elapsed() >= lab.max_wait {
            let advice = "a connection in use was kept all the time";
            return Ok(vec![finding(Value::longer_than(lab.max_wait)).judged(Level::Good, advice)]);
        }
        sleep(PAUSE).await;
        match next(&lab, &mut line).await? {
            Some(true) => answered += 1,
            Some(false) => break true,
            None => break false,
        }
    };
    let age = start.elapsed();
    drop(line);
    if answered == 1 {
        return Err(Trouble::NotPossible(format!("the connection ended when idle for {} s", PAUSE.as_secs_f64())));
    }
    if !carries(&lab, answered + 1).await? {
        let advice =
            format!("no older one was seen: connections end after {} requests", answered + u64::from(announced));
        return Ok(vec![finding(Value::longer_than(age)).judged(Level::Good, advice)]);
    }
    Ok(vec![if announced {
        finding(Value::time(age)).judged(Level::Good, "the last response says Connection: close")
    } else {
        let advice = "it ends unannounced between two requests: say Connection: close in the last response";
        finding(Value::time(age)).judged(Level::Problem, advice)
    }])
}

/// One more request: whether its answer lets another follow; `None` if it met the close.
async fn next(lab: &Lab, line: &mut Line) -> Result<Option<bool>, Trouble> {
    match line.ask(&lab.get()).await {
        Ok(answer) => Ok(Some(answer.persists())),
        Err(Trouble::Ended(_)) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

/// Whether a young connection carries so many requests and could carry another.
async fn carries(lab: &Lab, requests: u64) -> Result<bool, Trouble> {
    let mut line = lab.open().await?;
    for _ in 0..requests {
        if next(lab, &mut line).await? != Some(true) {
            return Ok(false);
        }
    }
    Ok(true)
}
