//! `--journal`: which files were stored, so that a second run sends only the rest.
//!
//! A file of lines that only grows. Before a POST a line says that it is being sent, and after it a
//! line says how it ended: so a run that dies in between leaves a trace, and that POST, which may have
//! been processed, is not sent again unasked. A PUT may be repeated (RFC 9110 section 9.2.2) and has
//! only the second line. What counts for a file is its last line.
//!
//! A line that was cut short by a crash is no line; the next one begins on its own.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::content::Stamp;
use crate::net::WrongUse;
use crate::report::units;

const FIRST_LINE: &str = "{\"tenure\":\"journal of send\",\"version\":1}\n";

/// How far it came with a file.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mark {
    /// The server answered 2xx.
    Stored,
    /// It was being sent; nothing else is known yet.
    Sending,
    /// Nobody can say whether the server processed it.
    Unknown,
    /// It is certain that the server did not store it.
    Failed,
}

/// One line.
#[derive(Serialize, Deserialize)]
struct Line {
    mark: Mark,
    #[serde(flatten)]
    entry: Entry,
}

/// A file, as it was, on its way to somewhere. If any of it differs it is another one.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize, Debug)]
pub(super) struct Entry {
    method: String,
    to: String,
    path: String,
    size: u64,
    /// Seconds since 1970, with all the file system's digits.
    modified: String,
}

impl Entry {
    pub(super) fn new(method: &http::Method, to: &http::Uri, path: &Path, stamp: Stamp) -> Self {
        // Without links followed or dots taken away: one file has one path for one user.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self {
            method: method.to_string(),
            to: to.to_string(),
            path: lossless(path.as_os_str()),
            size: stamp.len,
            modified: stamp.modified.map_or_else(String::new, seconds),
        }
    }
}

/// The open journal of a run.
pub(super) struct Journal {
    marks: HashMap<Entry, Mark>,
    file: Mutex<File>,
}

impl Journal {
    /// Opens or begins one, and keeps other runs from it.
    ///
    /// # Errors
    /// It cannot be used, is in use, or is some other file.
    pub(super) fn open(path: &Path) -> Result<Self, WrongUse> {
        let wrong = |why: &dyn std::fmt::Display| WrongUse::new(format!("--journal {}: {why}", units::path(path)));
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).open(path).map_err(|e| wrong(&e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(wrong(&"another run is using it")),
            Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(e)) => return Err(wrong(&e)),
        }
        let marks = read(&mut file).map_err(|e| wrong(&e))?;
        let marks = marks.ok_or_else(|| wrong(&"this file is no journal of tenure send; it was not touched"))?;
        repair(&mut file).map_err(|e| wrong(&e))?;
        Ok(Self { marks, file: Mutex::new(file) })
    }

    /// What earlier runs noted last about this file.
    pub(super) fn mark(&self, entry: &Entry) -> Option<Mark> {
        self.marks.get(entry).copied()
    }

    /// Adds a line, in one write.
    ///
    /// # Errors
    /// It could not be written.
    pub(super) fn note(&self, mark: Mark, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_string(&Line { mark, entry: entry.clone() })?;
        line.push('\n');
        self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes())
    }
}

/// All marks. `None` if this is something else than a journal.
fn read(file: &mut File) -> io::Result<Option<HashMap<Entry, Mark>>> {
    let mut marks = HashMap::new();
    let mut lines = BufReader::new(file);
    let mut first = Vec::new();
    lines.by_ref().take(FIRST_LINE.len() as u64).read_to_end(&mut first)?;
    // A run may have died while it wrote the first line.
    if !FIRST_LINE.as_bytes().starts_with(&first) {
        return Ok(None);
    }
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        if let Ok(Line { mark, entry }) = serde_json::from_slice(&line) {
            marks.insert(entry, mark);
        }
        line.clear();
    }
    Ok(Some(marks))
}

