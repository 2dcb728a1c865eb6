//! How the kernel finds out that a peer is gone. Apart from HTTP's own persistence: this asks
//! whether the other host is there, not whether anybody will ask again.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

/// Probes that must all go unanswered before a connection is given up: one may be lost anywhere.
const CHANCES: u32 = 4;
/// What the kernel counts keep-alive in.
const SECOND: Duration = Duration::from_secs(1);

/// What a socket is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probes {
    /// `SO_KEEPALIVE`: a probe after so much silence.
    pub(crate) keep_alive: Option<Duration>,
    /// `TCP_USER_TIMEOUT`: how long sent bytes, or probes, may stay unacknowledged.
    pub(crate) unacknowledged: Option<Duration>,
}

impl Default for Probes {
    fn default() -> Self {
        Self { keep_alive: Some(Duration::from_secs(60)), unacknowledged: Some(Duration::from_secs(120)) }
    }
}

impl Probes {
    /// Sets the options of one TCP socket.
    ///
    /// # Errors
    /// The kernel refuses one.
    pub(crate) fn set(self, socket: SockRef<'_>) -> io::Result<()> {
        if let Some((after, interval)) = self.schedule() {
            socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(after).with_interval(interval))?;
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        socket.set_tcp_user_timeout(self.unacknowledged)?;
        Ok(())
    }

    /// No probes while the connection sleeps and its own end is set: it costs little until then, and
    /// those of a hundred thousand come in bursts that overflow queues, and are lost.
    #[cfg(target_os = "linux")]
    pub(crate) fn pause(self, socket: SockRef<'_>) {
        self.switch(socket, false);
    }

    /// Probes again, after [`pause`](Self::pause).
    #[cfg(target_os = "linux")]
    pub(crate) fn resume(self, socket: SockRef<'_>) {
        self.switch(socket, true);
    }

    #[cfg(target_os = "linux")]
    fn switch(self, socket: SockRef<'_>, on: bool) {
        if self.keep_alive.is_none() {
            return;
        }
        if let Err(error) = socket.set_keepalive(on) {
            tracing::debug!(%error, on, "SO_KEEPALIVE");
        }
    }

    /// When the first probe goes out, and how long after it the next. Linux gives an idle connection
    /// up at the first unanswered probe whose silence has lasted for `TCP_USER_TIMEOUT`, so the
    /// probes must begin early enough for some to be lost.
    fn schedule(self) -> Option<(Duration, Duration)> {
        let after = self.keep_alive?;
        let (after, rest) = match self.unacknowledged {
            Some(end) => (after.min(end / 2), end - after.min(end / 2)),
            None => (after, after),
        };
        Some((after.max(SECOND), (rest / CHANCES).max(SECOND)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_lost_probe_ends_nothing() {
        assert_eq!(Probes::default().schedule(), Some((secs(60), secs(15))));
        let cases = [
            ((Some(60), None), Some((60, 15))),
            ((Some(60), Some(60)), Some((30, 7))),
            ((Some(20), Some(300)), Some((20, 70))),
            ((Some(60), Some(1)), Some((1, 1))),
            ((Some(0), None), Some((1, 1))),
            ((None, Some(60)), None),
        ];
        for ((keep_alive, unacknowledged), expected) in cases {
            let probes = Probes { keep_alive: keep_alive.map(secs), unacknowledged: unacknowledged.map(secs) };
            let seconds = probes.schedule().map(|(after, interval)| (after.as_secs(), interval.as_secs()));
            assert_eq!(seconds, expected, "{probes:?}");
        }
    }

    #[test]
    fn the_socket_has_them() {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        Probes::default().set(SockRef::from(&socket)).unwrap();
        assert!(socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        {
            assert_eq!(socket.tcp_keepalive_time().unwrap(), secs(60));
            assert_eq!(socket.tcp_keepalive_interval().unwrap(), secs(15));
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(secs(120)));
        }
    }
}
