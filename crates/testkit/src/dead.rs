//! An address that answers no handshake.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// Far more than a handshake on loopback takes, and less than the kernel waits before its second attempt.
const UNANSWERED: Duration = Duration::from_millis(200);

/// A listener whose queue is full.
#[derive(Debug)]
pub struct Dead {
    /// Whoever accepts from it brings it to life.
    pub listener: TcpListener,
    /// What fills the queue.
    pub fillers: Vec<TcpStream>,
}

impl Dead {
    /// Makes `address` dead; its port may be 0.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub fn at(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.bind(&address.into())?;
        socket.listen(0)?;
        let mut dead = Self { listener: socket.into(), fillers: Vec::new() };
        // A connection counts in the queue only once its handshake is over on both sides: a busy kernel lets
        // others begin meanwhile. So until one gets no answer.
        loop {
            match TcpStream::connect_timeout(&dead.address()?, UNANSWERED) {
                Ok(filler) => dead.fillers.push(filler),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return Ok(dead),
                Err(error) => return Err(error),
            }
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// Never, as long as the listener is open.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
