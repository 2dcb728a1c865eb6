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
}

#[derive(Debug)]
enum Kind {
    Tcp {
        listener: TcpListener,
        early: Early,
    },
    #[cfg(unix)]
    Unix(UnixListener),
    /// Another task accepts.
    #[cfg(unix)]
    Dealt {
        connections: mpsc::Receiver<Dealt>,
        /// What they all arrive at, by [`Listener::local`].
        local: Option<SocketAddr>,
    },
}

/// Those who had connected before the listener's options were set did not inherit them: the first
/// that come are given theirs one by one, as many as were in the queue.
#[derive(Debug, Default)]
struct Early {
    probes: Probes,
    left: usize,
}

impl Early {
    /// The next connection.
    fn tell(&mut self, socket: SockRef<'_>) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        if let Err(error) = set_options(socket, self.probes) {
            tracing::debug!(%error, "TCP options");
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self { sockets: vec![Kind::Tcp { listener, early: Early::default() }], turn: 0 }
    }
}

#[cfg(unix)]
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self { sockets: vec![Kind::Unix(listener)], turn: 0 }
    }
}

impl<L: Into<Self>> FromIterator<L> for Listener {
    fn from_iter<I: IntoIterator<Item = L>>(listeners: I) -> Self {
        let sockets = listeners.into_iter().flat_map(|listener| listener.into().sockets).collect();
        Self { sockets, turn: 0 }
    }
}

#[cfg(unix)]
impl Listener {
    /// What another task accepts from a listener with this [`local`](Self::local), and sends.
    pub(super) fn dealt(connections: mpsc::Receiver<Dealt>, local: Option<SocketAddr>) -> Self {
        Self { sockets: vec![Kind::Dealt { connections, local }], turn: 0 }
    }
}

impl Listener {
    /// Sets the sockets' options. Accepted sockets inherit them, on Linux and the BSDs.
    pub(super) fn set_options(&mut self, probes: Probes) {
        for socket in &mut self.sockets {
            if let Kind::Tcp { listener, early } = socket {
                if let Err(error) = set_options(SockRef::from(&*listener), probes) {
                    tracing::warn!(%error, "a listener's TCP options");
                }
                *early = Early { probes, left: crate::sys::in_queue(listener).unwrap_or(LONGEST_QUEUE) };
            }
        }
    }

    /// The one address at which all connections arrive, if there is one: of a single socket that is
    /// bound to it. Then no connection needs to be asked for its own.
    pub(super) fn local(&self) -> Option<SocketAddr> {
        let [socket] = &self.sockets[..] else { return None };
        let local = match socket {
            Kind::Tcp { listener, .. } => listener.local_addr().ok(),
            #[cfg(unix)]
            Kind::Unix(_) => None,
            #[cfg(unix)]
            Kind::Dealt { local, .. } => *local,
        };
        local.filter(|local| !local.ip().is_unspecified())
    }

    /// The next connection, from any of the listeners in turn.
    pub(super) fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Socket, Option<SocketAddr>)>> {
        for _ in 0..self.sockets.len() {
            self.turn = (self.turn + 1) % self.sockets.len();
            let accepted = match &mut self.sockets[self.turn] {
                Kind::Tcp { listener, early } => listener.poll_accept(cx).map_ok(|(stream, peer)| {
                    early.tell(SockRef::from(&stream));
                    (Socket::Tcp(stream), Some(peer))
                }),
                #[cfg(unix)]
                Kind::Unix(listener) => listener.poll_accept(cx).map_ok(|(stream, _)| (Socket::Unix(stream), None)),
                #[cfg(unix)]
                Kind::Dealt { connections, .. } => match connections.poll_recv(cx) {
                    Poll::Ready(Some(dealt)) => Poll::Ready(dealt.and_then(enter)),
                    // Nothing will come any more, until the stop.
                    Poll::Ready(None) | Poll::Pending => Poll::Pending,
                },
            };
            if accepted.is_ready() {
                return accepted;
            }
        }
        Poll::Pending
    }
}

impl Listener {
    /// A connection that waits already, if there is one. Asks the kernel, not the runtime.
    pub(super) fn accept_waiting(&mut self) -> Option<(Socket, Option<SocketAddr>)> {
        self.sockets.iter_mut().find_map(|socket| socket.accept_waiting().ok())
    }
}

impl Kind {
    fn accept_waiting(&mut self) -> io::Result<(Socket, Option<SocketAddr>)> {
        match self {
            Self::Tcp { listener, early } => {
                let (socket, peer) = SockRef::from(&*listener).accept()?;
                early.tell(SockRef::from(&socket));
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
            Self::Dealt { connections, .. } => {
                connections.try_recv().map_err(|_| io::ErrorKind::WouldBlock)?.and_then(enter)
            }
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
pub(super) const UNSENT: u32 = 128 * 1024;

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

    /// Without the option it is megabytes.
    #[tokio::test]
    async fn of_large_content_for_a_peer_that_reads_nothing_the_kernel_takes_little() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut listener = Listener::from(listener);
        listener.set_options(Probes::default());
        let _peer = std::net::TcpStream::connect(address).unwrap();
        let accepted = std::future::poll_fn(|cx| listener.poll_accept(cx)).await.unwrap();
        let (Socket::Tcp(accepted), _) = accepted else { panic!("not TCP") };
        let content = vec![0; 8 << 20];
        let mut taken = 0;
        accepted.writable().await.unwrap();
        while let Ok(n) = accepted.try_write(&content[taken..]) {
            taken += n;
        }
        assert!((1..=4 * UNSENT as usize).contains(&taken), "the kernel took {taken} bytes");
    }

    /// Also where the server is stopped before it has looked at them.
    #[tokio::test]
    async fn who_came_before_the_options_is_given_them_too() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connect = || std::net::TcpStream::connect(address).unwrap();
        let _early = (connect(), connect());
        let mut listener = Listener::from(listener);
        listener.set_options(Probes::default());
        let _late = connect();
        let left = |listener: &Listener| match &listener.sockets[..] {
            [Kind::Tcp { early, .. }] => early.left,
            _ => panic!("not one TCP listener"),
        };
        assert_eq!(left(&listener), 2, "as many as were in the queue");
        for expected in [1, 0, 0] {
            let (Socket::Tcp(accepted), _) = listener.accept_waiting().unwrap() else { panic!("not TCP") };
            let accepted = SockRef::from(&accepted);
            assert!(accepted.tcp_nodelay().unwrap() && accepted.keepalive().unwrap());
            assert_eq!(accepted.tcp_notsent_lowat().unwrap(), UNSENT);
            assert_eq!(left(&listener), expected);
        }
    }

    #[tokio::test]
    async fn this_end_is_known_where_all_connections_share_it() {
        let bound = async |address: &str| TcpListener::bind(address).await.unwrap();
        let listener = bound("127.0.0.1:0").await;
        let address = listener.local_addr().unwrap();
        assert_eq!(Listener::from(listener).local(), Some(address));
        assert_eq!(Listener::from(bound("0.0.0.0:0").await).local(), None, "any address of this machine");
        let two: Listener = [bound("127.0.0.1:0").await, bound("127.0.0.1:0").await].into_iter().collect();
        assert_eq!(two.local(), None);
        let (_, connections) = mpsc::channel(1);
        assert_eq!(Listener::dealt(connections, Some(address)).local(), Some(address));
    }
}