/// Ends a first or last line that was cut short.
fn repair(file: &mut File) -> io::Result<()> {
    let len = file.metadata()?.len();
    if len < FIRST_LINE.len() as u64 {
        return file.write_all(&FIRST_LINE.as_bytes()[len as usize..]);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

/// UTF-8 as it is; `%` and what is no UTF-8 as `%XX`. No two paths give the same text.
fn lossless(path: &OsStr) -> String {
    let mut text = String::new();
    for chunk in path.as_bytes().utf8_chunks() {
        text.push_str(&chunk.valid().replace('%', "%25"));
        text.extend(chunk.invalid().iter().map(|byte| format!("%{byte:02X}")));
    }
    text
}

fn seconds(time: SystemTime) -> String {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => format!("{}.{:09}", since.as_secs(), since.subsec_nanos()),
        Err(e) => format!("-{}.{:09}", e.duration().as_secs(), e.duration().subsec_nanos()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;

    struct Fixture {
        dir: tempfile::TempDir,
    }

    impl Fixture {
        fn new() -> Self {
            Self { dir: tempfile::tempdir().unwrap() }
        }

        fn path(&self) -> PathBuf {
            self.dir.path().join("journal")
        }

        fn entry(&self, name: &str, len: usize) -> Entry {
            let path = self.dir.path().join(name);
            let file = File::create(&path).unwrap();
            file.set_len(len as u64).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::new(1_700_000_000, 5)).unwrap();
            let stamp = Stamp::of(&file.metadata().unwrap());
            Entry::new(&http::Method::POST, &"http://h/in".parse().unwrap(), &path, stamp)
        }
    }

    #[test]
    fn the_last_line_counts() {
        let fixture = Fixture::new();
        let (a, b, c) = (fixture.entry("a", 1), fixture.entry("b\n\"%", 2), fixture.entry("c", 3));
        let journal = Journal::open(&fixture.path()).unwrap();
        assert_eq!(journal.mark(&a), None);
        for (mark, entry) in [(Mark::Sending, &a), (Mark::Stored, &a), (Mark::Sending, &b), (Mark::Failed, &c)] {
            journal.note(mark, entry).unwrap();
        }
        drop(journal);
        let journal = Journal::open(&fixture.path()).unwrap();
        let marks = [&a, &b, &c].map(|entry| journal.mark(entry));
        assert_eq!(marks, [Some(Mark::Stored), Some(Mark::Sending), Some(Mark::Failed)]);
    }

    #[test]
    fn a_changed_file_is_another_one() {
        let fixture = Fixture::new();
        let entry = fixture.entry("a", 1);
        let journal = Journal::open(&fixture.path()).unwrap();
        journal.note(Mark::Stored, &entry).unwrap();
        drop(journal);
        let journal = Journal::open(&fixture.path()).unwrap();
        assert_eq!(journal.mark(&fixture.entry("a", 1)), Some(Mark::Stored));
        assert_eq!(journal.mark(&fixture.entry("a", 2)), None, "its size");
        let later = Entry { modified: "1700000000.000000006".into(), ..entry.clone() };
        assert_eq!(entry.modified, "1700000000.000000005");
        assert_eq!(journal.mark(&later), None, "its time");
        assert_eq!(journal.mark(&Entry { to: "http://h/other".into(), ..entry.clone() }), None, "its target");
        assert_eq!(journal.mark(&Entry { method: "PUT".into(), ..entry }), None, "the method");
    }

    #[test]
    fn a_crash_at_any_byte_costs_at_most_the_last_line() {
        let fixture = Fixture::new();
        let (a, b) = (fixture.entry("a", 1), fixture.entry("b", 2));
        let journal = Journal::open(&fixture.path()).unwrap();
        journal.note(Mark::Stored, &a).unwrap();
        let before = std::fs::metadata(fixture.path()).unwrap().len() as usize;
        journal.note(Mark::Stored, &b).unwrap();
        drop(journal);
        let whole = std::fs::read(fixture.path()).unwrap();
        for cut in 0..=whole.len() {
            std::fs::write(fixture.path(), &whole[..cut]).unwrap();
            let journal = Journal::open(&fixture.path()).unwrap_or_else(|e| panic!("cut at {cut}: {e}"));
            // The line break alone may be missing.
            assert_eq!(journal.mark(&a).is_some(), cut + 1 >= before, "cut at {cut}");
            assert_eq!(journal.mark(&b).is_some(), cut + 1 >= whole.len(), "cut at {cut}");
            journal.note(Mark::Unknown, &b).unwrap();
            drop(journal);
            let journal = Journal::open(&fixture.path()).unwrap();
            assert_eq!(journal.mark(&b), Some(Mark::Unknown), "after a cut at {cut}");
        }
    }

    #[test]
    fn other_files_are_not_touched() {
        let fixture = Fixture::new();
        std::fs::write(fixture.path(), "a photo").unwrap();
        assert!(Journal::open(&fixture.path()).err().unwrap().to_string().contains("no journal"));
        assert_eq!(std::fs::read(fixture.path()).unwrap(), b"a photo");
    }

    #[test]
    fn two_runs_cannot_share_one() {
        let fixture = Fixture::new();
        let first = Journal::open(&fixture.path()).unwrap();
        assert!(Journal::open(&fixture.path()).err().unwrap().to_string().contains("another run"));
        drop(first);
        assert!(Journal::open(&fixture.path()).is_ok());
    }

    #[test]
    fn paths_that_are_no_text_are_kept_apart() {
        let of = |bytes: &[u8]| lossless(OsStr::from_bytes(bytes));
        assert_eq!(of("größe%".as_bytes()), "größe%25");
        assert_eq!(of(b"caf\xe9"), "caf%E9");
        assert_ne!(of(b"caf%E9"), of(b"caf\xe9"));
    }
}
