//! The content of a file or pipe, read in pieces on threads that may block.
//!
//! A file that is not at its end what it was when it was opened ends in an error, before its last
//! piece is handed out: then the request is incomplete, and no server stores a mixture.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::report::units;

/// Bytes a read asks for. At most two pieces of a file are in memory.
const PIECE: u64 = 256 * 1024;

/// What a file was at some time. Two that are equal mean that nobody wrote to it in between.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    pub(super) len: u64,
    pub(super) modified: Option<SystemTime>,
    inode: (u64, u64),
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { len: metadata.len(), modified: metadata.modified().ok(), inode: (metadata.dev(), metadata.ino()) }
    }
}

/// A file that was opened, with its first piece; or a pipe.
pub(super) struct Source {
    path: PathBuf,
    /// `None`: a pipe, whose length nobody knows.
    pub(super) stamp: Option<Stamp>,
    first: Mutex<First>,
}

enum First {
    /// All of a small file, for as often as it is needed.
    Whole(Bytes),
    /// For the first reader.
    Begun(Piece),
    /// A further reader opens the file again.
    Taken,
}

struct Piece {
    data: Bytes,
    rest: Option<Rest>,
}

/// What follows.
enum Rest {
    File(FileRest),
    Pipe(File),
}

struct FileRest {
    file: File,
    stamp: Stamp,
    read: u64,
}

impl Source {
    /// Opens a file and reads its first piece. May block.
    ///
    /// # Errors
    /// It cannot be read, or changes under the reader.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let rest = FileRest::open(path)?;
        let stamp = rest.stamp;
        let piece = rest.next()?;
        let first = if piece.rest.is_none() { First::Whole(piece.data) } else { First::Begun(piece) };
        Ok(Self { path: path.to_owned(), stamp: Some(stamp), first: Mutex::new(first) })
    }

    /// Opens a pipe or device. Blocks until somebody writes to it.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) fn open_pipe(path: &Path) -> io::Result<Self> {
        Ok(Self::pipe(File::open(path)?))
    }

    /// Standard input, wherever it comes from.
    ///
    /// # Errors
    /// It is closed.
    pub(super) fn stdin() -> io::Result<Self> {
        Ok(Self::pipe(File::from(io::stdin().as_fd().try_clone_to_owned()?)))
    }

    fn pipe(file: File) -> Self {
        let piece = Piece { data: Bytes::new(), rest: Some(Rest::Pipe(file)) };
        Self { path: PathBuf::new(), stamp: None, first: Mutex::new(First::Begun(piece)) }
    }

    /// True if it can be read again from its start.
    pub(super) const fn is_rewindable(&self) -> bool {
        self.stamp.is_some()
    }

    /// Copies a pipe to its end. Blocks.
    ///
    /// # Errors
    /// Reading or writing failed.
    pub(super) fn copy_to(self, out: &mut impl io::Write) -> io::Result<u64> {
        match self.first.into_inner().unwrap_or_else(PoisonError::into_inner) {
            First::Begun(Piece { rest: Some(Rest::Pipe(mut pipe)), .. }) => io::copy(&mut pipe, out),
            _ => Err(io::Error::other("only a pipe is copied")),
        }
    }

    /// The first piece, and for a second reader the same one again.
    fn begin(&self) -> Option<Piece> {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *first, First::Taken) {
            First::Whole(data) => {
                *first = First::Whole(data.clone());
                Some(Piece { data, rest: None })
            }
            First::Begun(piece) => Some(piece),
            First::Taken => None,
        }
    }

    fn reopen(&self) -> io::Result<Piece> {
        let rest = FileRest::open(&self.path)?;
        if Some(rest.stamp) != self.stamp {
            return Err(changed("it changed while it was sent"));
        }
        rest.next()
    }
}

impl FileRest {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(changed("it is no file any more"));
        }
        Ok(Self { stamp: Stamp::of(&metadata), file, read: 0 })
    }

    fn next(mut self) -> io::Result<Piece> {
        let wanted = PIECE.min(self.stamp.len - self.read);
        let mut data = Vec::with_capacity(usize::try_from(wanted).unwrap_or_default());
        let got = Read::by_ref(&mut self.file).take(wanted).read_to_end(&mut data)? as u64;
        self.read += got;
        if got < wanted {
            let (was, is) = (units::count(self.stamp.len), units::count(self.read));
            return Err(changed(&format!("it shrank from {was} to {is} bytes while it was sent")));
        }
        let ended = self.read == self.stamp.len;
        if ended {
            self.verify()?;
        }
        Ok(Piece { data: data.into(), rest: (!ended).then_some(Rest::File(self)) })
    }

    /// At its end it must be the file that it was at its beginning.
    fn verify(&mut self) -> io::Result<()> {
        let len = units::count(self.stamp.len);
        if self.file.read(&mut [0])? > 0 {
            return Err(changed(&format!("it has more than the {len} bytes it had when it was opened")));
        }
        let metadata = self.file.metadata()?;
        if metadata.nlink() == 0 {
            return Err(changed("it was deleted or replaced while it was sent"));
        }
        if Stamp::of(&metadata) != self.stamp {
            return Err(changed("it changed while it was sent"));
        }
        Ok(())
    }
}

impl Rest {
    fn next(self) -> io::Result<Piece> {
        match self {
            Self::File(rest) => rest.next(),
            Self::Pipe(mut pipe) => {
                let mut data = vec![0; PIECE as usize];
                let got = loop {
                    match pipe.read(&mut data) {
                        Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                        read => break read?,
                    }
                };
                // A pipe that trickles must not keep large buffers alive.
                data.truncate(got);
                data.shrink_to_fit();
                Ok(Piece { data: data.into(), rest: (got > 0).then_some(Self::Pipe(pipe)) })
            }
        }
    }
}

