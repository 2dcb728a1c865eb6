//! The life of the process around the server: ready, restarted, stopped.

use std::fmt::Display;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::signals::{Signals, Wish};
use super::sockets::Sockets;
use crate::net::activation::{Predecessor, hand_over};
use crate::net::readiness;

/// How long a new process may take until it serves.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// What a running server holds to be told, and to hand over.
pub(super) struct Operation {
    signals: Signals,
    sockets: Sockets,
    predecessor: Option<Predecessor>,
    program: PathBuf,
}

impl Operation {
    /// Catches signals from now on.
    ///
    /// # Errors
    /// Signals cannot be caught, or this program has no path.
    pub(super) fn new(sockets: Sockets, predecessor: Option<Predecessor>) -> io::Result<Self> {
        Ok(Self { signals: Signals::catch()?, sockets, predecessor, program: program()? })
    }

    /// Says that this process serves, and returns when it is to end: somebody wants it to, or a
    /// new process serves in its place. From then on a signal to stop ends it at once.
    pub(super) async fn until_end(mut self) {
        self.say_ready();
        tokio::spawn(async { warn(readiness::keep_alive().await) });
        loop {
            let wish = match self.signals.next().await {
                Wish::Restart => self.restart().await,
                Wish::Stop => Some(End::Stopped),
            };
            if let Some(end) = wish {
                return self.end(end);
            }
        }
    }

    fn say_ready(&mut self) {
        match self.predecessor.take() {
            // That process tells the service manager, which listens to the main process alone.
            Some(predecessor) => unless(predecessor.ready()),
            None => unless(readiness::ready()),
        }
    }

    /// `None`: it failed, and this process serves on.
    async fn restart(&mut self) -> Option<End> {
        unless(readiness::reloading());
        let mut command = Command::new(&self.program);
        command.args(std::env::args_os().skip(1));
        let started = async {
            let mut successor = hand_over(&self.sockets.all(), command)?;
            tokio::select! {
                ready = successor.ready(STARTS_WITHIN) => ready.map(End::HandedOver),
                () = self.signals.stop() => {
                    successor.end().await?;
                    Ok(End::Stopped)
                }
            }
        };
        match started.await {
            Ok(end) => Some(end),
            Err(error) => {
                eprintln!("tenure serve: no restart, this process serves on: {}: {error}", self.program.display());
                unless(readiness::ready());
                None
            }
        }
    }

    fn end(self, end: End) {
        let Self { mut signals, sockets, .. } = self;
        match end {
            End::Stopped => {
                unless(readiness::stopping());
                eprintln!("finishing what is under way; once more to stop at once");
                sockets.close();
            }
            End::HandedOver(pid) => {
                unless(readiness::handed_over(pid));
                eprintln!("process {pid} serves from now on; finishing what is under way");
            }
        }
        tokio::spawn(async move {
            signals.stop().await;
            std::process::exit(1);
        });
    }
}

/// Why this process is to end.
enum End {
    Stopped,
    /// The process of this id serves.
    HandedOver(u32),
}

/// What to start at a restart: the file now under the path that this program was started by, so
/// that a new version put there is what starts.
fn program() -> io::Result<PathBuf> {
    let given = std::env::args_os().next().unwrap_or_default();
    let given = PathBuf::from(given);
    // A bare name was looked up in PATH by a shell; only the system knows what was found.
    if given.components().count() > 1 { std::path::absolute(given) } else { std::env::current_exe() }
}

fn unless(told: io::Result<()>) {
    if let Err(error) = told {
        warn(error);
    }
}

fn warn(error: impl Display) {
    eprintln!("tenure serve: {error}");
}
