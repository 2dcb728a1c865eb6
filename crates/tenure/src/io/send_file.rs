//! Files by `sendfile`: from the kernel's memory to the socket's, without passing through this process.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use rustix::net::SendFlags;
use socket2::SockRef;
use tokio::io::Interest;

use super::Socket;
use super::file::{AtFault, FilePart};
use super::socket::Inside;

pub(super) const AVAILABLE: bool = true;

/// What became of a piece of a file.
pub(super) enum Sent {
    /// The kernel took all of it.
    All,
    /// It took some.
    Part,
    /// This file system, or this socket, is not one for `sendfile`.
    Unsuited,
}

impl Socket {
    /// Has the kernel send what it takes.
    pub(super) fn poll_send_file(&mut self, cx: &mut Context<'_>, part: &mut FilePart) -> Poll<io::Result<Sent>> {
        let error = match ready!(self.poll_call(cx, |socket| part.send_to(socket))) {
            Ok(0) => AtFault::shrunk(),
            Ok(_) if part.len() == 0 => return Poll::Ready(Ok(Sent::All)),
            Ok(_) => return Poll::Ready(Ok(Sent::Part)),
            Err(error) => error,
        };
        Poll::Ready(match Errno::from_io_error(&error) {
            Some(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(Sent::Unsuited),
            // No socket fails so: the file does.
            Some(Errno::IO | Errno::STALE) => Err(AtFault::unreadable(&error)),
            _ => Err(error),
        })
    }

    /// From now on so many bytes may wait in the kernel unsent before it takes more (`TCP_NOTSENT_LOWAT`).
    pub(crate) fn hold_unsent(&self, bytes: u32) {
        // A Unix socket holds what its own buffer has room for.
        if let Self::Tcp(stream) = self
            && let Err(error) = SockRef::from(stream).set_tcp_notsent_lowat(bytes)
        {
            tracing::debug!(%error, "TCP_NOTSENT_LOWAT");
        }
    }

    /// Writes what stands before a file, so that both leave in the same segments.
    pub(super) fn poll_write_more(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        self.poll_call(cx, |socket| Ok(rustix::io::retry_on_intr(|| rustix::net::send(socket, bytes, flags))?))
    }

    /// Does what needs room in the socket as soon as there is some.
    fn poll_call<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        let inside = self.inside()?;
        loop {
            let called = match &inside {
                Inside::Tcp(stream) => {
                    ready!(stream.poll_write_ready(cx))?;
                    stream.try_io(Interest::WRITABLE, || call(stream.as_fd()))
                }
                Inside::Unix(stream) => {
                    ready!(stream.poll_write_ready(cx))?;
                    stream.try_io(Interest::WRITABLE, || call(stream.as_fd()))
                }
            };
            match called {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                called => return Poll::Ready(called),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;

    use rustix::fs::{OFlags, fcntl_setfl};
    use tokio::io::AsyncReadExt as _;
    use tokio::net::UnixStream;

    use super::*;
    use crate::io::send_queue::SendQueue;

    #[tokio::test]
    async fn so_much_waits_unsent() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let socket = Socket::Tcp(stream);
        socket.hold_unsent(1 << 20);
        let Socket::Tcp(stream) = socket else { unreachable!("it is one") };
        assert_eq!(SockRef::from(&stream).tcp_notsent_lowat().unwrap(), 1 << 20);
    }

    /// What `sendfile` refuses, here a socket that was told to append, is read and written.
    #[tokio::test]
    async fn what_the_kernel_cannot_send_is_read() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(3_000_000).unwrap();
        let mut part = FilePart::new(Arc::new(file), &..).unwrap();
        let (own, mut peer) = UnixStream::pair().unwrap();
        fcntl_setfl(&own, OFlags::NONBLOCK | OFlags::APPEND).unwrap();
        let mut own = Socket::Unix(own);
        let refused = poll_fn(|cx| own.poll_send_file(cx, &mut part)).await.unwrap();
        assert!(matches!(refused, Sent::Unsuited));
        let mut queue = SendQueue::default();
        queue.gathered().extend_from_slice(b"head");
        queue.push_file(part, b"end").unwrap();
        let mut received = Vec::new();
        let send = async {
            poll_fn(|cx| queue.poll_flush(&mut own, cx, |_| {})).await.unwrap();
            drop(own);
        };
        let (_, read) = tokio::join!(send, peer.read_to_end(&mut received));
        assert_eq!(read.unwrap(), 3_000_007);
        assert!(received.starts_with(b"head\0") && received.ends_with(b"\0end"));
    }
}
