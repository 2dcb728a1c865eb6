//! A part of a file as content: read in pieces wherever its bytes are wanted, and given to the
//! kernel to send where nobody wants them.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::ops::{Bound, RangeBounds};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Frame;
use tokio::task::{JoinHandle, spawn_blocking};

/// So much is read at a time, in a thread where waiting for a disk holds nobody up.
const PIECE: u64 = 128 * 1024;

/// Bytes of an open file, from a position on. Its own position is neither used nor moved.
#[derive(Clone)]
pub(crate) struct FilePart {
    file: Arc<File>,
    at: u64,
    left: u64,
}

impl FilePart {
    /// # Errors
    /// It is no regular file, or the range does not lie in it.
    pub(crate) fn new(file: Arc<File>, range: &impl RangeBounds<u64>) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            let why = "not a regular file: only of one is the length known before it is read";
            return Err(io::Error::new(ErrorKind::InvalidInput, why));
        }
        let start = match range.start_bound() {
            Bound::Included(&start) => Some(start),
            Bound::Excluded(&before) => before.checked_add(1),
            Bound::Unbounded => Some(0),
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last.checked_add(1),
            Bound::Excluded(&end) => Some(end),
            Bound::Unbounded => Some(metadata.len()),
        };
        match (start, end) {
            (Some(at), Some(end)) if at <= end && end <= metadata.len() => Ok(Self { file, at, left: end - at }),
            _ => {
                let why = format!("the range does not lie in the file, which has {} bytes", metadata.len());
                Err(io::Error::new(ErrorKind::InvalidInput, why))
            }
        }
    }

    pub(crate) const fn len(&self) -> u64 {
        self.left
    }

    /// Cuts the first `n` bytes off, or all if there are less.
    pub(crate) fn split(&mut self, n: u64) -> Self {
        let piece = Self { left: self.left.min(n), ..self.clone() };
        self.advance(piece.left);
        piece
    }

    fn advance(&mut self, n: u64) {
        self.at += n;
        self.left -= n;
    }

    /// Appends all of it to `out`, or nothing. This waits for the disk.
    pub(crate) fn read_to(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let start = out.len();
        out.resize(start + self.left as usize, 0);
        let mut filled = start;
        while filled < out.len() {
            let at = self.at + (filled - start) as u64;
            match read_at(&self.file, &mut out[filled..], at) {
                Ok(n) if n > 0 => filled += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                failed => {
                    out.truncate(start);
                    return Err(failed.map_or_else(|error| AtFault::unreadable(&error), |_| AtFault::shrunk()));
                }
            }
        }
        Ok(())
    }

    /// Has the kernel send what it takes at once; 0 if the file has no more. This may wait for the
    /// disk, never for the peer.
    #[cfg(target_os = "linux")]
    pub(crate) fn send_to(&mut self, socket: std::os::fd::BorrowedFd<'_>) -> io::Result<usize> {
        let mut at = self.at;
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let sent = rustix::io::retry_on_intr(|| rustix::fs::sendfile(socket, &self.file, Some(&mut at), most))?;
        self.advance(sent as u64);
        Ok(sent)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buf: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buf, at)
}

#[cfg(windows)]
fn read_at(file: &File, buf: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buf, at)
}

/// What went wrong with a file, and not with the connection that it is sent on.
#[derive(Debug)]
pub(crate) struct AtFault(String);

impl AtFault {
    pub(crate) fn shrunk() -> io::Error {
        io::Error::new(ErrorKind::UnexpectedEof, Self("the file became shorter while it was sent".to_owned()))
    }

    pub(crate) fn unreadable(error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), Self(format!("the file cannot be read: {error}")))
    }

    /// Whether that is the reason of `error`.
    pub(crate) fn is_in(error: &io::Error) -> bool {
        matches!(error.get_ref(), Some(reason) if reason.is::<Self>())
    }
}

impl fmt::Display for AtFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AtFault {}

/// A part of a file that is read as it is asked for.
pub(crate) struct Reading {
    rest: FilePart,
    piece: Option<JoinHandle<io::Result<Vec<u8>>>>,
}

impl Reading {
    pub(crate) const fn new(part: FilePart) -> Self {
        Self { rest: part, piece: None }
    }

    /// What was not asked for yet.
    pub(crate) const fn rest(&self) -> Option<&FilePart> {
        if self.piece.is_none() { Some(&self.rest) } else { None }
    }

    pub(crate) const fn len(&self) -> u64 {
        self.rest.left
    }

    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.rest.left == 0 {
            return Poll::Ready(None);
        }
        let piece = self.piece.get_or_insert_with(|| {
            let part = self.rest.clone().split(PIECE);
            spawn_blocking(move || {
                let mut bytes = Vec::new();
                part.read_to(&mut bytes).map(|()| bytes)
            })
        });
        let read = ready!(Pin::new(piece).poll(cx));
        self.piece = None;
        let read = read.map_err(io::Error::other).flatten();
        match &read {
            Ok(bytes) => self.rest.advance(bytes.len() as u64),
            Err(_) => self.rest.left = 0,
        }
        Poll::Ready(Some(read.map(|bytes| Frame::data(bytes.into()))))
    }
}
