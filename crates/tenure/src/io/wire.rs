//! What a transport runs on, and the one thing that only a socket without a layer can do: have the
//! kernel send a file.

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Socket, send_file};

/// A socket, or a layer above one.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin {
    /// The socket, if whatever is written goes out as it is.
    fn plain(&mut self) -> Option<&mut Socket> {
        None
    }
}

impl Wire for Socket {
    fn plain(&mut self) -> Option<&mut Socket> {
        send_file::AVAILABLE.then_some(self)
    }
}
