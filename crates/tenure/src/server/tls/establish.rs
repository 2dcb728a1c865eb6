//! The handshake, in the connection's own task and within its own timeout.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio_rustls::rustls::server::{Acceptor, UnbufferedServerConnection};

use super::Context;
use super::records::{Records, Session, Wants};
use super::stream::{Layer, TlsStream, malformed};
use crate::CloseReason;
use crate::io::Socket;
use crate::server::drive::broken;

/// Bytes read and thrown away after the alert that refuses a handshake, at most.
const LINGER_BYTES: usize = 64 * 1024;

/// A socket becomes a stream, or its connection ends for this reason.
pub(super) async fn establish(socket: Socket, context: &Context) -> Result<TlsStream, CloseReason> {
    let connection = UnbufferedServerConnection::new(Arc::clone(&context.config)).map_err(|error| {
        tracing::error!(%error, "the TLS configuration cannot be used");
        CloseReason::ApplicationFailed
    })?;
    let session = Box::new(Session { connection, server_name: None });
    let mut layer = Layer { socket, records: Records::new(session) };
    match tokio::time::timeout(context.handshake_timeout, handshake_or_refuse(&mut layer)).await {
        Ok(Ok(())) => Ok(TlsStream::new(layer)),
        Ok(Err(error)) => {
            tracing::debug!(%error, "no TLS handshake");
            Err(broken(&error))
        }
        Err(_) => Err(CloseReason::TimedOut),
    }
}

async fn handshake_or_refuse(layer: &mut Layer) -> io::Result<()> {
    let done = handshake(layer).await;
    if done.is_err() {
        // The alert, if there is one, must not be overtaken by a reset (as RFC 9112 section 9.6 has it).
        if refuse(layer).await.is_err() {
            tracing::debug!("the refusal did not reach the client");
        }
    }
    done
}

async fn handshake(layer: &mut Layer) -> io::Result<()> {
    let mut hello = Hello::Awaited(Box::default());
    loop {
        let wants = layer.records.advance(|_| 0).map_err(malformed)?;
        poll_fn(|cx| layer.poll_send(cx)).await?;
        match wants {
            Wants::Traffic => return Ok(()),
            Wants::Closed => return Err(io::ErrorKind::UnexpectedEof.into()),
            Wants::Handshake if layer.records.peer_closed => return Err(io::ErrorKind::UnexpectedEof.into()),
            Wants::Handshake => {}
        }
        let old = layer.records.incoming.len();
        if poll_fn(|cx| layer.poll_receive(0, cx)).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        hello = hello.see(&layer.records.incoming[old..], &mut layer.records.session.server_name);
    }
}

/// The alert, our end, and then whatever the client still says, up to a bound.
async fn refuse(layer: &mut Layer) -> io::Result<()> {
    poll_fn(|cx| layer.poll_send(cx)).await?;
    layer.socket.shutdown().await?;
    let mut left = LINGER_BYTES;
    loop {
        layer.records.incoming.clear();
        match poll_fn(|cx| layer.poll_receive(0, cx)).await? {
            0 => return Ok(()),
            read => left = left.checked_sub(read).ok_or(io::ErrorKind::FileTooLarge)?,
        }
    }
}

/// rustls' unbuffered connections do not tell the name that the client asked for; so its first
/// message is read a second time, for the name alone.
enum Hello {
    Awaited(Box<Acceptor>),
    Seen,
}

impl Hello {
    fn see(self, mut bytes: &[u8], name: &mut Option<Box<str>>) -> Self {
        let Self::Awaited(mut acceptor) = self else { return Self::Seen };
        while !bytes.is_empty() {
            match (acceptor.read_tls(&mut bytes), acceptor.accept()) {
                (Ok(_), Ok(None)) => {}
                (_, Ok(Some(accepted))) => {
                    *name = accepted.client_hello().server_name().map(Into::into);
                    return Self::Seen;
                }
                // The connection itself finds the same, and says so.
                _ => return Self::Seen,
            }
        }
        Self::Awaited(acceptor)
    }
}
