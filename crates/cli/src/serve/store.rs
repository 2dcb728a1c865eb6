//! The folder of uploads: where a file will go, the file while it grows, and how it appears.
//!
//! All of this blocks and runs on blocking threads. A file grows under a hidden name (see
//! `path::TEMPORARY_PREFIX`) and gets its own name by one rename after its last byte was accepted,
//! so nobody ever sees a part of it; dropping it at any moment before removes it. The hidden file
//! lies in the nearest folder that exists already; missing folders are made together with the
//! rename, so that a failed upload leaves no empty ones behind. (Killing the process may leave the
//! hidden file itself.)
//!
//! Files are not synced to the disk before the answer: it would cost several milliseconds each, more
//! than all the rest of a small upload. An answer of 201 says that the file is complete and visible,
//! and not that it outlives a power failure.
//!
//! Symbolic links: a folder may be one if it leads to a folder inside. A file that is one is replaced
//! as a link and never written through, and not at all if it leads out of the uploads.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use http::StatusCode;
use http::header::HeaderValue;
use tempfile::{NamedTempFile, TempPath};

use super::answer::{Refusal, storing};
use super::backend::resolve;
use super::digest::{Digester, Stated};
use super::path::{RequestPath, TEMPORARY_PREFIX};
use super::validators::{Preconditions, entity_tag};

/// How many numbered variants of a taken name are tried (`a-1.txt`, `a-2.txt`, …) before a random
/// one is used: few enough that a thousand uploads of one name stay quick.
const NUMBERED_VARIANTS: u32 = 99;

/// The longest name, in bytes, of nearly every file system.
const NAME_MAX: usize = 255;

/// The folder of uploads.
#[derive(Debug)]
pub(super) struct Store {
    /// Absolute and free of links.
    root: PathBuf,
    /// Makes "check the preconditions, then rename" one step. It guards against other requests to
    /// this process; that another process changes the folder in between is accepted.
    commit: Mutex<()>,
}

/// What name an upload gets in its folder.
#[derive(Clone, Debug)]
pub(super) enum Naming {
    /// This name, replacing what has it: PUT.
    Exactly(String),
    /// This name, or a variant of it if it is taken: POST with a name.
    Near(String),
    /// A name made up here: POST to a folder.
    New,
}

/// Where an upload goes.
#[derive(Clone, Debug)]
pub(super) struct Destination {
    /// The folder: names below the root of the store.
    pub(super) folder: Vec<String>,
    /// The same folder in the server's name space, for `Location`.
    pub(super) url: RequestPath,
    pub(super) naming: Naming,
    pub(super) preconditions: Preconditions,
}

impl Destination {
    /// The path to name in messages.
    pub(super) fn shown(&self) -> String {
        match &self.naming {
            Naming::Exactly(name) | Naming::Near(name) => self.url.join(name).encoded(),
            Naming::New => self.url.encoded(),
        }
    }

    fn wanted(&self) -> Option<&str> {
        match &self.naming {
            Naming::Exactly(name) | Naming::Near(name) => Some(name),
            Naming::New => None,
        }
    }
}

/// A file that was stored.
#[derive(Debug)]
pub(super) struct Stored {
    /// Percent-encoded.
    pub(super) location: String,
    pub(super) len: u64,
    pub(super) replaced: bool,
    pub(super) entity_tag: Option<HeaderValue>,
}

/// A file being received.
#[derive(Debug)]
pub(super) struct Incoming {
    file: NamedTempFile,
    digester: Digester,
    len: u64,
    /// The folder it will appear in; its last names may be missing yet.
    folder: PathBuf,
}

/// A file that is complete under its hidden name, and closed.
#[derive(Debug)]
pub(super) struct Sealed {
    hidden: TempPath,
    folder: PathBuf,
    len: u64,
    entity_tag: Option<HeaderValue>,
}

