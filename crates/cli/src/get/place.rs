//! Where content goes: standard output, or a file that has its name only when it is complete.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::TempPath;
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, Stdout};

/// How the name of what is not complete yet begins.
const TEMPORARY_PREFIX: &str = ".tenure-get-";

/// Where the content of one URL is to go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Stdout,
    File(PathBuf),
    /// It is read and not kept.
    Nowhere,
}

impl Place {
    /// Opens it.
    ///
    /// # Errors
    /// It cannot be written to.
    pub(super) async fn open(&self) -> io::Result<Sink> {
        let path = match self {
            Self::Stdout => return Ok(Sink::Stdout(tokio::io::stdout())),
            Self::Nowhere => return Ok(Sink::Nowhere),
            Self::File(path) => path.clone(),
        };
        tokio::task::spawn_blocking(move || open(&path)).await?
    }
}

/// An open place. Dropped before [`Sink::complete`], nothing has appeared under a file's name.
pub(super) enum Sink {
    Stdout(Stdout),
    Nowhere,
    /// A device or FIFO, which has no other name to write to first.
    Device(File),
    File {
        file: File,
        temporary: TempPath,
        name: PathBuf,
    },
}

fn open(path: &Path) -> io::Result<Sink> {
    // A link stays, and what it points to is replaced.
    let name = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match fs::metadata(&name) {
        Ok(metadata) if metadata.is_dir() => return Err(ErrorKind::IsADirectory.into()),
        Ok(metadata) if !metadata.is_file() => {
            return Ok(Sink::Device(File::from_std(OpenOptions::new().write(true).open(&name)?)));
        }
        _ => {}
    }
    let folder = match name.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut temporary = tempfile::Builder::new();
    // As any other new file; the process's umask takes away what it should.
    temporary.prefix(TEMPORARY_PREFIX).permissions(Permissions::from_mode(0o666));
    let (file, temporary) = temporary.tempfile_in(folder)?.into_parts();
    Ok(Sink::File { file: File::from_std(file), temporary, name })
}

impl Sink {
    pub(super) async fn write(&mut self, data: &Bytes) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.write_all(data).await,
            Self::Nowhere => Ok(()),
            Self::Device(file) | Self::File { file, .. } => file.write_all(data).await,
        }
    }

    /// All content was written: it is flushed, and a file gets its name.
    ///
    /// # Errors
    /// What was written could not be kept.
    pub(super) async fn complete(self) -> io::Result<()> {
        match self {
            Self::Stdout(mut out) => out.flush().await,
            Self::Nowhere => Ok(()),
            Self::Device(mut file) => file.flush().await,
            Self::File { mut file, temporary, name } => {
                file.flush().await?;
                tokio::task::spawn_blocking(move || temporary.persist(name).map_err(|e| e.error)).await?
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_file_has_its_name_only_when_it_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("name");
        let mut sink = Place::File(path.clone()).open().await.unwrap();
        sink.write(&Bytes::from_static(b"half")).await.unwrap();
        assert!(!path.exists());
        drop(sink);
        // The file's own writing may still be under way on another thread, but its name has gone.
        assert_eq!(entries(dir.path()), Vec::<String>::new());

        let mut sink = Place::File(path.clone()).open().await.unwrap();
        sink.write(&Bytes::from_static(b"whole")).await.unwrap();
        sink.complete().await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(entries(dir.path()), ["name"]);
    }

    #[tokio::test]
    async fn what_was_there_stays_until_the_new_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("name"), dir.path().join("link"));
        fs::write(&path, "old").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let mut sink = Place::File(link.clone()).open().await.unwrap();
        sink.write(&Bytes::from_static(b"new")).await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        sink.complete().await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(link.symlink_metadata().unwrap().is_symlink());
    }

    #[tokio::test]
    async fn devices_stay_devices_and_folders_folders() {
        let mut sink = Place::File("/dev/null".into()).open().await.unwrap();
        sink.write(&Bytes::from_static(b"x")).await.unwrap();
        sink.complete().await.unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let dir = tempfile::tempdir().unwrap();
        assert!(Place::File(dir.path().to_owned()).open().await.is_err());
        assert!(Place::File(dir.path().join("missing/name")).open().await.is_err());
    }
}
