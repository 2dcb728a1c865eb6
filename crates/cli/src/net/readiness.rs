//! What a service manager is told: that the server serves, reloads, stops, or still lives (`sd_notify(3)`).
//!
//! All of it does nothing without `NOTIFY_SOCKET` in the environment. An error is worth a warning,
//! never the end of the server.

use std::io;
use std::time::Duration;

use sd_notify::NotifyState;

/// The server accepts connections.
pub(crate) fn ready() -> io::Result<()> {
    tell(&[NotifyState::Ready])
}

/// Connections are drained, then the server ends.
pub(crate) fn stopping() -> io::Result<()> {
    tell(&[NotifyState::Stopping])
}

/// Settings are read anew, or a new process is started in place of this one. [`ready`] or
/// [`handed_over`] must follow.
pub(crate) fn reloading() -> io::Result<()> {
    // The time lets the manager match this with its own request to reload (Type=notify-reload).
    tell(&[NotifyState::Reloading, NotifyState::monotonic_usec_now()?])
}

/// The process `pid` serves in place of this one. To be told by this one: the manager listens to a
/// new process only once it knows that it is the main one (`NotifyAccess=main`).
pub(crate) fn handed_over(pid: u32) -> io::Result<()> {
    tell(&[NotifyState::MainPid(pid), NotifyState::Ready])
}

/// Says that the server lives, twice in the time after which the manager would restart it
/// (`WatchdogSec=`). Ends only when it cannot be said; waits for ever if no watchdog is set for this process.
///
/// To be spawned where connections are accepted: it tells that tasks run there.
pub(crate) async fn keep_alive() -> io::Error {
    let Some(period) = sd_notify::watchdog_enabled().filter(|period| !period.is_zero()) else {
        return std::future::pending().await;
    };
    let mut ticks = tokio::time::interval((period / 2).max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = tell(&[NotifyState::Watchdog]) {
            return error;
        }
    }
}

fn tell(state: &[NotifyState<'_>]) -> io::Result<()> {
    sd_notify::notify(state)
        .map_err(|e| io::Error::new(e.kind(), format!("cannot notify the service manager at NOTIFY_SOCKET: {e}")))
}

#[cfg(test)]
mod tests;
