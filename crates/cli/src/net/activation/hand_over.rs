//! Handing the listeners to a new process at a restart, without a connection refused.
//!
//! Old and new process hold the same sockets, so connections queue up in the kernel whoever accepts
//! them. The old one serves until the new one says that it does, then drains; if the new one fails,
//! nothing has changed.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use tokio::io::AsyncReadExt;
use tokio::process::Child;

use super::{FIRST, PREDECESSOR};

/// What the new process sends when it serves.
pub(super) const READY: u8 = b'1';

/// Starts `command` with these listeners as its descriptors 3, 4, …, each with a name that is given
/// to [`super::take`] there. All the listeners of this process belong here: one that is left out
/// is closed with this process, together with the connections waiting in its queue.
///
/// Standard input of the new process is the channel on which it says that it serves.
///
/// # Errors
/// A name with a colon or a NUL in it; the program cannot be started.
pub(crate) fn hand_over(listeners: &[(&str, BorrowedFd<'_>)], mut command: Command) -> io::Result<Successor> {
    let names: Vec<&str> = listeners.iter().map(|(name, _)| *name).collect();
    if let Some(name) = names.iter().find(|name| name.contains([':', '\0'])) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("a listener cannot be named {name:?}")));
    }
    // Duplicates take the lowest free numbers, so all of 3, 4, … are in use from here on, and what
    // the standard library opens to start a process is none of those that are replaced in it.
    let mut mappings = Vec::with_capacity(listeners.len());
    for (child_fd, (_, listener)) in (FIRST as i32..).zip(listeners) {
        mappings.push(FdMapping { parent_fd: listener.try_clone_to_owned()?, child_fd });
    }
    let (channel, theirs) = UnixStream::pair()?;
    channel.set_nonblocking(true)?;
    command
        .stdin(OwnedFd::from(theirs))
        .env("LISTEN_FDS", listeners.len().to_string())
        .env("LISTEN_FDNAMES", names.join(":"))
        .env(PREDECESSOR, std::process::id().to_string());
    for about_this_process in ["LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS_FIRST_FD", "WATCHDOG_PID"] {
        command.env_remove(about_this_process);
    }
    command.fd_mappings(mappings).map_err(io::Error::other)?;
    let child = tokio::process::Command::from(command).spawn()?;
    Ok(Successor { child, channel: tokio::net::UnixStream::from_std(channel)? })
}

/// The new process, not yet known to serve.
#[derive(Debug)]
pub(crate) struct Successor {
    child: Child,
    channel: tokio::net::UnixStream,
}

impl Successor {
    /// Waits until the new process serves. Returns its process id; from then on it lives by itself.
    ///
    /// # Errors
    /// It ended first, or was not ready in time and has been ended. This process must serve on.
    pub(crate) async fn ready(&mut self, within: Duration) -> io::Result<u32> {
        let told = tokio::time::timeout(within, self.channel.read_u8()).await;
        if let (Ok(Ok(READY)), Some(pid)) = (&told, self.child.id()) {
            return Ok(pid);
        }
        let status = self.end().await?;
        Err(match told {
            Err(_) => io::Error::new(
                io::ErrorKind::TimedOut,
                format!("the new process was not ready within {within:?}, and was ended"),
            ),
            Ok(_) => io::Error::other(format!("the new process ended before it was ready ({status})")),
        })
    }

    /// Ends it: nothing comes of the hand-over.
    ///
    /// # Errors
    /// The system does not tell how it ended.
    pub(crate) async fn end(&mut self) -> io::Result<ExitStatus> {
        // An error means that it has ended already.
        let _ = self.child.start_kill();
        self.child.wait().await
    }
}