impl Store {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, commit: Mutex::new(()) }
    }

    /// Finds every reason to refuse that is known before the content, and opens a hidden file.
    pub(super) fn begin(&self, to: &Destination, digester: Digester) -> Result<Incoming, Refusal> {
        let failed = |error: io::Error| storing(&error, &to.shown());
        let (existing, missing) = self.find_folder(to).map_err(failed)?;
        let folder = missing.iter().fold(existing.clone(), |path, name| path.join(name));
        if let Some(name) = to.wanted() {
            let current = self.current(&folder.join(name), to)?;
            check(to, current.as_ref())?;
        }
        let file = hidden_file(&existing).map_err(failed)?;
        Ok(Incoming { file, digester, len: 0, folder })
    }

    /// Whether a folder exists at these names below the root.
    pub(super) fn has_folder(&self, names: &[String]) -> bool {
        let path = names.iter().fold(self.root.clone(), |path, name| path.join(name));
        resolve(&self.root, &path).is_ok_and(|real| real.is_dir())
    }

    /// Gives a complete and verified file its name.
    pub(super) fn commit(&self, sealed: Sealed, to: &Destination) -> Result<Stored, Refusal> {
        let failed = |error: io::Error| storing(&error, &to.shown());
        let Sealed { hidden, folder, len, entity_tag } = sealed;
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let guard = self.commit.lock().unwrap_or_else(PoisonError::into_inner);
        let (name, replaced) = match &to.naming {
            Naming::Exactly(name) => {
                let target = folder.join(name);
                let current = self.current(&target, to)?;
                check(to, current.as_ref())?;
                hidden.persist(target).map_err(|error| failed(error.error))?;
                (name.clone(), current.is_some())
            }
            Naming::Near(name) => {
                check(to, self.current(&folder.join(name), to)?.as_ref())?;
                (first_free(hidden, &folder, name).map_err(failed)?, false)
            }
            Naming::New => {
                let name = format!("upload-{}", token(&hidden));
                (first_free(hidden, &folder, &name).map_err(failed)?, false)
            }
        };
        drop(guard);
        Ok(Stored { location: to.url.join(&name).encoded(), len, replaced, entity_tag })
    }

    /// Walks to the folder: as far as it exists, and the names that are missing.
    fn find_folder<'a>(&self, to: &'a Destination) -> io::Result<(PathBuf, &'a [String])> {
        let mut path = self.root.clone();
        for (at, name) in to.folder.iter().enumerate() {
            let next = path.join(name);
            match next.symlink_metadata() {
                Ok(found) if found.is_dir() => path = next,
                Ok(found) if found.is_symlink() => path = self.follow(&next)?,
                Ok(_) => return Err(ErrorKind::NotADirectory.into()),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    let missing = &to.folder[at..];
                    check_lengths(&path, missing, to.wanted())?;
                    return Ok((path, missing));
                }
                Err(error) => return Err(error),
            }
        }
        Ok((path, &[]))
    }

    /// The folder a link leads to, if it lies inside.
    fn follow(&self, link: &Path) -> io::Result<PathBuf> {
        let real = resolve(&self.root, link).map_err(|_| leads_out())?;
        if real.is_dir() { Ok(real) } else { Err(ErrorKind::NotADirectory.into()) }
    }

    /// What has the name now. A folder cannot be replaced, nor a link that leads out.
    fn current(&self, target: &Path, to: &Destination) -> Result<Option<Metadata>, Refusal> {
        let failed = |error: io::Error| storing(&error, &to.shown());
        let found = match target.symlink_metadata() {
            Ok(found) if found.is_symlink() => {
                resolve(&self.root, target).and_then(|real| real.metadata()).map_err(|_| failed(leads_out()))?
            }
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        if found.is_dir() {
            return Err(failed(ErrorKind::IsADirectory.into()));
        }
        Ok(Some(found))
    }
}

impl Incoming {
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digester.update(bytes);
        self.file.as_file_mut().write_all(bytes)?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Compares the content with the digests stated before and behind it. What was not computed
    /// while the content passed, because it was stated behind it, is read again.
    pub(super) fn verify(&mut self, stated: &Stated, to: &Destination) -> Result<(), Refusal> {
        if !self.digester.covers(stated) {
            let digester = Digester::for_stated(stated);
            self.digester = self.read_again(digester).map_err(|error| storing(&error, &to.shown()))?;
        }
        std::mem::take(&mut self.digester).verify(stated)
    }

