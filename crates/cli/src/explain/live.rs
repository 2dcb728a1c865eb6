//! Three uploads over one connection on this machine, recorded: one with `Content-Length`, one
//! chunked with a trailer, and a last one that says `Connection: close`.

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use tenure_proto::{Client, Config, Connection, Directive, Event, RequestLine, Role, Server, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::wire::{self, Direction, WireLog};

/// Longer than anything on one machine takes.
const PATIENCE: Duration = Duration::from_secs(10);
/// The only connection of the log.
const CONNECTION: u64 = 1;

/// What [`three_uploads`] made.
pub(super) struct Recorded {
    /// Where the server listened.
    pub(super) address: SocketAddr,
    /// A wire log.
    pub(super) log: Vec<u8>,
}

type Field = (&'static [u8], &'static [u8]);

/// One upload. `chunked`: its length is said to be unknown, and it ends with these trailer fields.
struct Upload {
    target: &'static str,
    fields: &'static [Field],
    pieces: &'static [&'static [u8]],
    chunked: Option<&'static [Field]>,
}

const UPLOADS: [Upload; 3] = [
    Upload {
        target: "/in/first.txt",
        fields: &[(b"Content-Type", b"text/plain")],
        pieces: &[b"The first file: its length is known.\n"],
        chunked: None,
    },
    Upload {
        target: "/in/second.txt",
        fields: &[(b"Content-Type", b"text/plain"), (b"Trailer", b"Lines")],
        pieces: &[b"The second file\n", b"comes from a pipe,\n", b"so nobody knows its length yet.\n"],
        chunked: Some(&[(b"Lines", b"3")]),
    },
    Upload {
        target: "/in/third.txt",
        fields: &[(b"Content-Type", b"text/plain"), (b"Connection", b"close")],
        pieces: &[b"The third file is the last one.\n"],
        chunked: None,
    },
];

/// Makes the uploads and records what the client sent and received.
///
/// # Errors
/// This machine has no loopback address free, or the two sides do not get done in ten seconds.
pub(super) async fn three_uploads() -> Result<Recorded, Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let log = WireLog::new(Vec::new())?;
    let both = async { tokio::try_join!(serve(listener), upload(address, &log)) };
    tokio::time::timeout(PATIENCE, both).await.map_err(|_| "the three uploads took longer than ten seconds")??;
    Ok(Recorded { address, log: log.into_inner() })
}

/// The client: three uploads, then the server's FIN, then its own.
async fn upload(address: SocketAddr, log: &WireLog<Vec<u8>>) -> io::Result<()> {
    let mut peer = Peer::<Client>::new(TcpStream::connect(address).await?, Some(log));
    log.event(CONNECTION, log.since_start(), &format!("{} {address}", wire::OPENED));
    let host = address.to_string();
    for upload in &UPLOADS {
        peer.send_request(upload, &host).await?;
        while !matches!(peer.step().await?, Step::End) {}
    }
    // The last response said close: the server closes first, so that nobody's bytes are lost.
    while !matches!(peer.step().await?, Step::Closed) {}
    log.event(CONNECTION, log.since_start(), wire::FIN_RECEIVED);
    peer.stream.shutdown().await?;
    log.event(CONNECTION, log.since_start(), wire::FIN_SENT);
    Ok(())
}

/// The server: answers each upload with what it has counted, until the connection is over.
async fn serve(listener: TcpListener) -> io::Result<()> {
    let (stream, _) = listener.accept().await?;
    let mut peer = Peer::<Server>::new(stream, None);
    let mut stored = 0;
    loop {
        match peer.step().await? {
            Step::Content(len) => stored += len,
            Step::End => {
                peer.send_response(&format!("stored {stored} bytes\n")).await?;
                stored = 0;
            }
            Step::Closed => return Ok(()),
        }
        if matches!(peer.connection.directive(), Directive::HalfClose(_)) {
            peer.stream.shutdown().await?;
            peer.connection.half_closed(Instant::now());
        }
    }
}

/// One end: a socket and its core.
struct Peer<'l, R: Role> {
    stream: TcpStream,
    connection: Connection<R>,
    input: Vec<u8>,
    log: Option<&'l WireLog<Vec<u8>>>,
}

/// What came from the other end.
enum Step {
    Content(usize),
    /// The message is whole.
    End,
    /// The other end has closed its side.
    Closed,
}

impl<'l, R: Role> Peer<'l, R> {
    fn new(stream: TcpStream, log: Option<&'l WireLog<Vec<u8>>>) -> Self {
        Self { stream, connection: Connection::new(Arc::new(Config::default())), input: Vec::new(), log }
    }

    /// The next piece of content, or the next end.
    async fn step(&mut self) -> io::Result<Step> {
        loop {
            let (used, step, needs_input) = {
                let received = self.connection.receive(&self.input, Instant::now());
                let (used, event) = received.map_err(io::Error::other)?;
                match event {
                    Event::Content(data) => (used, Some(Step::Content(data.len())), false),
                    Event::End(_) => (used, Some(Step::End), false),
                    Event::NeedInput | Event::Closed | Event::Paused => (used, None, used == 0),
                    _ => (used, None, false),
                }
            };
            self.input.drain(..used);
            if let Some(step) = step {
                return Ok(step);
            }
            if needs_input && !self.read().await? {
                self.connection.receive_eof().map_err(io::Error::other)?;
                return Ok(Step::Closed);
            }
        }
    }

    /// False at the other end's FIN.
    async fn read(&mut self) -> io::Result<bool> {
        let start = self.input.len();
        self.input.reserve(8_192);
        let read = self.stream.read_buf(&mut self.input).await?;
        if let Some(log) = self.log {
            log.record(CONNECTION, Direction::Received, log.since_start(), &self.input[start..]);
        }
        Ok(read > 0)
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Noted before it is sent, so that no answer is noted earlier.
        if let Some(log) = self.log {
            log.record(CONNECTION, Direction::Sent, log.since_start(), bytes);
        }
        self.stream.write_all(bytes).await
    }
}

impl Peer<'_, Client> {
    async fn send_request(&mut self, upload: &Upload, host: &str) -> io::Result<()> {
        let line = RequestLine { method: "POST", target: upload.target, version: Version::Http11 };
        let length = upload.pieces.iter().map(|piece| piece.len() as u64).sum();
        let fields = [(&b"Host"[..], host.as_bytes())].into_iter().chain(upload.fields.iter().copied());
        let content = upload.chunked.is_none().then_some(length);
        let mut out = Vec::new();
        self.connection.send_head(line, fields, content, &mut out).map_err(io::Error::other)?;
        for piece in upload.pieces {
            let around = self.connection.send_content(piece.len()).map_err(io::Error::other)?;
            out.extend_from_slice(around.before());
            out.extend_from_slice(piece);
            out.extend_from_slice(around.after());
        }
        let trailers = upload.chunked.unwrap_or_default().iter().copied();
        self.connection.send_end(trailers, &mut out).map_err(io::Error::other)?;
        self.write(&out).await
    }
}

impl Peer<'_, Server> {
    async fn send_response(&mut self, text: &str) -> io::Result<()> {
        let mut out = Vec::new();
        let (server, len) = (&mut self.connection, text.len());
        let fields = [(&b"Content-Type"[..], &b"text/plain"[..])];
        server.send_head(StatusCode::CREATED, fields, Some(len as u64), &mut out).map_err(io::Error::other)?;
        server.send_content(len).map_err(io::Error::other)?;
        out.extend_from_slice(text.as_bytes());
        server.send_end([], &mut out).map_err(io::Error::other)?;
        self.write(&out).await
    }
}
