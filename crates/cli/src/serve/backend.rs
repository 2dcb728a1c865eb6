//! The file system as `tower-http`'s `ServeDir` sees it: one folder, and nothing outside it.
//!
//! A path is resolved, links included, before anything is opened. What lies outside the folder does
//! not exist, and neither does what is no regular file (opening a named pipe would wait for ever).
//! Between the check and the opening somebody with an account on this machine could swap a folder
//! for a link; somebody with only HTTP cannot, since uploads never create links.
//!
//! A file is opened once, and what was opened is what is sent, by [`Body::from_file`]: with the length it
//! had then, so that what is appended later is left out, and a file that shrinks is an error and not a
//! short success.

use std::io::{self, ErrorKind, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::SystemTime;

use tenure::Body;
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tokio::task::spawn_blocking;
use tower_http::services::fs::{Backend, File, Metadata};

use super::validators;

/// A folder whose contents are served, to one request. `root` is absolute and free of links.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: Arc<Path>,
    opened: Opened,
}

impl Folder {
    /// What is opened for the request is found in `opened`.
    pub(super) fn new(root: Arc<Path>, opened: Opened) -> Self {
        Self { root, opened }
    }
}

/// The file that was opened for a request, if one was: of several tries, the last, which was right.
#[derive(Clone, Debug, Default)]
pub(super) struct Opened(Arc<Mutex<Option<Place>>>);

/// An open file, and where its content begins for the request.
#[derive(Debug)]
struct Place {
    file: std::fs::File,
    start: u64,
}

impl Opened {
    fn set(&self, file: std::fs::File) {
        *self.lock() = Some(Place { file, start: 0 });
    }

    fn seek(&self, start: u64) {
        if let Some(place) = &mut *self.lock() {
            place.start = start;
        }
    }

    fn position(&self) -> u64 {
        self.lock().as_ref().map_or(0, |place| place.start)
    }

    /// So much of it as content. `None` if no file was opened.
    pub(super) fn content(&self, len: u64) -> Option<io::Result<Body>> {
        let Place { file, start } = self.lock().take()?;
        // It has become shorter since: that is no fault of the request.
        Some(Body::from_file(file, start..start.saturating_add(len)).map_err(io::Error::other))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        let Self { root, opened } = self.clone();
        Box::pin(blocking(move || {
            let path = resolve(&root, &path)?;
            if !path.metadata()?.is_file() {
                return Err(ErrorKind::NotFound.into());
            }
            let file = std::fs::File::open(&path)?;
            let metadata = ServedMetadata(file.metadata()?);
            opened.set(file);
            Ok(ServedFile { opened, metadata })
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

/// An open file, and where what `ServeDir` wants of it begins.
///
/// `ServeDir` would read it piece by piece. It is left for [`Opened`] instead, from which the answer's
/// content is made, so that the server can have the kernel send it.
#[derive(Debug)]
pub(super) struct ServedFile {
    opened: Opened,
    metadata: ServedMetadata,
}

impl AsyncRead for ServedFile {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::Error::new(ErrorKind::Unsupported, "a served file is read by its answer's content")))
    }
}

impl AsyncSeek for ServedFile {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        match position {
            SeekFrom::Start(start) => self.opened.seek(start),
            SeekFrom::End(_) | SeekFrom::Current(_) => return Err(ErrorKind::Unsupported.into()),
        }
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.opened.position()))
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
