//! The file system as `tower-http`'s `ServeDir` sees it: one folder, and nothing outside it.
//!
//! A path is resolved, links included, before anything is opened. What lies outside the folder does
//! not exist, and neither does what is no regular file (opening a named pipe would wait for ever).
//! Between the check and the opening somebody with an account on this machine could swap a folder
//! for a link; somebody with only HTTP cannot, since uploads never create links.
//!
//! A file is sent with the length it had when it was opened: what is appended later is left out, and
//! a file that shrinks is an error and not a short success.

use std::io::{self, ErrorKind, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeek, ReadBuf, Take};
use tokio::task::spawn_blocking;
use tower_http::services::fs::{Backend, File, Metadata};

use super::validators;

/// A folder whose contents are served. `root` is absolute and free of links.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: Arc<Path>,
}

impl Folder {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.into() }
    }
}

/// Resolves every link in `path`; an error unless the result exists and lies in `root`.
pub(super) fn resolve(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let real = path.canonicalize().map_err(absent)?;
    if real.starts_with(root) {
        Ok(real)
    } else {
        Err(io::Error::new(ErrorKind::NotFound, "a symbolic link leads out of the served folder"))
    }
}

/// Makes "not found" of what cannot exist under that name: `ServeDir` falls back from a compressed
/// variant to the file only then, and the name of the variant is longer.
fn absent(error: io::Error) -> io::Error {
    // ELOOP, a link that leads to itself; its `ErrorKind` is not stable yet.
    let link_loop = if cfg!(target_os = "linux") { 40 } else { 62 };
    let looping = cfg!(unix) && error.raw_os_error() == Some(link_loop);
    if looping || matches!(error.kind(), ErrorKind::InvalidFilename | ErrorKind::NotADirectory) {
        return io::Error::new(ErrorKind::NotFound, error);
    }
    error
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

impl Backend for Folder {
    type File = ServedFile;
    type Metadata = ServedMetadata;
    type OpenFuture = BoxFuture<ServedFile>;
    type MetadataFuture = BoxFuture<ServedMetadata>;

    fn open(&self, path: PathBuf) -> Self::OpenFuture {
        let root = self.root.clone();
        Box::pin(blocking(move || {
            let path = resolve(&root, &path)?;
            if !path.metadata()?.is_file() {
                return Err(ErrorKind::NotFound.into());
            }
            let file = std::fs::File::open(&path)?;
            let metadata = ServedMetadata(file.metadata()?);
            Ok(ServedFile { reader: tokio::fs::File::from_std(file).take(metadata.len()), metadata })
        }))
    }

    fn metadata(&self, path: PathBuf) -> Self::MetadataFuture {
        let root = self.root.clone();
        Box::pin(blocking(move || {
            let metadata = resolve(&root, &path)?.metadata()?;
            if metadata.is_file() || metadata.is_dir() {
                Ok(ServedMetadata(metadata))
            } else {
                Err(ErrorKind::NotFound.into())
            }
        }))
    }
}

/// Runs `work` where waiting for a disk holds nobody up.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

/// An open file, cut off at the length it had when it was opened.
#[derive(Debug)]
pub(super) struct ServedFile {
    reader: Take<tokio::fs::File>,
    metadata: ServedMetadata,
}

impl AsyncRead for ServedFile {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let wanted = buf.remaining() > 0 && self.reader.limit() > 0;
        ready!(Pin::new(&mut self.reader).poll_read(cx, buf))?;
        if wanted && buf.filled().len() == before {
            return Poll::Ready(Err(io::Error::new(
                ErrorKind::UnexpectedEof,
                "the file became shorter while it was sent",
            )));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for ServedFile {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        Pin::new(self.reader.get_mut()).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        // The cut-off still counts from where the file was opened: `ServeDir` seeks to read a range,
        // and reads no more than that.
        Pin::new(self.reader.get_mut()).poll_complete(cx)
    }
}

impl File for ServedFile {
    type Metadata = ServedMetadata;
    type MetadataFuture<'a> = std::future::Ready<io::Result<ServedMetadata>>;

    fn metadata(&self) -> Self::MetadataFuture<'_> {
        std::future::ready(Ok(self.metadata.clone()))
    }
}

/// What the file system says of a file, without times HTTP cannot write.
#[derive(Clone, Debug)]
pub(super) struct ServedMetadata(std::fs::Metadata);

impl Metadata for ServedMetadata {
    fn is_dir(&self) -> bool {
        self.0.is_dir()
    }

    fn modified(&self) -> io::Result<SystemTime> {
        validators::modified(&self.0).ok_or_else(|| ErrorKind::Unsupported.into())
    }

    fn len(&self) -> u64 {
        self.0.len()
    }
}
