//! The socket: requests are read by the rules, everything else is bytes.
//!
//! A head is taken from the kernel without a byte beyond it, so that content and later requests
//! stay unread there until a plan asks for them: closing above them is what makes a reset.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tenure_proto::{Config, Connection, Event, Expectation, ProtocolError, RequestHead, Server};

use crate::scenario::Request;
use crate::socket::Socket;

/// Bytes read at once.
const PIECE: usize = 16 * 1024;
/// The longest id taken; a longer one is cut.
const LONGEST_ID: usize = 64;

/// Why no further request comes.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The client has ended the connection.
    Ended,
    /// What it sent is no request.
    Protocol(ProtocolError),
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::Ended
    }
}

impl From<ProtocolError> for Broken {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

/// What a wait ended with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Waited {
    Bytes,
    Ended,
    TimedOut,
}

pub(crate) struct Wire {
    socket: Socket,
    unread: Vec<u8>,
    config: Arc<Config>,
    parser: Connection<Server>,
}

impl Wire {
    pub(crate) fn new(socket: Socket, config: Arc<Config>) -> Self {
        Self { socket, unread: Vec::new(), parser: Connection::new(Arc::clone(&config)), config }
    }

    /// The next request's head. `id` names it if it does not name itself.
    pub(crate) async fn request(&mut self, id: String) -> Result<Request, Broken> {
        // Plans answer as they like, so the parser's own idea of what is outstanding is no use.
        self.parser = Connection::new(Arc::clone(&self.config));
        loop {
            let (used, event) = self.parser.receive(&self.unread, Instant::now())?;
            match event {
                Event::Head(head) => {
                    let request = request(&head, id, self.socket.is_secure());
                    self.unread.drain(..used);
                    return Ok(request);
                }
                Event::NeedInput => self.unread.drain(..used),
                _ => return Err(Broken::Ended),
            };
            self.fill_head().await?;
        }
    }

    /// The rest of the request, thrown away.
    pub(crate) async fn content(&mut self) -> Result<(), Broken> {
        loop {
            let (used, event) = self.parser.receive(&self.unread, Instant::now())?;
            let needs_input = match event {
                Event::Content(_) => false,
                Event::NeedInput => true,
                _ => {
                    self.unread.drain(..used);
                    return Ok(());
                }
            };
            self.unread.drain(..used);
            if needs_input {
                let left = self.parser.content_left().unwrap_or(PIECE as u64);
                self.read(usize::try_from(left).unwrap_or(PIECE).min(PIECE)).await?;
            }
        }
    }

    /// Reads up to the end of a head, if that is there, and no byte beyond it. Under TLS whatever is there.
    async fn fill_head(&mut self) -> Result<(), Broken> {
        if self.socket.is_secure() {
            return self.read(PIECE).await;
        }
        let mut seen = [0; PIECE];
        let there = self.socket.tcp().peek(&mut seen).await?;
        let before = self.unread.len();
        self.unread.extend_from_slice(&seen[..there]);
        let from = before.saturating_sub(3);
        let end = self.unread[from..].windows(4).position(|w| w == b"\r\n\r\n").map(|at| from + at + 4 - before);
        self.unread.truncate(before);
        self.read(end.unwrap_or(there)).await
    }

    async fn read(&mut self, most: usize) -> Result<(), Broken> {
        let before = self.unread.len();
        self.unread.resize(before + most.max(1), 0);
        let read = self.socket.read(&mut self.unread[before..]).await;
        self.unread.truncate(before + read.as_ref().map_or(0, |n| *n));
        if read? == 0 { Err(Broken::Ended) } else { Ok(()) }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        Ok(self.socket.send(bytes).await?)
    }

    /// Waits for bytes, or the client's FIN, and reads nothing.
    pub(crate) async fn wait(&self, most: Duration) -> Waited {
        if !self.unread.is_empty() {
            return Waited::Bytes;
        }
        match tokio::time::timeout(most, self.socket.tcp().peek(&mut [0])).await {
            Err(_) => Waited::TimedOut,
            Ok(Ok(1)) => Waited::Bytes,
            Ok(_) => Waited::Ended,
        }
    }

    /// Whether bytes are there, asked of the kernel: the runtime may not have heard of them yet.
    pub(crate) fn has_bytes(&self) -> bool {
        let mut byte = [std::mem::MaybeUninit::uninit()];
        !self.unread.is_empty() || socket2::SockRef::from(self.socket.tcp()).peek(&mut byte).is_ok_and(|n| n > 0)
    }

    /// Reads and throws away until the client's end, or so long.
    pub(crate) async fn discard(&mut self, most: Duration) {
        let mut bytes = [0; PIECE];
        let to_end = async { while self.socket.read(&mut bytes).await.is_ok_and(|n| n > 0) {} };
        let _ = tokio::time::timeout(most, to_end).await;
    }

    pub(crate) async fn half_close(&mut self) {
        self.socket.half_close().await;
    }

    /// Closes, over TLS with a closure alert.
    pub(crate) async fn close(self) {
        self.socket.close().await;
    }

    /// Ends the connection by a reset.
    pub(crate) fn reset(self) {
        self.socket.reset();
    }
}

fn request(head: &RequestHead<'_>, given: String, secure: bool) -> Request {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let target = text(head.target);
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let visible = |value: &[u8]| {
        let visible = value.iter().take_while(|byte| **byte != b' ').filter(|byte| byte.is_ascii_graphic());
        visible.take(LONGEST_ID).map(|byte| char::from(*byte)).collect::<String>()
    };
    let own = head.fields.get("x-request-id").map(|id| visible(&id));
    let accept = head.fields.get("accept").unwrap_or_default();
    Request {
        method: text(head.method),
        path: path.to_owned(),
        query: query.to_owned(),
        id: own.filter(|id| !id.is_empty()).unwrap_or(given),
        persistence: head.persistence,
        expects_continue: head.expectation == Expectation::Continue,
        wants_json: text(&accept).contains("application/json"),
        client: head.fields.get("user-agent").map(|agent| visible(&agent)).unwrap_or_default(),
        secure,
    }
}
