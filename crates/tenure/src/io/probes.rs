//! Options of a TCP socket, the same on both sides.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

/// How the kernel finds out that a peer is gone. Apart from HTTP's own persistence: these ask
/// whether the other host is there, not whether anybody will ask again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probes {
    /// `SO_KEEPALIVE`: a probe after so much silence, and then as often.
    pub(crate) keep_alive: Option<Duration>,
    /// `TCP_USER_TIMEOUT`: how long sent bytes may stay unacknowledged.
    pub(crate) unacknowledged: Option<Duration>,
}

impl Probes {
    pub(crate) const DEFAULT: Self =
        Self { keep_alive: Some(Duration::from_secs(60)), unacknowledged: Some(Duration::from_secs(60)) };

    /// Sets them, and `TCP_NODELAY`.
    pub(crate) fn set(self, socket: SockRef<'_>) -> io::Result<()> {
        // Small messages must not wait for the peer's acknowledgement of earlier ones.
        socket.set_tcp_nodelay(true)?;
        if let Some(after) = self.keep_alive {
            socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(after).with_interval(after))?;
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        socket.set_tcp_user_timeout(self.unacknowledged)?;
        Ok(())
    }
}
