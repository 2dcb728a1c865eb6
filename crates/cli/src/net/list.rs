//! Lists in files: what to send, or to get.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use super::WrongUse;
use crate::report::units;

/// How the entries of a list end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By a line break, with or without a CR before it.
    Line,
    /// By a NUL.
    Null,
}

/// The entries of a list, empty ones left out; `-` is standard input. `option` names it in errors.
///
/// # Errors
/// It cannot be read.
pub(crate) fn list(option: &str, from: &Path, ended: Ended) -> Result<Vec<OsString>, WrongUse> {
    let wrong = |e: io::Error| WrongUse::new(format!("{option} {}: {e}", units::path(from)));
    let source: Box<dyn Read> =
        if from.as_os_str() == "-" { Box::new(io::stdin()) } else { Box::new(File::open(from).map_err(wrong)?) };
    let end = if ended == Ended::Null { 0 } else { b'\n' };
    let mut entries = Vec::new();
    for entry in BufReader::new(source).split(end) {
        let mut entry = entry.map_err(wrong)?;
        if ended == Ended::Line && entry.last() == Some(&b'\r') {
            entry.pop();
        }
        if !entry.is_empty() {
            entries.push(OsString::from_vec(entry));
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_bytes_between_their_ends() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("list");
        std::fs::write(&file, b"a b\r\n\n-\nc\xff\nlast").unwrap();
        let entries = list("--from", &file, Ended::Line).unwrap();
        assert_eq!(entries, ["a b".into(), "-".into(), OsString::from_vec(b"c\xff".to_vec()), "last".into()]);
        std::fs::write(&file, b"a\nb\0c\0").unwrap();
        assert_eq!(list("--from", &file, Ended::Null).unwrap(), ["a\nb", "c"]);
        let missing = list("--from", Path::new("/nonexistent"), Ended::Line);
        assert!(missing.unwrap_err().to_string().starts_with("--from /nonexistent: "));
    }
}
