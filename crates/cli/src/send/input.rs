//! What is to be sent: files, folders, pipes and lists of them, looked at before anything is sent.
//! Nothing is left out in silence: what cannot be sent is a failure with its reason.

use std::fs::{self, FileType, Metadata};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::content::Stamp;
use crate::net::WrongUse;
use crate::report::{Failure, units};

/// One thing to send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Input {
    /// As given or found; `stdin` for standard input.
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// As it was when it was looked at.
    File(Stamp),
    /// A FIFO, a device, a process substitution of the shell.
    Pipe,
    Stdin,
}

/// Everything that was given, in order, folders by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Inputs {
    pub(super) files: Vec<Input>,
    /// What cannot be sent, and why.
    pub(super) unusable: Vec<(PathBuf, Failure)>,
}

impl Input {
    /// For people.
    pub(super) fn name(&self) -> String {
        units::path(&self.path)
    }

    /// Its length, where that is known.
    pub(super) const fn len(&self) -> Option<u64> {
        match self.kind {
            Kind::File(stamp) => Some(stamp.len),
            Kind::Pipe | Kind::Stdin => None,
        }
    }
}

impl Inputs {
    /// Adds what is named on the command line, where `-` is standard input.
    ///
    /// # Errors
    /// It does not exist: before anything is sent, a typing error is better told than worked around.
    pub(super) fn add_argument(&mut self, path: &Path) -> Result<(), WrongUse> {
        if path.as_os_str() == "-" {
            if self.files.iter().any(|input| input.kind == Kind::Stdin) {
                return Err(WrongUse::new("standard input (-) can be sent only once"));
            }
            self.files.push(Input { path: "stdin".into(), kind: Kind::Stdin });
            return Ok(());
        }
        match fs::metadata(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let name = units::path(path);
                let hint = if name.contains("://") { "; --to takes the URL to send to" } else { "" };
                Err(WrongUse::new(format!("{name}: there is no such file or folder{hint}")))
            }
            metadata => {
                self.add(path, metadata);
                Ok(())
            }
        }
    }

    /// Adds what a list names: what has gone since it was written is a failure among others.
    pub(super) fn add_listed(&mut self, path: &Path) {
        self.add(path, fs::metadata(path));
    }

    fn add(&mut self, path: &Path, metadata: io::Result<Metadata>) {
        match metadata {
            Err(e) => self.fail(path, unreadable(&e)),
            Ok(metadata) if metadata.is_dir() => self.walk(path),
            Ok(metadata) if metadata.is_file() => self.file(path, &metadata),
            Ok(metadata) if metadata.file_type().is_socket() => self.fail(path, unsendable(metadata.file_type())),
            Ok(_) => self.files.push(Input { path: path.to_owned(), kind: Kind::Pipe }),
        }
    }

    fn walk(&mut self, root: &Path) {
        for entry in WalkDir::new(root).sort_by_file_name() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(e) => {
                    let path = e.path().unwrap_or(root).to_owned();
                    let failure = e.io_error().map_or_else(|| Failure::new(e.to_string()), unreadable);
                    self.fail(&path, failure);
                    continue;
                }
            };
            let (path, kind) = (entry.path(), entry.file_type());
            if kind.is_dir() {
            } else if kind.is_symlink() {
                self.link(root, path);
            } else if kind.is_file() {
                match fs::symlink_metadata(path) {
                    Ok(metadata) => self.file(path, &metadata),
                    Err(e) => self.fail(path, unreadable(&e)),
                }
            } else {
                self.fail(path, unsendable(kind).advice("name it on the command line if it is to be sent"));
            }
        }
    }

    /// A link inside a folder stands for its file if that is in the folder too.
    fn link(&mut self, root: &Path, path: &Path) {
        let target =
            fs::canonicalize(path).and_then(|target| Ok((fs::metadata(&target)?, target, fs::canonicalize(root)?)));
        let outside = "name it on the command line if it is to be sent";
        match target {
            Err(e) if e.kind() == io::ErrorKind::NotFound => self.fail(path, Failure::new("a link that leads nowhere")),
            Err(e) => self.fail(path, unreadable(&e)),
            Ok((_, target, root)) if !target.starts_with(&root) => {
                let what = format!("a link that leads out of the folder, to {}", units::path(&target));
                self.fail(path, Failure::new(what).advice(outside));
            }
            Ok((metadata, ..)) if metadata.is_file() => self.file(path, &metadata),
            Ok((metadata, ..)) if metadata.is_dir() => {
                self.fail(path, Failure::new("a link to a folder is not followed").advice(outside));
            }
            Ok((metadata, ..)) => self.fail(path, unsendable(metadata.file_type()).advice(outside)),
        }
    }

    fn file(&mut self, path: &Path, metadata: &Metadata) {
        self.files.push(Input { path: path.to_owned(), kind: Kind::File(Stamp::of(metadata)) });
    }

    fn fail(&mut self, path: &Path, failure: Failure) {
        self.unusable.push((path.to_owned(), failure));
    }
}

