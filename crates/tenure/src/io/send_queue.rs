//! What is to be sent: heads and small content gathered in one buffer, large content beside it,
//! all in one write.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use super::scratch;

/// Content up to this size is copied behind its head; larger content is written from where it is.
const COPY: usize = 8 * 1024;
/// With more than this queued, flush before queueing more.
const FULL: usize = 64 * 1024;

/// Order on the wire: `gathered`, `bulk`, `after`. While `bulk` or `after` is there, nothing more
/// is queued.
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    gathered: Vec<u8>,
    sent: usize,
    bulk: Bytes,
    after: &'static [u8],
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
            self.bulk = content;
            self.after = after;
        }
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
    pub(crate) fn poll_flush<W: AsyncWrite + Unpin>(
        &mut self,
        writer: &mut W,
        cx: &mut Context<'_>,
        mut tap: impl FnMut(&[u8]),
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let parts = [&self.gathered[self.sent..], &self.bulk[..], self.after];
            let written = if self.bulk.is_empty() && self.after.is_empty() {
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

    fn advance(&mut self, mut written: usize, tap: &mut impl FnMut(&[u8])) {
        let n = written.min(self.gathered.len() - self.sent);
        if n > 0 {
            tap(&self.gathered[self.sent..self.sent + n]);
            self.sent += n;
            written -= n;
        }
        let n = written.min(self.bulk.len());
        if n > 0 {
            tap(&self.bulk[..n]);
            self.bulk.advance(n);
            written -= n;
        }
        let n = written.min(self.after.len());
        if n > 0 {
            tap(&self.after[..n]);
            self.after = &self.after[n..];
        }
    }
}
