//! Searches for the moment at which idle connections are dropped without a word.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use crate::lab::Lab;
use crate::line::Trouble;

/// Idle times tried at once, at even distances up to the longest wait.
const TRIES: u32 = 8;

/// The longest idle time that was survived, and the shortest that was not.
pub(super) async fn search(lab: &Lab) -> Result<Option<(Duration, Duration)>, Trouble> {
    let tries = (1..TRIES).map(|n| survives(lab, lab.max_wait * n / TRIES));
    let tried = join_all(tries).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let lost = tried.iter().filter(|(_, survived)| !survived).map(|(time, _)| *time).min().unwrap_or(lab.max_wait);
    let kept = tried.iter().filter(|(time, survived)| *survived && *time < lost).map(|(time, _)| *time).max();
    Ok(Some((kept.unwrap_or_default(), lost)))
}

async fn survives(lab: &Lab, idle: Duration) -> Result<(Duration, bool), Trouble> {
    let (mut line, answer) = lab.kept().await?;
    sleep((answer.at + idle).saturating_duration_since(Instant::now())).await;
    Ok((idle, line.ask(&lab.get()).await.is_ok()))
}
