//! How a connection ended, and when.

use std::fmt;
use std::io;

use tokio::time::Instant;

/// The server's end of a connection, as the client sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Ending {
    pub(crate) how: How,
    pub(crate) at: Instant,
    /// What came before it and answers nothing, as a 408 on an idle connection.
    pub(crate) said: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum How {
    /// The stream ended in order: a FIN; under TLS after close_notify.
    Fin,
    /// A FIN without TLS's close_notify before it.
    Truncated,
    /// A reset.
    Reset,
}

impl How {
    /// What an error of reading or writing says; `None` if it says nothing about the peer.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Some(Self::Truncated),
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
                Some(Self::Reset)
            }
            _ => None,
        }
    }
}

impl Ending {
    /// The status code of what was said last, if that is a response.
    pub(crate) fn status(&self) -> Option<u16> {
        let line = self.said.strip_prefix(b"HTTP/1.")?;
        std::str::from_utf8(line.get(2..5)?).ok()?.parse().ok()
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.how.fmt(f)?;
        match self.status() {
            Some(status) => write!(f, " after a {status}"),
            None if !self.said.is_empty() => f.write_str(" after stray bytes"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fin => "FIN",
            Self::Truncated => "FIN without close_notify",
            Self::Reset => "RST",
        })
    }
}
