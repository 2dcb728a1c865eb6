//! One lazy timer a connection: moving a deadline costs nothing until the old one has passed.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::Sleep;

/// The time by the runtime's clock, which tests may hold still.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Waits for a deadline that moves with every message.
#[derive(Debug, Default)]
pub(crate) struct Deadline {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// The same for whoever polls it from one task alone, whose waker stays the same: a timer that runs, and ends no
    /// later, wakes that task without being asked again.
    #[inline]
    pub(crate) fn poll_in_one_task(&mut self, at: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = at else { return Poll::Pending };
        match &self.sleep {
            Some(sleep) if !sleep.is_elapsed() && sleep.deadline().into_std() <= at => Poll::Pending,
            _ => self.poll(Some(at), cx),
        }
    }

    /// Ready once `at` has passed; `None` never. Arms a timer only where none ends earlier.
    pub(crate) fn poll(&mut self, at: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = at else { return Poll::Pending };
        loop {
            let at = tokio::time::Instant::from_std(at);
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
            if sleep.deadline() > at {
                sleep.as_mut().reset(at);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if tokio::time::Instant::now() >= at {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(at);
        }
    }
}
