//! A connected stream socket: TCP, or Unix.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

/// A socket of either kind.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Does the same with either kind.
macro_rules! each {
    ($socket:expr, $stream:ident => $work:expr) => {
        match $socket {
            Socket::Tcp($stream) => $work,
            #[cfg(unix)]
            Socket::Unix($stream) => $work,
        }
    };
}

impl Socket {
    /// The other end, where it has an IP address.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.peer_addr().ok(),
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }

    /// This end, where it has an IP address.
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.local_addr().ok(),
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }

    /// Whether a close, at whatever point, is a reset. Where only the close ends the content, a FIN
    /// after part of it would make a whole message of that part (RFC 9112 section 8).
    pub(crate) fn reset_on_close(&self, on: bool) {
        let linger = on.then_some(std::time::Duration::ZERO);
        if let Err(error) = each!(self, stream => socket2::SockRef::from(stream).set_linger(linger)) {
            tracing::debug!(%error, "SO_LINGER");
        }
    }

    /// Sends what the kernel takes at once, whatever the runtime thinks of it: a last word.
    #[cfg(feature = "tls")]
    pub(crate) fn send_now(&self, bytes: &[u8]) -> io::Result<usize> {
        each!(self, stream => crate::sys::send_now(socket2::SockRef::from(stream), bytes))
    }

    /// Out of the runtime: the descriptor alone.
    #[cfg(unix)]
    pub(crate) fn leave(self) -> io::Result<std::os::fd::OwnedFd> {
        each!(self, stream => stream.into_std().map(Into::into))
    }

    /// Into the runtime again.
    #[cfg(unix)]
    pub(crate) fn enter(descriptor: std::os::fd::OwnedFd) -> io::Result<Self> {
        let is_unix = socket2::SockRef::from(&descriptor).domain()? == socket2::Domain::UNIX;
        if is_unix {
            return UnixStream::from_std(descriptor.into()).map(Self::Unix);
        }
        TcpStream::from_std(descriptor.into()).map(Self::Tcp)
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_shutdown(cx))
    }
}
