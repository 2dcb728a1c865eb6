//! A connection's socket, plain or with TLS in it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

/// The first byte of a TLS handshake; no request begins with it.
const HANDSHAKE: u8 = 0x16;

pub(crate) enum Socket {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

impl Socket {
    /// What the client's first byte asks for: TLS on the port of plain connections.
    ///
    /// # Errors
    /// The handshake failed, or the client has gone.
    pub(crate) async fn open(tcp: TcpStream, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        // Steps are written one by one, and each is to be on the wire when it is done.
        let _ = tcp.set_nodelay(true);
        let mut first = [0];
        match tls {
            Some(config) if tcp.peek(&mut first).await? == 1 && first == [HANDSHAKE] => {
                Ok(Self::Secure(Box::new(TlsAcceptor::from(config).accept(tcp).await?)))
            }
            _ => Ok(Self::Plain(tcp)),
        }
    }

    pub(crate) const fn is_secure(&self) -> bool {
        matches!(self, Self::Secure(_))
    }

    /// What the kernel sees of it.
    pub(crate) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Secure(tls) => tls.get_ref().0,
        }
    }

    pub(crate) async fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(bytes).await,
            Self::Secure(tls) => tls.read(bytes).await,
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.write_all(bytes).await,
            Self::Secure(tls) => {
                tls.write_all(bytes).await?;
                tls.flush().await
            }
        }
    }

    /// Closes the sending side, over TLS with a closure alert.
    pub(crate) async fn half_close(&mut self) {
        let _ = match self {
            Self::Plain(tcp) => tcp.shutdown().await,
            Self::Secure(tls) => tls.shutdown().await,
        };
    }

    /// Closes, over TLS with a closure alert.
    pub(crate) async fn close(mut self) {
        if let Self::Secure(tls) = &mut self {
            tls.get_mut().1.send_close_notify();
            let _ = tls.flush().await;
        }
    }

    /// Ends by a reset.
    pub(crate) fn reset(self) {
        let _ = socket2::SockRef::from(self.tcp()).set_linger(Some(Duration::ZERO));
    }
}
