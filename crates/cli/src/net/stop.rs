//! Ctrl-C: stop begun work soon, begin no more, and say what was done.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The exit code of a command that was stopped by Ctrl-C, as shells have it.
pub(crate) const STOPPED: u8 = 130;

/// Whether the user wants the command to stop.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Listens for Ctrl-C and the termination signal from now on. A second one ends the process at once.
    pub(crate) fn on_signal() -> Self {
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            let (Ok(mut interrupt), Ok(mut terminate)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            for second in [false, true] {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if second {
                    std::process::exit(STOPPED.into());
                }
                sender.send_replace(true);
            }
        });
        Self(receiver)
    }

    pub(crate) fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Ready once the user wants to stop.
    pub(crate) async fn requested(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|&stop| stop).await.is_err() {
            // Nobody listens for signals: they end the process as usual.
            std::future::pending::<()>().await;
        }
    }
}
