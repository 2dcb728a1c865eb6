//! How long a connection is kept between two requests, announced and real, and how it ends (RFC 9112 section 9.5).
//!
//! Several connections are watched that fell idle at different moments. A server that looks at its connections only now
//! and then closes some later than others: their spread shows its tick. Only if no end is seen at all, each connection is
//! asked once more: what no longer answers was dropped in silence, by a NAT or a firewall, and then when is searched for.

mod judge;
mod silence;

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep_until};

use super::{Experiment, Lasts, Outcome};
use crate::ending::Ending;
use crate::lab::Lab;
use crate::line::{Line, Trouble};

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "idle",
    about: "how long a connection is kept between requests, announced and real, and how it ends",
    intrusive: false,
    connections: MOMENTS.len() as u32,
    lasts: Lasts::Waits(2),
    run: |lab| Box::pin(run(lab)),
};

/// When each of the watched connections is made, in milliseconds: at uneven distances, so that no tick divides all.
const MOMENTS: [u64; 4] = [0, 310, 730, 1_190];

/// What became of an idle connection.
enum Seen {
    Closed {
        after: Duration,
        ending: Ending,
    },
    /// It was still open after the longest wait, and carried another request.
    Open,
    /// It was still open, and carried nothing any more.
    Silent,
}

async fn run(lab: Lab) -> Outcome {
    let start = Instant::now();
    let watched = MOMENTS.iter().take(lab.connections).map(|ms| watch(&lab, start + Duration::from_millis(*ms)));
    let mut seen = Vec::new();
    let mut announced = None;
    for result in join_all(watched).await {
        let (told, what) = result?;
        announced = told;
        seen.push(what);
    }
    let bracket =
        if seen.iter().any(|seen| matches!(seen, Seen::Silent)) { silence::search(&lab).await? } else { None };
    Ok(judge::findings(&lab, announced, &seen, bracket))
}

/// One connection, from its response to its end.
async fn watch(lab: &Lab, moment: Instant) -> Result<(Option<u64>, Seen), Trouble> {
    sleep_until(moment).await;
    let (mut line, answer) = lab.kept().await?;
    let seen = match line.ending(answer.at + lab.max_wait).await {
        Some(ending) => Seen::Closed { after: ending.at - answer.at, ending },
        None if carries(lab, &mut line).await => Seen::Open,
        None => Seen::Silent,
    };
    Ok((answer.announced(), seen))
}

/// Whether a connection still carries a request.
async fn carries(lab: &Lab, line: &mut Line) -> bool {
    line.ask(&lab.get()).await.is_ok()
}