/// Why a file cannot be read, with what to do about it.
pub(super) fn unreadable(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => Failure::new("it does not exist any more"),
        io::ErrorKind::PermissionDenied => {
            Failure::new("it may not be read (permission denied)").advice("change its permissions, or run as its owner")
        }
        _ => Failure::new(error.to_string()),
    }
}

fn unsendable(kind: FileType) -> Failure {
    let what = if kind.is_socket() {
        "a socket has no content that could be sent"
    } else if kind.is_fifo() {
        "a FIFO in a folder is not read, since it may never end"
    } else {
        "a device in a folder is not read, since it may never end"
    };
    Failure::new(what)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn names(inputs: &Inputs, root: &Path) -> Vec<String> {
        inputs.files.iter().map(|i| i.path.strip_prefix(root).unwrap().display().to_string()).collect()
    }

    #[test]
    fn a_folder_is_walked_in_order_and_nothing_is_left_out_in_silence() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("b/deep")).unwrap();
        for name in ["c", "b/2", "b/1", "b/deep/x", ".hidden", "a b"] {
            fs::write(root.join(name), name).unwrap();
        }
        symlink("c", root.join("link")).unwrap();
        symlink("nowhere", root.join("dangling")).unwrap();
        symlink("/etc/hostname", root.join("outward")).unwrap();
        symlink("b", root.join("folder")).unwrap();
        symlink(".", root.join("b/loop")).unwrap();
        let _socket = UnixListener::bind(root.join("socket")).unwrap();

        let mut inputs = Inputs::default();
        inputs.add_argument(root).unwrap();
        assert_eq!(names(&inputs, root), [".hidden", "a b", "b/1", "b/2", "b/deep/x", "c", "link"]);
        let mut failed: Vec<(String, String)> = inputs
            .unusable
            .iter()
            .map(|(path, failure)| (path.strip_prefix(root).unwrap().display().to_string(), failure.what.clone()))
            .collect();
        failed.sort();
        let failed: Vec<(&str, &str)> = failed.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let outward = fs::canonicalize("/etc/hostname").unwrap();
        let outward = format!("a link that leads out of the folder, to {}", outward.display());
        assert_eq!(
            failed,
            [
                ("b/loop", "a link to a folder is not followed"),
                ("dangling", "a link that leads nowhere"),
                ("folder", "a link to a folder is not followed"),
                ("outward", outward.as_str()),
                ("socket", "a socket has no content that could be sent"),
            ]
        );
    }

    #[test]
    fn links_that_are_named_are_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "123").unwrap();
        symlink(&file, &link).unwrap();
        let mut inputs = Inputs::default();
        inputs.add_argument(&link).unwrap();
        assert_eq!((inputs.files.len(), inputs.files[0].len()), (1, Some(3)));
    }

    #[test]
    fn what_does_not_exist_is_wrong_use_as_an_argument_and_a_failure_in_a_list() {
        let mut inputs = Inputs::default();
        let missing = Path::new("/nonexistent/x");
        assert!(inputs.add_argument(missing).unwrap_err().to_string().contains("no such file"));
        inputs.add_listed(missing);
        assert_eq!(inputs.unusable.len(), 1);
        inputs.add_argument(Path::new("-")).unwrap();
        assert!(inputs.add_argument(Path::new("-")).is_err());
        inputs.add_argument(Path::new("/dev/null")).unwrap();
        assert_eq!(inputs.files[1].kind, Kind::Pipe);
    }
}
