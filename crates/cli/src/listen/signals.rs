//! What a running server is told by signals.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What somebody wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wish {
    /// Ctrl-C (`SIGINT`) or `SIGTERM`: finish what is under way, then end.
    Stop,
    /// `SIGUSR2`: start a new process in place of this one.
    Restart,
}

/// Catches them from when it is made.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    restart: Signal,
}

impl Signals {
    pub(super) fn catch() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            restart: signal(SignalKind::user_defined2())?,
        })
    }

    pub(super) async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.restart.recv() => Wish::Restart,
        }
    }

    pub(super) async fn stop(&mut self) {
        while self.next().await != Wish::Stop {}
    }
}