    /// Closes the file, which has all its content.
    pub(super) fn seal(self, to: &Destination) -> Result<Sealed, Refusal> {
        // The kernel stamps files with a clock that ticks every few milliseconds. Two versions of
        // one size stored within a tick would get the same entity tag; this clock is finer.
        // A file system that refuses keeps its own time.
        let _ = self.file.as_file().set_modified(SystemTime::now());
        let metadata = self.file.as_file().metadata();
        let metadata = metadata.map_err(|error| storing(&error, &to.shown()))?;
        Ok(Sealed {
            entity_tag: entity_tag(&metadata),
            hidden: self.file.into_temp_path(),
            folder: self.folder,
            len: self.len,
        })
    }

    fn read_again(&mut self, digester: Digester) -> io::Result<Digester> {
        let file = self.file.as_file_mut();
        file.rewind()?;
        digester.read(file)
    }
}

fn check(to: &Destination, current: Option<&Metadata>) -> Result<(), Refusal> {
    to.preconditions.check(current).map_err(|why| {
        let shown = to.shown();
        Refusal::new(StatusCode::PRECONDITION_FAILED, format!("{shown} was not stored: {why}"))
    })
}

fn leads_out() -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, "a symbolic link leads out of the folder of uploads")
}

/// Lets the file system reject names it cannot hold before gigabytes are received for them.
fn check_lengths(existing: &Path, missing: &[String], file: Option<&str>) -> io::Result<()> {
    let names = || missing.iter().map(String::as_str).chain(file);
    let whole = names().fold(existing.to_owned(), |path, name| path.join(name));
    for path in names().map(|name| existing.join(name)).chain([whole]) {
        match path.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(_) => {}
        }
    }
    Ok(())
}

fn hidden_file(folder: &Path) -> io::Result<NamedTempFile> {
    // Opened here and not by `tempfile`: with the rights of any file its owner makes, and with
    // errors that do not tell the client where on this machine the folder is.
    let open = |path: &Path| File::options().read(true).write(true).create_new(true).open(path);
    tempfile::Builder::new().prefix(TEMPORARY_PREFIX).rand_bytes(12).make_in(folder, open)
}

/// The random part of a hidden name, which is unique in its folder already.
fn token(hidden: &Path) -> String {
    let name = hidden.file_name().unwrap_or_default().to_string_lossy();
    name.trim_start_matches(TEMPORARY_PREFIX).to_owned()
}

/// `a.txt`, `a-1.txt`, … `a-99.txt`, `a-TOKEN.txt`. A long name is cut to make room.
fn variants(name: &str, token: &str) -> impl Iterator<Item = String> {
    // A dot at the start hides a file and begins no extension.
    let dot = name.rfind('.').filter(|&at| at > 0).unwrap_or(name.len());
    let (stem, extension) = name.split_at(dot);
    let with = move |tail: String| {
        let room = NAME_MAX.saturating_sub(tail.len() + extension.len());
        format!("{}{tail}{extension}", &stem[..stem.floor_char_boundary(room)])
    };
    let tails = (1..=NUMBERED_VARIANTS).map(|number| format!("-{number}")).chain([format!("-{token}")]);
    std::iter::once(name.to_owned()).chain(tails.map(with))
}

/// Moves the file to the first variant of `wanted` that nothing has.
fn first_free(mut hidden: TempPath, folder: &Path, wanted: &str) -> io::Result<String> {
    let token = token(&hidden);
    for name in variants(wanted, &token) {
        match hidden.persist_noclobber(folder.join(&name)) {
            Ok(()) => return Ok(name),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => hidden = error.path,
            Err(error) => return Err(error.error),
        }
    }
    Err(io::Error::other("every variant of the name is taken"))
}
