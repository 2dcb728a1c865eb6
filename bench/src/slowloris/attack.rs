//! Many clients that take their time: one byte a second on each connection.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::contenders::LARGE_PATH;
use crate::sockets::{Connect, Path};

/// Each connection has its turn once in so long.
const ROUND: Duration = Duration::from_secs(1);
/// The turns are spread over a round, so that they do not come as one burst.
const TICK: Duration = Duration::from_millis(10);
/// A head without end begins so.
const HEAD: &[u8] = b"GET /hello HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";

/// What is done slowly.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// Sending a request head.
    Sending,
    /// Reading a large response.
    Reading,
}

impl Kind {
    pub(super) const ALL: [Self; 2] = [Self::Sending, Self::Reading];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sending => "sending",
            Self::Reading => "reading",
        }
    }
}

/// Connections that are held.
pub(super) struct Attack {
    kind: Kind,
    connect: Connect,
    clients: Vec<Client>,
}

struct Client {
    stream: TcpStream,
    /// Bytes of the head that are sent.
    sent: usize,
}

impl Attack {
    /// Opens the connections; slow readers send their requests.
    pub(super) fn open(kind: Kind, server: SocketAddrV4, count: u32) -> io::Result<Self> {
        let connect = Connect { server, path: Path::Narrow };
        let clients = (0..count).map(|n| Client::open(kind, connect, n)).collect::<io::Result<_>>()?;
        Ok(Self { kind, connect, clients })
    }

    /// Goes on until told to stop. A connection that the server closes is replaced at its next
    /// turn; returns how many were.
    pub(super) fn run(&mut self, stop: &AtomicBool) -> io::Result<u64> {
        let start = Instant::now();
        let mut closed = 0;
        for turn in 0u32.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let n = turn as usize % self.clients.len();
            let due = start + ROUND.mul_f64(f64::from(turn) / self.clients.len() as f64);
            // A few turns at a time: sleeping for each would cost more than the turn.
            if let Some(early) = due.checked_duration_since(Instant::now()) {
                std::thread::sleep(early + TICK);
            }
            if self.clients[n].step(self.kind).is_err() {
                closed += 1;
                self.clients[n] = Client::open(self.kind, self.connect, u32::try_from(n).map_err(io::Error::other)?)?;
            }
        }
        Ok(closed)
    }
}

impl Client {
    fn open(kind: Kind, connect: Connect, n: u32) -> io::Result<Self> {
        let mut stream = connect.open(n)?;
        if kind == Kind::Reading {
            write!(stream, "GET {LARGE_PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        }
        stream.set_nonblocking(true)?;
        Ok(Self { stream, sent: 0 })
    }

    /// One byte.
    ///
    /// # Errors
    /// The server has closed the connection.
    fn step(&mut self, kind: Kind) -> io::Result<()> {
        if kind == Kind::Sending {
            let byte = HEAD.get(self.sent).copied().unwrap_or(b'a');
            self.stream.write_all(&[byte])?;
            self.sent += 1;
        }
        // A slow sender finds only what a server says that has had enough.
        match self.stream.read(&mut [0]) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(()),
            Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(e) => Err(e),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr, TcpListener};

    use super::*;

    fn listen() -> (TcpListener, SocketAddrV4) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let SocketAddr::V4(address) = listener.local_addr().unwrap() else { unreachable!("bound to IPv4") };
        (listener, address)
    }

    #[test]
    fn a_slow_sender_sends_its_head_byte_by_byte() {
        let (listener, address) = listen();
        let mut attack = Attack::open(Kind::Sending, address, 1).unwrap();
        let mut server = listener.accept().unwrap().0;
        for _ in 0..HEAD.len() + 2 {
            attack.clients[0].step(Kind::Sending).unwrap();
        }
        let mut head = [0; HEAD.len() + 2];
        server.read_exact(&mut head).unwrap();
        assert_eq!(head, [HEAD, b"aa"].concat()[..]);
    }

    #[test]
    fn a_slow_reader_takes_one_byte_at_a_time() {
        let (listener, address) = listen();
        let mut attack = Attack::open(Kind::Reading, address, 1).unwrap();
        let mut server = listener.accept().unwrap().0;
        server.write_all(b"ab").unwrap();
        let stream = &attack.clients[0].stream;
        stream.set_nonblocking(false).unwrap();
        attack.clients[0].step(Kind::Reading).unwrap();
        let mut rest = [0; 2];
        assert_eq!(attack.clients[0].stream.read(&mut rest).unwrap(), 1);
        assert_eq!(rest[0], b'b');
    }

    #[test]
    fn a_closed_connection_is_replaced_and_counted() {
        let (listener, address) = listen();
        let mut attack = Attack::open(Kind::Reading, address, 1).unwrap();
        let stop = AtomicBool::new(false);
        let closed = std::thread::scope(|scope| {
            let running = scope.spawn(|| attack.run(&stop));
            drop(listener.accept().unwrap());
            // The second one is the replacement of the first.
            let second = listener.accept().unwrap();
            stop.store(true, Ordering::Relaxed);
            let closed = running.join().unwrap().unwrap();
            drop(second);
            closed
        });
        assert_eq!(closed, 1);
    }
}
