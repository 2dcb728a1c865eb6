//! A byte stream with its buffers: the one place where input is presented contiguously and output
//! is gathered.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncReadExt;

use super::file::FilePart;
use super::send_queue::SendQueue;
use super::{Wire, scratch};
use crate::observe::{Direction, Observer};

/// A read asks for this much while content is expected, and for [`scratch::INPUT`] otherwise.
const CONTENT_READ: usize = 64 * 1024;
/// So much content is copied out of its buffer, which can then be used again.
const LITTLE: usize = 1024;

/// Shows an observer what passes.
#[derive(Clone)]
pub(crate) struct Tap {
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) id: u64,
}

impl Tap {
    fn see(&self, direction: Direction, bytes: &[u8]) {
        if let Some(observer) = &self.observer {
            observer.bytes(self.id, direction, bytes);
        }
    }
}

/// A stream, what came and was not used, what is to go.
pub(crate) struct Transport<S> {
    stream: S,
    input: BytesMut,
    queue: SendQueue,
    /// `None` where nobody looks.
    tap: Option<Box<Tap>>,
    sent: u64,
}

impl<S: Wire> Transport<S> {
    pub(crate) fn new(stream: S, tap: Tap) -> Self {
        let tap = tap.observer.as_ref().is_some_and(|observer| observer.watches_bytes()).then(|| Box::new(tap));
        Self { stream, input: BytesMut::new(), queue: SendQueue::default(), tap, sent: 0 }
    }

    /// The stream, for questions about it.
    pub(crate) const fn stream(&self) -> &S {
        &self.stream
    }

    /// The stream, for settings of it.
    pub(crate) const fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Received and not yet used.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.input
    }

    /// The first `n` unread bytes were used.
    #[inline]
    pub(crate) fn consume(&mut self, n: usize) {
        if n > 0 {
            self.input.advance(n);
        }
    }

    /// The first `used` unread bytes were used, and the last `len` of them are content: taken
    /// without copying, but for a little of it, since the whole buffer is kept with what is taken.
    pub(crate) fn take(&mut self, used: usize, len: usize) -> Bytes {
        if len > LITTLE {
            self.input.advance(used - len);
            return self.input.split_to(len).freeze();
        }
        let content = Bytes::copy_from_slice(&self.input[used - len..used]);
        self.input.advance(used);
        content
    }

    /// Reads once more. 0 is the peer's FIN. While there is nothing to read and nothing unread or
    /// queued, the connection owns no buffer.
    pub(crate) fn poll_fill(&mut self, content: bool, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.input.capacity() == 0 {
            self.input = scratch::input();
        }
        let room = if content { CONTENT_READ } else { scratch::INPUT };
        // A buffer is used up before another is made: whoever collects content that comes in small
        // pieces would keep one alive for each of them.
        if self.input.capacity() - self.input.len() < room / 4 {
            self.input.reserve(room);
        }
        let old = self.input.len();
        let read = pin!(self.stream.read_buf(&mut self.input)).poll(cx);
        self.rest();
        let n = ready!(read)?;
        if let Some(tap) = &self.tap {
            tap.see(Direction::Received, &self.input[old..]);
        }
        Poll::Ready(Ok(n))
    }

    /// Owns no buffer from now on, if nothing is unread or queued.
    pub(crate) fn rest(&mut self) {
        if self.input.is_empty() && self.queue.is_empty() {
            scratch::give_back(std::mem::take(&mut self.input), self.queue.take_buffer());
        }
    }

    /// The unread bytes, lent to whoever wants to borrow from them while the rest of the transport
    /// is used. Nothing is unread until [`Transport::give_back`].
    pub(crate) fn lend(&mut self) -> BytesMut {
        std::mem::take(&mut self.input)
    }

    /// What was lent, of which the first `used` bytes were used.
    pub(crate) fn give_back(&mut self, input: BytesMut, used: usize) {
        self.input = input;
        self.consume(used);
    }

    /// The stream, for questions about it while something is appended.
    pub(crate) fn stream_and_out(&mut self) -> (&S, &mut Vec<u8>) {
        (&self.stream, self.queue.gathered())
    }

    /// Where heads and delimiters are appended.
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        self.queue.gathered()
    }

    /// Queues content, with what belongs after it.
    pub(crate) fn push(&mut self, content: Bytes, after: &'static [u8]) {
        self.queue.push(content, after);
    }

    /// Whether files can be sent by the kernel: there is no layer that must see their bytes, and
    /// nobody who wants to.
    pub(crate) fn sends_files(&mut self) -> bool {
        self.tap.is_none() && self.stream.plain().is_some()
    }

    /// Queues a part of a file as content, with what belongs after it.
    ///
    /// # Errors
    /// It is small enough to be read at once, and cannot be read.
    pub(crate) fn push_file(&mut self, part: FilePart, after: &'static [u8]) -> io::Result<()> {
        self.queue.push_file(part, after)
    }

    /// True if the queue must be flushed before more is queued.
    pub(crate) const fn is_full(&self) -> bool {
        self.queue.is_full()
    }

    /// True if everything queued was written.
    pub(crate) const fn is_flushed(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes written since the beginning.
    pub(crate) const fn sent(&self) -> u64 {
        self.sent
    }

    /// Bytes queued since the beginning, written or not.
    pub(crate) const fn queued(&self) -> u64 {
        self.sent + self.queue.len() as u64
    }

    /// Writes everything queued.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, queue, tap, sent, .. } = self;
        let queued = queue.len();
        let flushed = queue.poll_flush(stream, cx, |bytes| {
            if let Some(tap) = tap {
                tap.see(Direction::Sent, bytes);
            }
        });
        *sent += (queued - queue.len()) as u64;
        flushed
    }

    /// Closes the sending side.
    pub(crate) fn poll_half_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    /// The stream and what was read from it and not used.
    pub(crate) fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.input.freeze())
    }
}