fn changed(why: &str) -> io::Error {
    io::Error::other(why)
}

/// The content as the body of a request; the next piece is read while one is sent.
pub(super) struct Content {
    state: State,
    left: Option<u64>,
}

enum State {
    Start(Arc<Source>),
    Ready(Piece),
    Reading(JoinHandle<io::Result<Piece>>),
    End,
}

impl Content {
    pub(super) fn new(source: Arc<Source>) -> Self {
        Self { left: source.stamp.map(|stamp| stamp.len), state: State::Start(source) }
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        loop {
            match &mut self.state {
                State::Start(source) => {
                    let source = Arc::clone(source);
                    self.state = match source.begin() {
                        Some(piece) => State::Ready(piece),
                        None => State::Reading(spawn_blocking(move || source.reopen())),
                    };
                }
                State::Reading(reading) => {
                    let piece = ready!(Pin::new(reading).poll(cx));
                    // Reading is never cancelled, so what ends it otherwise is a panic.
                    self.state = State::Ready(piece.map_err(io::Error::other)??);
                }
                State::Ready(piece) => {
                    let data = std::mem::take(&mut piece.data);
                    self.state = match piece.rest.take() {
                        Some(rest) => State::Reading(spawn_blocking(move || rest.next())),
                        None => State::End,
                    };
                    if !data.is_empty() {
                        return Poll::Ready(Ok(Some(data)));
                    }
                }
                State::End => return Poll::Ready(Ok(None)),
            }
        }
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match ready!(self.poll_data(cx)) {
            Ok(Some(data)) => {
                self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Ok(None) => Poll::Ready(None),
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use http_body_util::BodyExt;
    use tempfile::NamedTempFile;

    use super::*;

    fn file(len: usize) -> NamedTempFile {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(&pattern(len)).unwrap();
        file
    }

    fn pattern(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i % 251) as u8).collect()
    }

    fn content(file: &NamedTempFile) -> Content {
        Content::new(Arc::new(Source::open(file.path()).unwrap()))
    }

    async fn read(content: Content) -> Result<Vec<u8>, String> {
        content.collect().await.map(|all| all.to_bytes().to_vec()).map_err(|e| e.to_string())
    }

    #[tokio::test]
    async fn files_of_every_size_around_a_piece() {
        let piece = PIECE as usize;
        for len in [0, 1, piece - 1, piece, piece + 1, 2 * piece, 3 * piece + 7] {
            let file = file(len);
            let source = Arc::new(Source::open(file.path()).unwrap());
            for _ in 0..3 {
                let content = Content::new(Arc::clone(&source));
                assert_eq!(content.size_hint().exact(), Some(len as u64));
                assert!(read(content).await.unwrap() == pattern(len), "{len} bytes");
            }
        }
    }

    #[tokio::test]
    async fn a_file_that_shrinks_is_never_whole() {
        let file = file(3 * PIECE as usize);
        let content = content(&file);
        file.as_file().set_len(PIECE + 5).unwrap();
        assert_eq!(read(content).await.unwrap_err(), "it shrank from 786,432 to 262,149 bytes while it was sent");
    }

    #[tokio::test]
    async fn a_file_that_grows_is_never_whole() {
        let mut file = file(2 * PIECE as usize);
        let content = content(&file);
        file.write_all(b"more").unwrap();
        assert_eq!(read(content).await.unwrap_err(), "it has more than the 524,288 bytes it had when it was opened");
    }

    #[tokio::test]
    async fn a_file_that_changes_is_never_whole() {
        let mut file = file(2 * PIECE as usize);
        let content = content(&file);
        file.rewind().unwrap();
        file.write_all(b"changed").unwrap();
        let later = SystemTime::now() + std::time::Duration::from_secs(5);
        file.as_file().set_modified(later).unwrap();
        assert_eq!(read(content).await.unwrap_err(), "it changed while it was sent");
    }

    #[tokio::test]
    async fn a_file_that_vanishes_is_never_whole() {
        let file = file(2 * PIECE as usize);
        let content = content(&file);
        std::fs::remove_file(file.path()).unwrap();
        assert_eq!(read(content).await.unwrap_err(), "it was deleted or replaced while it was sent");
    }

    #[tokio::test]
    async fn a_second_reading_must_find_the_same_file() {
        let mut file = file(2 * PIECE as usize);
        let source = Arc::new(Source::open(file.path()).unwrap());
        read(Content::new(Arc::clone(&source))).await.unwrap();
        file.write_all(b"more").unwrap();
        assert_eq!(read(Content::new(source)).await.unwrap_err(), "it changed while it was sent");
    }

    #[test]
    fn what_cannot_be_opened() {
        let missing = Source::open(Path::new("/nonexistent/file"));
        assert_eq!(missing.err().map(|e| e.kind()), Some(io::ErrorKind::NotFound));
        assert!(Source::open(Path::new("/")).is_err(), "a folder");
    }

    #[tokio::test]
    async fn a_pipe_is_read_to_its_end() {
        let (reader, mut writer) = io::pipe().unwrap();
        let writing = std::thread::spawn(move || writer.write_all(&pattern(600_000)).unwrap());
        let source = Source::pipe(File::from(std::os::fd::OwnedFd::from(reader)));
        assert!(!source.is_rewindable());
        let content = Content::new(Arc::new(source));
        assert_eq!(content.size_hint().exact(), None);
        assert!(read(content).await.unwrap() == pattern(600_000));
        writing.join().unwrap();
    }
}
