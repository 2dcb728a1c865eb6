//! Sockets with options that the standard library does not offer, and the process's right to many of them.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::sockopt::{IpBindAddressNoPort, Linger, RcvBuf, ReusePort, TcpMaxSeg};
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, SockaddrIn, bind, connect, listen, recv, setsockopt, socket,
};

/// Connections from one source address: half of Linux's ephemeral ports, since the kernel takes
/// those of one parity for `connect` and becomes slow when they run out.
const EACH_SOURCE: u32 = 14_000;

/// Raises the limit on open files to what this process may have; returns it. Children inherit it.
pub(crate) fn raise_limit() -> io::Result<usize> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(usize::try_from(hard).unwrap_or(usize::MAX))
}

/// Listens on a loopback port (0: any) that other processes may share.
pub(crate) fn listen_shared(port: u16) -> io::Result<TcpListener> {
    let fd = new()?;
    setsockopt(&fd, ReusePort, &true)?;
    bind(fd.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)))?;
    listen(&fd, Backlog::MAXALLOWABLE)?;
    Ok(fd.into())
}

/// How much fits between the two ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Path {
    /// As loopback is.
    Loopback,
    /// As with a small client far away: segments as on Ethernet, and a receive buffer of a few
    /// kilobytes. Over loopback's segments of 64 KiB the kernel takes hundreds of kilobytes from
    /// the server at once, whatever the client reads, and all its memory for TCP is soon used up.
    Narrow,
}

const ETHERNET_SEGMENT: u32 = 1460;
/// The kernel makes a little more of it.
const SMALL_BUFFER: usize = 4096;

/// Connects from a loopback address of our choice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connect {
    pub(crate) server: SocketAddrV4,
    pub(crate) path: Path,
}

impl Connect {
    /// Connection number `n`, from the address that is its turn. It is reset when closed, so that
    /// neither side keeps anything of it.
    pub(crate) fn open(self, n: u32) -> io::Result<TcpStream> {
        let fd = new()?;
        // The port is chosen when connecting, so that it need only differ among connections to the same server.
        setsockopt(&fd, IpBindAddressNoPort, &true)?;
        setsockopt(&fd, Linger, &nix::libc::linger { l_onoff: 1, l_linger: 0 })?;
        if self.path == Path::Narrow {
            setsockopt(&fd, RcvBuf, &SMALL_BUFFER)?;
            setsockopt(&fd, TcpMaxSeg, &ETHERNET_SEGMENT)?;
        }
        bind(fd.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(source(n), 0)))?;
        connect(fd.as_raw_fd(), &SockaddrIn::from(self.server))?;
        let stream = TcpStream::from(fd);
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// 127.0.0.2 and upwards.
fn source(n: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::LOCALHOST) + 1 + n / EACH_SOURCE)
}

/// True if the peer has neither closed the connection nor sent anything that is unread.
pub(crate) fn is_quiet(stream: &TcpStream) -> bool {
    let look = recv(stream.as_raw_fd(), &mut [0], MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT);
    look == Err(nix::errno::Errno::EAGAIN)
}

fn new() -> io::Result<OwnedFd> {
    Ok(socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    fn pair(n: u32) -> (TcpStream, TcpStream) {
        let listener = listen_shared(0).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        let client = Connect { server, path: Path::Loopback }.open(n).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn two_may_listen_on_one_port() {
        let first = listen_shared(0).unwrap();
        let port = first.local_addr().unwrap().port();
        assert_eq!(listen_shared(port).unwrap().local_addr().unwrap().port(), port);
    }

    #[test]
    fn every_14_000_connections_come_from_another_address() {
        assert_eq!(pair(0).1.peer_addr().unwrap().ip(), Ipv4Addr::new(127, 0, 0, 2));
        assert_eq!(pair(13_999).1.peer_addr().unwrap().ip(), Ipv4Addr::new(127, 0, 0, 2));
        assert_eq!(pair(14_000).1.peer_addr().unwrap().ip(), Ipv4Addr::new(127, 0, 0, 3));
    }

    #[test]
    fn a_connection_is_quiet_until_something_comes() {
        let (client, mut server) = pair(0);
        assert!(is_quiet(&client));
        server.write_all(b"a").unwrap();
        client.peek(&mut [0]).unwrap();
        assert!(!is_quiet(&client));
    }

    #[test]
    fn closing_resets() {
        let (client, mut server) = pair(0);
        drop(client);
        assert_eq!(server.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }
}
