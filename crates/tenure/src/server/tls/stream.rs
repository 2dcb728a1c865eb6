//! A socket with TLS on it: the records' way in and out, and the farewell.

use std::future::Future;
use std::io::{self, IoSlice};
#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio_rustls::rustls;

use super::establish::establish;
use super::records::{Records, Session};
use crate::CloseReason;
use crate::io::{Socket, Wire};
use crate::observe::TlsFacts;
use crate::server::stream::Stream;
use crate::tls::facts;

/// A read asks for a whole record of the largest size and what begins behind it (RFC 8446 section 5.2).
const READ: usize = 17 * 1024;
/// So much content is encrypted before it is written.
const BATCH: usize = 64 * 1024;

/// A socket with TLS on it. Dropped, it takes its leave by a closure alert.
pub(in crate::server) struct TlsStream {
    /// `None` once the two were parted.
    layer: Option<Layer>,
    facts: Option<Arc<TlsFacts>>,
    resets: bool,
}

/// A socket, and the records that pass over it.
pub(super) struct Layer {
    pub(super) socket: Socket,
    pub(super) records: Records,
}

impl TlsStream {
    pub(super) fn new(layer: Layer) -> Self {
        let session = &layer.records.session;
        let facts = facts(&session.connection, session.server_name.as_deref()).map(Arc::new);
        Self { layer: Some(layer), facts, resets: false }
    }

    fn layer(&mut self) -> io::Result<&mut Layer> {
        self.layer.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Layer {
    /// Reads once from the socket, if need be with more room than the record under way had. 0 is a FIN.
    pub(super) fn poll_receive(&mut self, room: usize, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let incoming = &mut self.records.incoming;
        incoming.reserve(READ.max(room).saturating_sub(incoming.len()).max(1024));
        pin!(self.socket.read_buf(incoming)).poll(cx)
    }

    /// Writes every record that waits.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outgoing = &mut self.records.outgoing;
        while !outgoing.is_empty() {
            match ready!(Pin::new(&mut self.socket).poll_write(cx, outgoing.pending()))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                sent => outgoing.advance(sent),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let left = self.records.content.len().min(buf.remaining());
        if left > 0 {
            buf.put_slice(&self.records.content.split_to(left));
        }
        while buf.filled().is_empty() {
            self.records.shrink();
            if self.records.peer_closed {
                return Poll::Ready(Ok(()));
            }
            if ready!(self.poll_receive_or_shrink(buf.remaining(), cx))? == 0 {
                // A FIN without the closure alert may be anybody's (RFC 9112 section 9.8).
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            let take = |content: &[u8]| {
                let taken = content.len().min(buf.remaining());
                buf.put_slice(&content[..taken]);
                taken
            };
            self.records.advance(take).map_err(malformed)?;
        }
        self.records.shrink();
        Poll::Ready(Ok(()))
    }

    /// Who waits for a request needs no buffer.
    fn poll_receive_or_shrink(&mut self, room: usize, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let received = self.poll_receive(room, cx);
        if received.is_pending() {
            self.records.shrink();
        }
        received
    }

    /// Takes as much as one write should be, once the one before is out.
    fn poll_write(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        ready!(self.poll_send(cx))?;
        let mut taken = 0;
        for slice in slices.iter().filter(|slice| !slice.is_empty()) {
            let part = &slice[..slice.len().min(BATCH - taken)];
            self.records.encrypt(part).map_err(malformed)?;
            taken += part.len();
            if taken == BATCH {
                break;
            }
        }
        // What does not go out now goes with the flush.
        if let Poll::Ready(Err(error)) = self.poll_send(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(taken))
    }

    /// The closure alert behind all that waits, as far as the kernel takes it at once.
    fn farewell(&mut self) {
        // After an error there is an alert to be sent instead.
        let told = self.records.close_notify().map_err(malformed);
        let pending = self.records.outgoing.pending();
        let sent = if pending.is_empty() { Ok(0) } else { self.socket.send_now(pending) };
        if let Err(error) = told.and(sent) {
            tracing::debug!(%error, "no closure alert");
        }
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        // Who must notice that something is missing gets no clean end.
        if let (Some(layer), false) = (&mut self.layer, self.resets) {
            layer.farewell();
        }
    }
}

impl Wire for TlsStream {}

impl Stream for TlsStream {
    type Context = super::Context;
    type Session = Box<Session>;

    async fn establish(socket: Socket, context: &super::Context) -> Result<Self, CloseReason> {
        establish(socket, context).await
    }

    fn socket(&self) -> Option<&Socket> {
        self.layer.as_ref().map(|layer| &layer.socket)
    }

    fn tls(&self) -> Option<&Arc<TlsFacts>> {
        self.facts.as_ref()
    }

    fn reset_on_close(&mut self, on: bool) {
        self.resets = on;
        if let Some(socket) = self.socket() {
            socket.reset_on_close(on);
        }
    }

    fn can_part(&self) -> bool {
        self.layer.as_ref().is_some_and(|layer| layer.records.is_bare())
    }

    fn part(mut self) -> Option<(Socket, Box<Session>)> {
        let Layer { socket, records } = self.layer.take()?;
        Some((socket, records.session))
    }

    fn join(socket: Socket, session: Box<Session>) -> Self {
        Self::new(Layer { socket, records: Records::new(session) })
    }

    #[cfg(target_os = "linux")]
    fn farewell(socket: &OwnedFd, session: Box<Session>) {
        let mut records = Records::new(session);
        let told = records.close_notify().map_err(malformed);
        let socket = socket2::SockRef::from(socket);
        if let Err(error) = told.and_then(|()| crate::sys::send_now(socket, records.outgoing.pending())) {
            tracing::debug!(%error, "no closure alert");
        }
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.get_mut().layer()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().layer()?.poll_write(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().layer()?.poll_write(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().layer()?.poll_send(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let layer = self.get_mut().layer()?;
        layer.records.close_notify().map_err(malformed)?;
        ready!(layer.poll_send(cx))?;
        Pin::new(&mut layer.socket).poll_shutdown(cx)
    }
}

pub(super) fn malformed(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
