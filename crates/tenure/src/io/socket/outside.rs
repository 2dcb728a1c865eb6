//! A socket that the runtime does not know yet, used at once.
//!
//! What comes out of the lot has something to read, and mostly room for the answer too. So the request is
//! read and answered first, and the runtime, which would have to be waited for, hears of the socket
//! when the connection waits for the next request.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};
use tokio::io::ReadBuf;
use tokio::net::TcpStream;

use crate::io::scratch;

/// A descriptor that does not block.
#[derive(Debug)]
pub(crate) struct Outside {
    /// `None` once the runtime has it, or has refused it.
    descriptor: Option<OwnedFd>,
    /// Nothing was read: a busy connection would not leave others their turn, as the runtime makes it.
    unread: bool,
}

impl Outside {
    pub(super) const fn new(descriptor: OwnedFd) -> Self {
        Self { descriptor: Some(descriptor), unread: true }
    }

    /// Reads, the first time and if there is something.
    pub(super) fn read(&mut self, buf: &mut ReadBuf<'_>) -> Option<io::Result<()>> {
        if !std::mem::take(&mut self.unread) {
            return None;
        }
        // By way of the stack: copying a request costs less than clearing all of `buf`.
        let mut room = [MaybeUninit::uninit(); scratch::INPUT];
        let len = room.len().min(buf.remaining());
        let received = recv(self.descriptor.as_ref()?, &mut room[..len], RecvFlags::empty());
        unless_blocked(received.map(|((bytes, _), _)| buf.put_slice(bytes)).map_err(Into::into))
    }

    /// Writes, if there is room.
    pub(super) fn write(&self, buf: &[u8]) -> Option<io::Result<usize>> {
        let sent = send(self.descriptor.as_ref()?, buf, SendFlags::NOSIGNAL);
        unless_blocked(sent.map_err(Into::into))
    }

    /// Writes several buffers as one, if there is room.
    pub(super) fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> Option<io::Result<usize>> {
        let nothing = &mut SendAncillaryBuffer::default();
        let sent = sendmsg(self.descriptor.as_ref()?, bufs, nothing, SendFlags::NOSIGNAL);
        unless_blocked(sent.map_err(Into::into))
    }

    /// Into the runtime. What tokio calls a TCP stream is to it any stream socket.
    pub(super) fn register(&mut self) -> io::Result<TcpStream> {
        let descriptor = self.descriptor.take().ok_or(io::ErrorKind::NotConnected)?;
        TcpStream::from_std(descriptor.into())
    }

    pub(super) fn leave(self) -> io::Result<OwnedFd> {
        self.descriptor.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    pub(super) fn descriptor(&self) -> io::Result<&OwnedFd> {
        self.descriptor.as_ref().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

/// `None`: it must be waited for.
fn unless_blocked<T>(done: io::Result<T>) -> Option<io::Result<T>> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
        done => Some(done),
    }
}

#[cfg(test)]
mod tests;
