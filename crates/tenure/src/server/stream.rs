//! What a server's connection runs on: a socket, or a layer above one.

#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::CloseReason;
use crate::io::{Socket, Wire};
use crate::observe::TlsFacts;

/// A socket, or a layer above one. Dropping it closes the connection with whatever farewell the
/// layer owes its peer.
pub(super) trait Stream: Wire + Send + Sized + 'static {
    /// What the layer needs to be established.
    type Context: Clone + Send + Sync + 'static;
    /// What stays of the layer while the connection is parked.
    type Session: Send + 'static;

    /// The stream at once, where there is no layer to be brought up; else the socket again.
    fn bare(socket: Socket) -> Result<Self, Socket> {
        Err(socket)
    }

    /// Brings the layer up on a socket that was just accepted, in a task of its own.
    fn establish(socket: Socket, context: &Self::Context) -> impl Future<Output = Result<Self, CloseReason>> + Send;

    /// The socket underneath, for questions about it.
    fn socket(&self) -> Option<&Socket>;

    /// What TLS agreed on, where there is TLS.
    fn tls(&self) -> Option<&Arc<TlsFacts>> {
        None
    }

    /// Whether a close, at whatever point, is a reset: no end that could be taken for a clean one.
    fn reset_on_close(&mut self, on: bool) {
        if let Some(socket) = self.socket() {
            socket.reset_on_close(on);
        }
    }

    /// True if nothing would be lost by parting the socket from the rest now.
    fn can_part(&self) -> bool {
        true
    }

    /// The socket and the rest, apart.
    fn part(self) -> Option<(Socket, Self::Session)>;

    /// Together again.
    fn join(socket: Socket, session: Self::Session) -> Self;

    /// The farewell of a parked connection, which is closed next. Never waits.
    #[cfg(target_os = "linux")]
    fn farewell(socket: &OwnedFd, session: Self::Session);
}

impl Stream for Socket {
    type Context = ();
    type Session = ();

    fn bare(socket: Socket) -> Result<Self, Socket> {
        Ok(socket)
    }

    async fn establish(socket: Socket, (): &()) -> Result<Self, CloseReason> {
        Ok(socket)
    }

    fn socket(&self) -> Option<&Socket> {
        Some(self)
    }

    fn part(self) -> Option<(Socket, ())> {
        Some((self, ()))
    }

    fn join(socket: Socket, (): ()) -> Self {
        socket
    }

    #[cfg(target_os = "linux")]
    fn farewell(_: &OwnedFd, (): ()) {}
}
