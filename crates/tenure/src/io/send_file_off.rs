//! No `sendfile` on this platform: files are read.

use std::io;
use std::task::{Context, Poll};

use super::Socket;
use super::file::FilePart;

pub(super) const AVAILABLE: bool = false;

/// What became of a piece of a file.
pub(super) enum Sent {
    /// The kernel took all of it.
    All,
    /// It took some.
    Part,
    /// This socket is not one for `sendfile`.
    Unsuited,
}

impl Socket {
    pub(super) fn poll_send_file(&mut self, _: &mut Context<'_>, _: &mut FilePart) -> Poll<io::Result<Sent>> {
        Poll::Ready(Ok(Sent::Unsuited))
    }

    pub(crate) const fn hold_unsent(&self, _: u32) {}

    pub(super) fn poll_write_more(&mut self, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }
}
