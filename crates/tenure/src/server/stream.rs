//! What a server's connection runs on: a socket, or a layer above one.

use tokio::io::{AsyncRead, AsyncWrite};

use crate::io::Socket;

/// A socket, or a layer above one.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// What stays of the layer while the connection is parked.
    type Session: Send + 'static;

    /// The socket underneath.
    fn socket(&self) -> &Socket;

    /// True if a parked connection can just be closed: its peer is owed no farewell.
    const ENDS_SILENTLY: bool;

    /// The socket and the rest, apart.
    fn part(self) -> (Socket, Self::Session);

    /// Together again.
    fn join(socket: Socket, session: Self::Session) -> Self;
}

impl Stream for Socket {
    type Session = ();

    const ENDS_SILENTLY: bool = true;

    fn socket(&self) -> &Socket {
        self
    }

    fn part(self) -> (Socket, ()) {
        (self, ())
    }

    fn join(socket: Socket, (): ()) -> Self {
        socket
    }
}
