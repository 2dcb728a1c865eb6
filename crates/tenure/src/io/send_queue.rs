//! What is to be sent: heads and small content gathered in one buffer, large content beside it,
//! all in one write; or, where that is a part of a file, in one write and one `sendfile`.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};

use super::file::FilePart;
use super::send_file::Sent;
use super::{Wire, scratch};

/// Content up to this size is copied behind its head; larger content is written from where it is.
pub(crate) const COPY: usize = 8 * 1024;
/// A part of a file up to this size is read behind its head.
const READ: u64 = 16 * 1024;
/// With more than this queued, flush before queueing more.
const FULL: usize = 64 * 1024;

/// Order on the wire: `gathered`, `bulk`, `after`. While `bulk` or `after` is there, nothing more
/// is queued.
#[derive(Default)]
pub(crate) struct SendQueue {
    gathered: Vec<u8>,
    sent: usize,
    bulk: Bulk,
    after: &'static [u8],
}

/// Large content, sent from where it is.
enum Bulk {
    Bytes(Bytes),
    File(FilePart),
}

impl Default for Bulk {
    fn default() -> Self {
        Self::Bytes(Bytes::new())
    }
}

impl Bulk {
    const fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::File(part) => part.len() as usize,
        }
    }

    const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl SendQueue {
    /// The buffer that heads and delimiters are appended to. Only while [`SendQueue::is_full`] is false.
    #[inline]
    pub(crate) fn gathered(&mut self) -> &mut Vec<u8> {
        if self.gathered.capacity() == 0 {
            self.gathered = scratch::output();
        }
        &mut self.gathered
    }

    /// The buffer of a queue that is empty, for others to use.
    pub(super) fn take_buffer(&mut self) -> Vec<u8> {
        debug_assert!(self.gathered.is_empty(), "what is queued must be sent");
        std::mem::take(&mut self.gathered)
    }

    /// Content, with what belongs after it.
    #[inline]
    pub(crate) fn push(&mut self, content: Bytes, after: &'static [u8]) {
        if content.len() <= COPY {
            self.gathered.extend_from_slice(&content);
            self.gathered.extend_from_slice(after);
        } else {
            self.bulk = Bulk::Bytes(content);
            self.after = after;
        }
    }

    /// A part of a file as content, with what belongs after it. On a stream that is not
    /// [plain](Wire::plain) it is read, at once and as a whole.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn push_file(&mut self, part: FilePart, after: &'static [u8]) -> io::Result<()> {
        if part.len() <= READ {
            part.read_to(&mut self.gathered)?;
            self.gathered.extend_from_slice(after);
        } else {
            self.bulk = Bulk::File(part);
            self.after = after;
        }
        Ok(())
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.sent == self.gathered.len() && self.bulk.is_empty() && self.after.is_empty()
    }

    /// Bytes not yet written.
    pub(crate) const fn len(&self) -> usize {
        self.gathered.len() - self.sent + self.bulk.len() + self.after.len()
    }

    /// True if it must be flushed before more is queued.
    pub(crate) const fn is_full(&self) -> bool {
        !self.bulk.is_empty() || !self.after.is_empty() || self.gathered.len() - self.sent > FULL
    }

    /// Writes until all is written. `tap` sees what went out.
    pub(crate) fn poll_flush<W: Wire>(
        &mut self,
        writer: &mut W,
        cx: &mut Context<'_>,
        mut tap: impl FnMut(&[u8]),
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let Bulk::Bytes(bulk) = &self.bulk else {
                ready!(self.poll_file(writer, cx, &mut tap))?;
                continue;
            };
            let parts = [&self.gathered[self.sent..], &bulk[..], self.after];
            let written = if bulk.is_empty() && self.after.is_empty() {
                ready!(Pin::new(&mut *writer).poll_write(cx, parts[0]))?
            } else {
                let slices = parts.map(IoSlice::new);
                ready!(Pin::new(&mut *writer).poll_write_vectored(cx, &slices))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written, &mut tap);
        }
        self.gathered.clear();
        self.sent = 0;
        Pin::new(writer).poll_flush(cx)
    }

    /// Writes what stands before a part of a file; after that, what the kernel takes of the part.
    fn poll_file<W: Wire>(
        &mut self,
        writer: &mut W,
        cx: &mut Context<'_>,
        tap: &mut impl FnMut(&[u8]),
    ) -> Poll<io::Result<()>> {
        let (Bulk::File(part), Some(socket)) = (&mut self.bulk, writer.plain()) else {
            return Poll::Ready(self.read_file());
        };
        let before = &self.gathered[self.sent..];
        if !before.is_empty() {
            let written = ready!(socket.poll_write_more(cx, before))?;
            self.advance(written, tap);
            return Poll::Ready(Ok(()));
        }
        match ready!(socket.poll_send_file(cx, part))? {
            // With the last of it the file is let go.
            Sent::All => self.bulk = Bulk::default(),
            Sent::Part => {}
            Sent::Unsuited => return Poll::Ready(self.read_file()),
        }
        Poll::Ready(Ok(()))
    }

    /// The part of a file that waits is sent from memory after all.
    fn read_file(&mut self) -> io::Result<()> {
        if let Bulk::File(part) = &self.bulk {
            let mut bytes = Vec::new();
            part.read_to(&mut bytes)?;
            self.bulk = Bulk::Bytes(bytes.into());
        }
        Ok(())
    }

    fn advance(&mut self, mut written: usize, tap: &mut impl FnMut(&[u8])) {
        let n = written.min(self.gathered.len() - self.sent);
        if n > 0 {
            tap(&self.gathered[self.sent..self.sent + n]);
            self.sent += n;
            written -= n;
        }
        if let Bulk::Bytes(bulk) = &mut self.bulk {
            let n = written.min(bulk.len());
            if n > 0 {
                tap(&bulk[..n]);
                bulk.advance(n);
                written -= n;
            }
        }
        let n = written.min(self.after.len());
        if n > 0 {
            tap(&self.after[..n]);
            self.after = &self.after[n..];
        }
    }
}
