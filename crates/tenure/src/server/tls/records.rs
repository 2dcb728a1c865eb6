//! TLS without I/O: bytes of records in, content out, and back. By rustls' unbuffered interface,
//! since its buffered one keeps 4 KiB for each connection, idle or not.

use std::fmt;

use bytes::BytesMut;
use tokio_rustls::rustls::Error;
use tokio_rustls::rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use tokio_rustls::rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus, WriteTraffic,
};

/// The layer's state, its buffers only while they hold something.
pub(super) struct Records {
    pub(super) session: Box<Session>,
    /// Records received and not yet read to their end.
    pub(super) incoming: BytesMut,
    /// Content decrypted and not yet taken.
    pub(super) content: BytesMut,
    pub(super) outgoing: Outgoing,
    /// The peer will send nothing more, by its own word.
    pub(super) peer_closed: bool,
    /// We have said so too.
    notified: bool,
}

/// What stays while a connection is parked.
pub(in crate::server) struct Session {
    pub(super) connection: UnbufferedServerConnection,
    pub(super) server_name: Option<Box<str>>,
}

/// Records to be sent.
#[derive(Default)]
pub(super) struct Outgoing {
    /// Filled up to `filled`; the rest is room.
    bytes: Vec<u8>,
    filled: usize,
    sent: usize,
}

/// What the layer waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wants {
    /// More of the peer's handshake.
    Handshake,
    /// Nothing: content may pass.
    Traffic,
    /// Both sides have closed.
    Closed,
}

impl Records {
    pub(super) fn new(session: Box<Session>) -> Self {
        let (incoming, content) = (BytesMut::new(), BytesMut::new());
        Self { session, incoming, content, outgoing: Outgoing::default(), peer_closed: false, notified: false }
    }

    /// Reads the records that have come; content goes to `take` first, which says how much it took.
    ///
    /// # Errors
    /// The peer broke the protocol. The alert that tells it so is in `outgoing`.
    pub(super) fn advance(&mut self, take: impl FnMut(&[u8]) -> usize) -> Result<Wants, Error> {
        self.turn(take, |_, _| Ok(()))
    }

    /// Encrypts content.
    pub(super) fn encrypt(&mut self, content: &[u8]) -> Result<(), Error> {
        self.send(|traffic, outgoing| outgoing.put(|room| traffic.encrypt(content, room)))
    }

    /// The closure alert: nothing more will be sent (RFC 8446 section 6.1). Without an established
    /// connection there is none to close.
    pub(super) fn close_notify(&mut self) -> Result<(), Error> {
        if std::mem::replace(&mut self.notified, true) {
            return Ok(());
        }
        self.send(|traffic, outgoing| outgoing.put(|room| traffic.queue_close_notify(room)))
    }

    /// True if nothing would be lost with the buffers.
    pub(super) fn is_bare(&self) -> bool {
        self.incoming.is_empty() && self.content.is_empty() && self.outgoing.is_empty() && !self.peer_closed
    }

    /// Gives empty buffers back.
    pub(super) fn shrink(&mut self) {
        for buffer in [&mut self.incoming, &mut self.content] {
            if buffer.is_empty() {
                *buffer = BytesMut::new();
            }
        }
    }

    fn send(&mut self, work: impl FnMut(&mut Traffic<'_>, &mut Outgoing) -> Result<(), Error>) -> Result<(), Error> {
        self.turn(|_| 0, work).map(drop)
    }

    /// Through rustls' states until it waits for the peer or for us; then `work`.
    fn turn(
        &mut self,
        mut take: impl FnMut(&[u8]) -> usize,
        mut work: impl FnMut(&mut Traffic<'_>, &mut Outgoing) -> Result<(), Error>,
    ) -> Result<Wants, Error> {
        let Self { session, incoming, content, outgoing, peer_closed, .. } = self;
        let mut failed = None;
        loop {
            // After an error only what is to be sent is asked for: the alert.
            let input = if failed.is_some() { &mut [][..] } else { &mut incoming[..] };
            let UnbufferedStatus { mut discard, state } = session.connection.process_tls_records(input);
            let wants = match state {
                Ok(ConnectionState::ReadTraffic(mut records)) => {
                    while let Some(record) = records.next_record() {
                        let record = record?;
                        let taken = if content.is_empty() { take(record.payload) } else { 0 };
                        content.extend_from_slice(&record.payload[taken..]);
                        discard += record.discard;
                    }
                    None
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    outgoing.put(|room| data.encode(room))?;
                    None
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    None
                }
                Ok(ConnectionState::PeerClosed) => {
                    *peer_closed = true;
                    None
                }
                Ok(ConnectionState::BlockedHandshake) => Some(Wants::Handshake),
                Ok(ConnectionState::Closed) => Some(Wants::Closed),
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    if failed.is_none() {
                        work(&mut traffic, outgoing)?;
                    }
                    Some(Wants::Traffic)
                }
                Ok(_) => return Err(Error::General("early data, which was not offered".to_owned())),
                // The second time it is told, all of the alert was taken.
                Err(error) if failed.is_none() => {
                    failed = Some(error);
                    continue;
                }
                Err(error) => return Err(failed.unwrap_or(error)),
            };
            if let Some(error) = failed.take_if(|_| wants.is_some()) {
                return Err(error);
            }
            if failed.is_none() {
                bytes::Buf::advance(incoming, discard);
            }
            if let Some(wants) = wants {
                return Ok(wants);
            }
        }
    }
}

type Traffic<'c> = WriteTraffic<'c, ServerConnectionData>;

impl Outgoing {
    pub(super) const fn is_empty(&self) -> bool {
        self.sent == self.filled
    }

    /// What is to be sent next.
    pub(super) fn pending(&self) -> &[u8] {
        &self.bytes[self.sent..self.filled]
    }

    /// So much of it was sent. The room is given back with the last of it.
    pub(super) fn advance(&mut self, sent: usize) {
        self.sent += sent;
        if self.is_empty() {
            *self = Self::default();
        }
    }

    /// Lets `encode` write into the room, and makes more of it if it says so.
    fn put<E: Short>(&mut self, mut encode: impl FnMut(&mut [u8]) -> Result<usize, E>) -> Result<(), Error> {
        loop {
            match encode(&mut self.bytes[self.filled..]) {
                Ok(written) => {
                    self.filled += written;
                    return Ok(());
                }
                Err(error) => match error.lacks() {
                    Some(size) if size > self.bytes.len() - self.filled => self.bytes.resize(self.filled + size, 0),
                    _ => return Err(Error::General(error.to_string())),
                },
            }
        }
    }
}

/// An error that may say how much room is needed.
trait Short: fmt::Display {
    fn lacks(&self) -> Option<usize>;
}

impl Short for EncodeError {
    fn lacks(&self) -> Option<usize> {
        match self {
            Self::InsufficientSize(InsufficientSizeError { required_size }) => Some(*required_size),
            Self::AlreadyEncoded => None,
        }
    }
}

impl Short for EncryptError {
    fn lacks(&self) -> Option<usize> {
        match self {
            Self::InsufficientSize(InsufficientSizeError { required_size }) => Some(*required_size),
            Self::EncryptExhausted => None,
        }
    }
}
