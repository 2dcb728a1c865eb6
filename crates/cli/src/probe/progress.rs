//! What is still under way, and how long it can take at most.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tenure_probe::Experiment;

/// One line on standard error, if that is a terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    max_wait: Duration,
    /// Each with the time at which it is over at the latest.
    running: Mutex<Vec<(&'static str, Instant)>>,
}

impl Progress {
    pub(super) fn new(shown: bool, max_wait: Duration) -> Self {
        let bar = if shown { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        Self { bar, max_wait, running: Mutex::default() }
    }

    pub(super) fn begun(&self, experiment: &Experiment) {
        let latest = Instant::now() + experiment.at_most(self.max_wait);
        self.change(|running| running.push((experiment.name, latest)));
    }

    pub(super) fn ended(&self, experiment: &Experiment) {
        self.change(|running| running.retain(|(name, _)| *name != experiment.name));
    }

    /// Does something that writes to the terminal.
    pub(super) fn aside(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }

    /// Keeps the line true, for ever.
    pub(super) async fn keep(&self) -> Infallible {
        let mut seconds = tokio::time::interval(Duration::from_millis(250));
        loop {
            seconds.tick().await;
            self.change(|_| {});
            self.bar.tick();
        }
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn change(&self, change: impl FnOnce(&mut Vec<(&'static str, Instant)>)) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut running);
        self.bar.set_message(line(&running, Instant::now()));
    }
}

/// `idle, requests: at most 83 s more`
fn line(running: &[(&'static str, Instant)], now: Instant) -> String {
    let names: Vec<_> = running.iter().map(|(name, _)| *name).collect();
    let left = running.iter().map(|(_, latest)| latest.saturating_duration_since(now)).max().unwrap_or_default();
    if running.is_empty() {
        return "asking the server".to_owned();
    }
    format!("{}: at most {} s more", names.join(", "), left.as_secs_f64().ceil())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_wait_counts() {
        let now = Instant::now();
        let running = [("close", now + Duration::from_secs(6)), ("idle", now + Duration::from_millis(82_500))];
        assert_eq!(line(&running, now), "close, idle: at most 83 s more");
        assert_eq!(line(&running, now + Duration::from_secs(100)), "close, idle: at most 0 s more");
    }
}
