//! Where connections come from.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

use super::accept::LONGEST_QUEUE;
#[cfg(unix)]
use super::workers::Dealt;
use crate::io::{Probes, Socket};
#[cfg(unix)]
use tokio::sync::mpsc;

/// One listening socket or several, served alike: made by `From` from tokio's listeners.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<Kind>,
    /// Which is asked first: each in turn.
    turn: usize,
    early: Option<Early>,
}

/// Those who had connected before the listener's options were set did not inherit them: the first
/// that come are given theirs one by one, as many as can have been in the queue.
#[derive(Debug)]
struct Early {
    probes: Probes,
    left: usize,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
    /// Another task accepts.
    #[cfg(unix)]
    Dealt(mpsc::Receiver<Dealt>),
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self { sockets: vec![Kind::Tcp(listener)], turn: 0, early: None }
    }
}

#[cfg(unix)]
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self { sockets: vec![Kind::Unix(listener)], turn: 0, early: None }
    }
}

impl<L: Into<Self>> FromIterator<L> for Listener {
    fn from_iter<I: IntoIterator<Item = L>>(listeners: I) -> Self {
        let sockets = listeners.into_iter().flat_map(|listener| listener.into().sockets).collect();
        Self { sockets, turn: 0, early: None }
    }
}

#[cfg(unix)]
impl Listener {
    /// What another task accepts, and sends.
    pub(super) fn dealt(connections: mpsc::Receiver<Dealt>) -> Self {
        Self { sockets: vec![Kind::Dealt(connections)], turn: 0, early: None }
    }
}

impl Listener {
    /// Sets the sockets' options. Accepted sockets inherit them, on Linux and the BSDs.
    pub(super) fn set_options(&mut self, probes: Probes) {
        self.early = Some(Early { probes, left: LONGEST_QUEUE });
        for socket in &self.sockets {
            match socket {
                Kind::Tcp(listener) => {
                    if let Err(error) = set_options(SockRef::from(listener), probes) {
                        tracing::warn!(%error, "a listener's TCP options");
                    }
                }
                #[cfg(unix)]
                Kind::Unix(_) | Kind::Dealt(_) => {}
            }
        }
    }

    /// The next connection, from any of the listeners in turn.
    pub(super) fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Socket, Option<SocketAddr>)>> {
        for _ in 0..self.sockets.len() {
            self.turn = (self.turn + 1) % self.sockets.len();
            let accepted = match &mut self.sockets[self.turn] {
                Kind::Tcp(listener) => {
                    listener.poll_accept(cx).map_ok(|(stream, peer)| (Socket::Tcp(stream), Some(peer)))
                }
                #[cfg(unix)]
                Kind::Unix(listener) => listener.poll_accept(cx).map_ok(|(stream, _)| (Socket::Unix(stream), None)),
                #[cfg(unix)]
                Kind::Dealt(dealt) => match dealt.poll_recv(cx) {
                    Poll::Ready(Some(dealt)) => Poll::Ready(dealt.and_then(enter)),
                    // Nothing will come any more, until the stop.
                    Poll::Ready(None) | Poll::Pending => Poll::Pending,
                },
            };
            if let Poll::Ready(Ok((socket, _))) = &accepted {
                self.tell_early(socket);
            }
            if accepted.is_ready() {
                return accepted;
            }
        }
        Poll::Pending
    }

    fn tell_early(&mut self, socket: &Socket) {
        let (Some(early), Socket::Tcp(socket)) = (&mut self.early, socket) else { return };
        if let Err(error) = set_options(SockRef::from(socket), early.probes) {
            tracing::debug!(%error, "TCP options");
        }
        early.left -= 1;
        if early.left == 0 {
            self.early = None;
        }
    }
}

impl Listener {
    /// A connection that waits already, if there is one. Asks the kernel, not the runtime.
    pub(super) fn accept_waiting(&mut self) -> Option<(Socket, Option<SocketAddr>)> {
        let accepted = self.sockets.iter_mut().find_map(|socket| socket.accept_waiting().ok())?;
        self.tell_early(&accepted.0);
        Some(accepted)
    }
}

impl Kind {
    fn accept_waiting(&mut self) -> io::Result<(Socket, Option<SocketAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (socket, peer) = SockRef::from(&*listener).accept()?;
                socket.set_nonblocking(true)?;
                Ok((Socket::Tcp(TcpStream::from_std(socket.into())?), peer.as_socket()))
            }
            #[cfg(unix)]
            Self::Unix(listener) => {
                let (socket, _) = SockRef::from(&*listener).accept()?;
                socket.set_nonblocking(true)?;
                Ok((Socket::Unix(UnixStream::from_std(socket.into())?), None))
            }
            #[cfg(unix)]
            Self::Dealt(dealt) => dealt.try_recv().map_err(|_| io::ErrorKind::WouldBlock)?.and_then(enter),
        }
    }
}

/// Into the runtime of this thread.
#[cfg(unix)]
fn enter((socket, peer): (std::os::fd::OwnedFd, Option<SocketAddr>)) -> io::Result<(Socket, Option<SocketAddr>)> {
    Ok((Socket::enter(socket)?, peer))
}

/// Bytes that may wait in the kernel unsent before it takes another write (`TCP_NOTSENT_LOWAT`). Its
/// send buffer would grow to megabytes for the benefit of whoever reads slowly.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT: u32 = 128 * 1024;

fn set_options(socket: SockRef<'_>, probes: Probes) -> io::Result<()> {
    // Small messages must not wait for the peer's acknowledgement of earlier ones.
    socket.set_tcp_nodelay(true)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_notsent_lowat(UNSENT)?;
    probes.set(socket)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_accepted_has_the_listeners_options() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        set_options(SockRef::from(&listener), Probes::default()).unwrap();
        let _peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let accepted = SockRef::from(&accepted);
        assert!(accepted.tcp_nodelay().unwrap() && accepted.keepalive().unwrap());
        assert_eq!(accepted.tcp_user_timeout().unwrap(), Probes::default().unacknowledged);
        assert_eq!(accepted.tcp_notsent_lowat().unwrap(), UNSENT);
    }

    /// Also where the server is stopped before it has looked at them.
    #[tokio::test]
    async fn who_came_before_the_options_is_given_them_too() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _early = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut listener = Listener::from(listener);
        listener.set_options(Probes::default());
        let (Socket::Tcp(accepted), _) = listener.accept_waiting().unwrap() else { panic!("not TCP") };
        let accepted = SockRef::from(&accepted);
        assert!(accepted.tcp_nodelay().unwrap() && accepted.keepalive().unwrap());
        assert_eq!(accepted.tcp_notsent_lowat().unwrap(), UNSENT);
    }
}
