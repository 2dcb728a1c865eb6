//! Handing a connection over to another protocol: 101 (RFC 9110 section 7.8) and CONNECT.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

/// In the extensions of a request that asks for another protocol (`Upgrade`, or CONNECT). A
/// handler takes it, answers 101 (or 2xx to CONNECT), and awaits [`OnUpgrade::upgraded`] in a task
/// of its own.
#[derive(Clone, Debug)]
pub struct OnUpgrade(Arc<Mutex<Option<oneshot::Receiver<Upgraded>>>>);

impl OnUpgrade {
    /// The connection, once the response that hands it over was sent. `None` if the handler
    /// answered otherwise, or if another clone was awaited before.
    pub async fn upgraded(self) -> Option<Upgraded> {
        let receiver = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        receiver?.await.ok()
    }
}

/// The place where the loop puts the connection.
pub(super) type Offer = oneshot::Sender<Upgraded>;

/// Adds [`OnUpgrade`] to a request.
pub(super) fn offer<B>(request: &mut Request<B>) -> Offer {
    let (sender, receiver) = oneshot::channel();
    request.extensions_mut().insert(OnUpgrade(Arc::new(Mutex::new(Some(receiver)))));
    sender
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection that no longer speaks HTTP. What the peer had already sent is read first.
pub struct Upgraded {
    read: Bytes,
    stream: Box<dyn Stream>,
}

impl Upgraded {
    pub(super) fn new(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, read: Bytes) -> Self {
        Self { read, stream: Box::new(stream) }
    }
}

impl std::fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upgraded").field("read", &self.read.len()).finish_non_exhaustive()
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let n = self.read.len().min(buf.remaining());
        buf.put_slice(&self.read[..n]);
        self.read.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
