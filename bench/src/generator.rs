//! The load: keeps a fixed number of requests outstanding on each connection and counts response
//! bytes. It knows nothing of HTTP, so that it is never what is measured.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

/// A server that says nothing for this long is taken for dead.
const PATIENCE_MS: u16 = 5_000;
const EVENTS: usize = 256;
const READ: usize = 64 * 1024;

/// What to keep a server busy with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    /// Requests sent together; the next ones follow when all are answered.
    pub(crate) depth: usize,
    /// Sent in turn. Equal ones are one request again and again.
    pub(crate) requests: [&'static [u8]; 2],
    /// How long each response is, byte for byte.
    pub(crate) response: usize,
}

struct Connection {
    stream: TcpStream,
    /// Response bytes still to come for the batch that is under way.
    owed: usize,
    /// Batches still to be sent.
    batches: u64,
}

/// Connections at work.
pub(crate) struct Generator {
    epoll: Epoll,
    connections: Vec<Connection>,
    /// Two batches of requests, sent in turn.
    batches: [Vec<u8>; 2],
    batch_response: usize,
    depth: usize,
    /// Connections with batches left to send or answers left to come.
    busy: usize,
    input: Box<[u8]>,
}

impl Generator {
    /// Opens the connections; nothing is sent yet.
    pub(crate) fn connect(address: SocketAddr, load: &Load) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let mut connections = Vec::with_capacity(load.connections);
        for place in 0..load.connections {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, place as u64))?;
            connections.push(Connection { stream, owed: 0, batches: 0 });
        }
        Ok(Self {
            epoll,
            connections,
            batches: [0, load.depth]
                .map(|first| (first..first + load.depth).flat_map(|n| load.requests[n % 2]).copied().collect()),
            batch_response: load.response * load.depth,
            depth: load.depth,
            busy: 0,
            input: vec![0; READ].into_boxed_slice(),
        })
    }

    /// Keeps every connection busy from now on.
    pub(crate) fn start(&mut self) -> io::Result<()> {
        self.start_batches(u64::MAX)
    }

    fn start_batches(&mut self, batches: u64) -> io::Result<()> {
        self.busy = self.connections.len();
        for connection in &mut self.connections {
            connection.batches = batches;
            connection.send(&self.batches, self.batch_response)?;
        }
        Ok(())
    }

    /// Goes on for `span`; returns how many requests were answered in it.
    pub(crate) fn run_for(&mut self, span: Duration) -> io::Result<u64> {
        let end = Instant::now() + span;
        let mut answered = 0;
        while Instant::now() < end {
            answered += self.turn()?;
        }
        Ok(answered)
    }

    /// Sends `batches` on each connection and waits for all answers.
    pub(crate) fn run_batches(&mut self, batches: u64) -> io::Result<()> {
        if batches == 0 {
            return Ok(());
        }
        self.start_batches(batches)?;
        while self.busy > 0 {
            self.turn()?;
        }
        Ok(())
    }

    /// Closes this side of every connection and waits until the server has closed the other, so that
    /// what ending costs it is always the same.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        for connection in &mut self.connections {
            connection.stream.shutdown(Shutdown::Write)?;
            connection.stream.set_nonblocking(false)?;
            connection.stream.set_read_timeout(Some(Duration::from_millis(PATIENCE_MS.into())))?;
            if connection.stream.read(&mut self.input)? > 0 {
                return Err(io::Error::other("the server sent more than the answers it owes"));
            }
        }
        Ok(())
    }

    fn turn(&mut self) -> io::Result<u64> {
        let mut events = [EpollEvent::empty(); EVENTS];
        let ready = self.epoll.wait(&mut events, PATIENCE_MS)?;
        if ready == 0 {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the server has stopped answering"));
        }
        let mut answered = 0;
        for event in &events[..ready] {
            let connection = &mut self.connections[event.data() as usize];
            let n = connection.stream.read(&mut self.input)?;
            if n == 0 {
                return Err(io::Error::other("the server closed a connection"));
            }
            connection.owed = connection.owed.checked_sub(n).ok_or_else(|| {
                io::Error::other("the server sent more than the answers it owes; they are not all alike")
            })?;
            if connection.owed > 0 {
                continue;
            }
            answered += self.depth as u64;
            if connection.batches == 0 {
                self.busy -= 1;
            } else {
                connection.send(&self.batches, self.batch_response)?;
            }
        }
        Ok(answered)
    }
}

impl Connection {
    fn send(&mut self, batches: &[Vec<u8>; 2], response: usize) -> io::Result<()> {
        self.batches -= 1;
        self.owed = response;
        let batch = &batches[(self.batches % 2) as usize];
        // The socket's buffer is empty here and larger than any batch.
        let written = self.stream.write(batch)?;
        if written < batch.len() {
            return Err(io::Error::other("a batch does not fit the socket's send buffer: lower the depth"));
        }
        Ok(())
    }
}
