//! One epoll loop for the rungs without a runtime: level-triggered, one read into a buffer that
//! all connections share, one write.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

/// One read asks for this much: sixteen pipelined requests of a browser and more.
const READ: usize = 16 * 1024;
const EVENTS: usize = 256;

/// What one connection makes of its input.
pub(super) trait Answer {
    /// Appends the answers to every whole request in `input` to `out`. Returns how many bytes were
    /// used and whether the connection goes on.
    fn answer(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, bool);
}

struct Peer<A> {
    stream: TcpStream,
    answer: A,
    /// Received and not used: the start of a request whose rest is still to come.
    unread: Vec<u8>,
    /// Answered and not written: the socket was full.
    unsent: Vec<u8>,
    open: bool,
}

struct Server<A, M> {
    epoll: Epoll,
    listener: TcpListener,
    make: M,
    /// By file descriptor, which is also what epoll reports.
    peers: Vec<Option<Peer<A>>>,
    input: Box<[u8]>,
    out: Vec<u8>,
}

/// Serves until the process ends; `make` makes the state of a new connection.
pub(super) fn run<A: Answer, M: Fn() -> A>(listener: TcpListener, make: M) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    let listening = listener.as_raw_fd() as u64;
    epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, listening))?;
    let input = vec![0; READ].into_boxed_slice();
    let mut server = Server { epoll, listener, make, peers: Vec::new(), input, out: Vec::with_capacity(READ) };
    let mut events = [EpollEvent::empty(); EVENTS];
    loop {
        let ready = server.epoll.wait(&mut events, EpollTimeout::NONE)?;
        for event in &events[..ready] {
            if event.data() == listening {
                server.accept()?;
            } else {
                server.serve(event.data() as usize);
            }
        }
    }
}

impl<A: Answer, M: Fn() -> A> Server<A, M> {
    fn accept(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let place = stream.as_raw_fd() as usize;
            self.epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, place as u64))?;
            if self.peers.len() <= place {
                self.peers.resize_with(place + 1, || None);
            }
            let answer = (self.make)();
            self.peers[place] = Some(Peer { stream, answer, unread: Vec::new(), unsent: Vec::new(), open: true });
        }
    }

    /// A connection that fails or ends is dropped, which closes it and takes it out of epoll.
    fn serve(&mut self, place: usize) {
        let Some(peer) = self.peers.get_mut(place).and_then(Option::as_mut) else { return };
        let was_full = !peer.unsent.is_empty();
        let stepped = if was_full { peer.write_rest() } else { peer.read_and_answer(&mut self.input, &mut self.out) };
        let is_full = !peer.unsent.is_empty();
        let stepped = stepped.and_then(|()| {
            if was_full != is_full {
                let wanted = if is_full { EpollFlags::EPOLLOUT } else { EpollFlags::EPOLLIN };
                self.epoll.modify(&peer.stream, &mut EpollEvent::new(wanted, place as u64))?;
            }
            Ok(())
        });
        if stepped.is_err() || (!peer.open && !is_full) {
            self.peers[place] = None;
        }
    }
}

impl<A: Answer> Peer<A> {
    fn read_and_answer(&mut self, input: &mut [u8], out: &mut Vec<u8>) -> io::Result<()> {
        let kept = self.unread.len();
        input[..kept].copy_from_slice(&self.unread);
        // A request as long as the whole buffer reads nothing here, and ends the connection.
        let n = match self.stream.read(&mut input[kept..]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(e) => return Err(e),
        };
        let input = &input[..kept + n];
        let (used, open) = self.answer.answer(input, out);
        self.open = open;
        self.unread.clear();
        self.unread.extend_from_slice(&input[used..]);
        let written = write(&self.stream, out)?;
        self.unsent.extend_from_slice(&out[written..]);
        out.clear();
        Ok(())
    }

    fn write_rest(&mut self) -> io::Result<()> {
        let written = write(&self.stream, &self.unsent)?;
        self.unsent.drain(..written);
        Ok(())
    }
}

/// Writes what the socket takes; nothing at all costs no system call.
fn write(mut stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    if bytes.is_empty() {
        return Ok(0);
    }
    match stream.write(bytes) {
        Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(0),
        written => written,
    }
}
