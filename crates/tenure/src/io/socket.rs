//! A connected stream socket: TCP, or Unix.

#[cfg(target_os = "linux")]
mod outside;

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

#[cfg(target_os = "linux")]
pub(crate) use outside::Outside;

/// A socket of either kind.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
    /// Of either kind, and unknown to the runtime as yet.
    #[cfg(target_os = "linux")]
    Outside(Outside),
}

/// A socket that the runtime knows.
pub(super) enum Inside<'s> {
    Tcp(Pin<&'s mut TcpStream>),
    #[cfg(unix)]
    Unix(Pin<&'s mut UnixStream>),
}

/// Does the same with either kind.
macro_rules! each {
    ($inside:expr, $stream:ident => $work:expr) => {
        match $inside {
            Inside::Tcp($stream) => $work,
            #[cfg(unix)]
            Inside::Unix($stream) => $work,
        }
    };
}

impl Socket {
    /// The other end, where it has an IP address.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.with_addresses()?.peer_addr().ok()?.as_socket()
    }

    /// This end, where it has an IP address.
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        self.with_addresses()?.local_addr().ok()?.as_socket()
    }

    fn with_addresses(&self) -> Option<SockRef<'_>> {
        match self {
            #[cfg(unix)]
            Self::Unix(_) => None,
            _ => self.reference().ok(),
        }
    }

    /// For questions to the kernel.
    fn reference(&self) -> io::Result<SockRef<'_>> {
        match self {
            Self::Tcp(stream) => Ok(SockRef::from(stream)),
            #[cfg(unix)]
            Self::Unix(stream) => Ok(SockRef::from(stream)),
            #[cfg(target_os = "linux")]
            Self::Outside(outside) => Ok(SockRef::from(outside.descriptor()?)),
        }
    }

    /// What comes next, without taking it. 0 is the peer's FIN.
    pub(crate) async fn peek(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.inside()? {
            Inside::Tcp(stream) => stream.peek(buf).await,
            #[cfg(unix)]
            Inside::Unix(stream) => {
                let look = || Ok(rustix::net::recv(&*stream, &mut *buf, rustix::net::RecvFlags::PEEK)?.0);
                stream.async_io(tokio::io::Interest::READABLE, look).await
            }
        }
    }

    /// Whether a close, at whatever point, is a reset. Where only the close ends the content, a FIN
    /// after part of it would make a whole message of that part (RFC 9112 section 8).
    pub(crate) fn reset_on_close(&self, on: bool) {
        let linger = on.then_some(std::time::Duration::ZERO);
        if let Err(error) = self.reference().and_then(|socket| socket.set_linger(linger)) {
            tracing::debug!(%error, "SO_LINGER");
        }
    }

    /// Sends what the kernel takes at once, whatever the runtime thinks of it: a last word.
    #[cfg(feature = "tls")]
    pub(crate) fn send_now(&self, bytes: &[u8]) -> io::Result<usize> {
        crate::sys::send_now(self.reference()?, bytes)
    }

    /// Out of the runtime: the descriptor alone.
    #[cfg(unix)]
    pub(crate) fn leave(self) -> io::Result<std::os::fd::OwnedFd> {
        match self {
            Self::Tcp(stream) => stream.into_std().map(Into::into),
            Self::Unix(stream) => stream.into_std().map(Into::into),
            #[cfg(target_os = "linux")]
            Self::Outside(outside) => outside.leave(),
        }
    }

    /// A socket that has left, and is likely to have something to read. The runtime comes to know it
    /// when it first has to wait.
    #[cfg(target_os = "linux")]
    pub(crate) const fn enter(descriptor: std::os::fd::OwnedFd) -> io::Result<Self> {
        Ok(Self::Outside(Outside::new(descriptor)))
    }

    /// Into the runtime again.
    #[cfg(all(unix, not(target_os = "linux")))]
    pub(crate) fn enter(descriptor: std::os::fd::OwnedFd) -> io::Result<Self> {
        let is_unix = SockRef::from(&descriptor).domain()? == socket2::Domain::UNIX;
        if is_unix {
            return UnixStream::from_std(descriptor.into()).map(Self::Unix);
        }
        TcpStream::from_std(descriptor.into()).map(Self::Tcp)
    }

    /// In the runtime, which knows the socket from here on.
    pub(super) fn inside(&mut self) -> io::Result<Inside<'_>> {
        #[cfg(target_os = "linux")]
        if let Self::Outside(outside) = self {
            *self = Self::Tcp(outside.register()?);
        }
        match self {
            Self::Tcp(stream) => Ok(Inside::Tcp(Pin::new(stream))),
            #[cfg(unix)]
            Self::Unix(stream) => Ok(Inside::Unix(Pin::new(stream))),
            #[cfg(target_os = "linux")]
            Self::Outside(_) => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let socket = self.get_mut();
        #[cfg(target_os = "linux")]
        if let Self::Outside(outside) = socket
            && let Some(read) = outside.read(buf)
        {
            return Poll::Ready(read);
        }
        each!(socket.inside()?, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let socket = self.get_mut();
        #[cfg(target_os = "linux")]
        if let Self::Outside(outside) = socket
            && let Some(written) = outside.write(buf)
        {
            return Poll::Ready(written);
        }
        each!(socket.inside()?, stream => stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let socket = self.get_mut();
        #[cfg(target_os = "linux")]
        if let Self::Outside(outside) = socket
            && let Some(written) = outside.write_vectored(bufs)
        {
            return Poll::Ready(written);
        }
        each!(socket.inside()?, stream => stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Nothing is held back here.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut().inside()?, stream => stream.poll_shutdown(cx))
    }
}
