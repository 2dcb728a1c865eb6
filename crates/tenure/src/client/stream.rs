//! What a connection's bytes go over: a TCP socket, or TLS on one.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::TcpFacts;
use crate::io::Wire;
use crate::sys::{self, Peek};

/// So much is written without asking the runtime first: mostly there is room. What is larger may have more behind it,
/// and there the runtime sees to it that other tasks have their turns.
const AT_ONCE: usize = 8 * 1024;

/// A stream of any kind to an origin.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static {
    /// The socket underneath.
    fn socket(&self) -> &Socket;
}

impl Wire for Box<dyn Stream> {}

/// A TCP socket that counts what it has taken.
pub(crate) struct Socket {
    tcp: TcpStream,
    written: u64,
}

impl Stream for Socket {
    fn socket(&self) -> &Socket {
        self
    }
}

impl Socket {
    pub(crate) const fn new(tcp: TcpStream) -> Self {
        Self { tcp, written: 0 }
    }

    /// Bytes that the kernel has taken for sending since the connection was made.
    pub(crate) const fn written(&self) -> u64 {
        self.written
    }

    /// How many of these the peer's kernel has acknowledged.
    pub(crate) fn acknowledged(&self) -> io::Result<u64> {
        Ok(self.written.saturating_sub(sys::unacknowledged(&self.tcp)?))
    }

    /// What the kernel knows about it.
    pub(crate) fn facts(&self) -> io::Result<TcpFacts> {
        sys::tcp_facts(&self.tcp)
    }

    /// What waits to be read, asked of the kernel at once.
    pub(crate) fn peek(&self) -> io::Result<Peek> {
        sys::peek(&self.tcp)
    }

    /// The error that waits, if one does; takes it.
    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        sys::take_error(&self.tcp)
    }

    /// Whether the runtime has heard of something to read, or has ended. No system call.
    pub(crate) fn poll_heard(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp.poll_read_ready(cx)
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let tried = if buf.len() <= AT_ONCE { self.tcp.try_write(buf) } else { Err(io::ErrorKind::WouldBlock.into()) };
        let taken = match tried {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => ready!(Pin::new(&mut self.tcp).poll_write(cx, buf))?,
            tried => tried?,
        };
        self.written += taken as u64;
        Poll::Ready(Ok(taken))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let taken = ready!(Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs))?;
        self.written += taken as u64;
        Poll::Ready(Ok(taken))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
