//! Listeners from outside: systemd's socket activation, and the hand-over between two processes at a restart.
//!
//! One mechanism for both, that of `sd_listen_fds(3)`: the descriptors 3, 4, … are listeners, the
//! variable `LISTEN_FDS` says how many, `LISTEN_FDNAMES` what each is for, and `LISTEN_PID` for whom
//! they are, so that a process which merely inherited the variables does not take what is not its.
//!
//! A process cannot know the id of the one it is about to start, and no safe interface sets a
//! variable between the two steps. So [`hand_over()`] leaves `LISTEN_PID` out and says who hands over
//! instead ([`PREDECESSOR`]): only a direct child of that process takes the listeners.

mod hand_over;

use std::fmt;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};

use listenfd::ListenFd;

pub(crate) use hand_over::hand_over;

/// The private variable with the id of the process that hands over.
const PREDECESSOR: &str = "TENURE_PREDECESSOR";

/// The first descriptor passed.
const FIRST: usize = 3;

/// What [`take`] found; nothing of either in a process that was started by hand.
#[derive(Debug, Default)]
pub(crate) struct Activation {
    /// In the order they were passed.
    pub(crate) listeners: Vec<Named>,
    /// Who waits to be told that this process serves.
    pub(crate) predecessor: Option<Predecessor>,
}

/// A listener and what it is for.
#[derive(Debug)]
pub(crate) struct Named {
    /// `FileDescriptorName=` of the systemd socket unit, or the name given to [`hand_over()`].
    pub(crate) name: String,
    pub(crate) listener: Listener,
}

/// A listening socket that does not block, and that is closed in processes started from this one.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Takes all the listeners that were passed to this process. A second call finds none.
///
/// To be called before any thread is started: it removes `LISTEN_FDS` and `LISTEN_PID` from the
/// environment. What else belongs to them stays behind, and means nothing without them.
///
/// # Errors
/// What was passed is not what the variables say, or not listening.
pub(crate) fn take() -> Result<Activation, ActivationError> {
    let var = |name: &str| std::env::var(name).ok();
    let Some(announced) = announced(var, std::process::id(), std::os::unix::process::parent_id())? else {
        return Ok(Activation::default());
    };
    let mut passed = ListenFd::from_env();
    let mut listeners = Vec::with_capacity(announced.names.len());
    for (index, name) in announced.names.into_iter().enumerate() {
        let wrong = |why: String| ActivationError::Descriptor { number: FIRST + index, name: name.clone(), why };
        let listener = listener(&mut passed, index).map_err(|e| wrong(e.to_string()))?;
        listeners.push(Named { name, listener });
    }
    let predecessor = match announced.by {
        Sender::Predecessor => Some(Predecessor::on_stdin().map_err(ActivationError::Channel)?),
        Sender::Manager => None,
    };
    Ok(Activation { listeners, predecessor })
}

/// What the variables say.
#[derive(PartialEq, Eq, Debug)]
struct Announced {
    /// One for each descriptor.
    names: Vec<String>,
    by: Sender,
}

#[derive(PartialEq, Eq, Debug)]
enum Sender {
    /// A service manager, which knows this process's id.
    Manager,
    /// The process that this one replaces.
    Predecessor,
}

/// `None`: nothing is passed to this process.
fn announced(
    var: impl Fn(&'static str) -> Option<String>,
    own: u32,
    parent: u32,
) -> Result<Option<Announced>, ActivationError> {
    let id = |name: &'static str| match var(name).filter(|value| !value.is_empty()) {
        Some(value) => value.parse::<u32>().map(Some).map_err(|_| ActivationError::Variable { name, value }),
        None => Ok(None),
    };
    let Some(count) = var("LISTEN_FDS") else { return Ok(None) };
    let by = match (id("LISTEN_PID")?, id(PREDECESSOR)?) {
        (Some(pid), _) if pid == own => Sender::Manager,
        (None, Some(pid)) if pid == parent => Sender::Predecessor,
        (None, Some(pid)) => return Err(ActivationError::PredecessorGone { pid }),
        // For another process, or nobody says for whom.
        (Some(_) | None, _) => return Ok(None),
    };
    // Sixteen bits: no process has more descriptors to pass.
    let Ok(count) = count.parse::<u16>() else {
        return Err(ActivationError::Variable { name: "LISTEN_FDS", value: count });
    };
    let names = match var("LISTEN_FDNAMES") {
        Some(names) if names.split(':').count() == usize::from(count) => names.split(':').map(str::to_owned).collect(),
        Some(names) if count > 0 => return Err(ActivationError::Variable { name: "LISTEN_FDNAMES", value: names }),
        _ => vec!["unknown".to_owned(); count.into()],
    };
    Ok(Some(Announced { names, by }))
}

/// The descriptor at `index`, closed on exec from now on.
fn listener(passed: &mut ListenFd, index: usize) -> io::Result<Listener> {
    let taken = match passed.take_tcp_listener(index) {
        Ok(tcp) => tcp.map(Listener::Tcp),
        Err(_) => passed.take_unix_listener(index)?.map(Listener::Unix),
    };
    let listener = taken.ok_or(io::ErrorKind::NotFound)?;
    listener.check()?;
    Ok(listener)
}

impl Listener {
    fn check(&self) -> io::Result<()> {
        if !is_listening(self.as_fd())? {
            return Err(io::Error::other("it does not listen (in a systemd socket unit: Accept=no)"));
        }
        match self {
            Self::Tcp(tcp) => tcp.set_nonblocking(true),
            Self::Unix(unix) => unix.set_nonblocking(true),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(tcp) => tcp.as_fd(),
            Self::Unix(unix) => unix.as_fd(),
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn is_listening(socket: BorrowedFd<'_>) -> io::Result<bool> {
    socket2::SockRef::from(&socket).is_listener()
}

/// Not known on this platform: the first accept tells.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn is_listening(_: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(true)
}

/// The process that this one replaces: it serves on until it is told.
#[derive(Debug)]
pub(crate) struct Predecessor {
    channel: UnixStream,
}

impl Predecessor {
    /// Standard input is the channel: the one descriptor that can be had back safely, and that a
    /// server has no other use for.
    fn on_stdin() -> io::Result<Self> {
        let channel = io::stdin().as_fd().try_clone_to_owned()?;
        Ok(Self { channel: channel.into() })
    }

    /// Says that this process accepts connections now. The other one then drains and ends.
    ///
    /// # Errors
    /// It is gone already. This process serves all the same.
    pub(crate) fn ready(mut self) -> io::Result<()> {
        self.channel.write_all(&[hand_over::READY])
    }
}

/// Why listeners could not be taken.
#[derive(Debug)]
pub(crate) enum ActivationError {
    Variable { name: &'static str, value: String },
    PredecessorGone { pid: u32 },
    Channel(io::Error),
    Descriptor { number: usize, name: String, why: String },
}

impl fmt::Display for ActivationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable { name, value } => {
                write!(
                    f,
                    "socket activation: the variable {name}={value} does not fit the others: start the server anew"
                )
            }
            Self::PredecessorGone { pid } => {
                write!(f, "hand-over: process {pid} did not start this one, or is gone: start the server anew")
            }
            Self::Channel(error) => write!(f, "hand-over: standard input is not the predecessor: {error}"),
            Self::Descriptor { number, name, why } => {
                write!(f, "socket activation: descriptor {number} ({name}) is no TCP or Unix stream listener: {why}")
            }
        }
    }
}

impl std::error::Error for ActivationError {}

#[cfg(test)]
mod tests;
