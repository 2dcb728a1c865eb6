//! `tenure send` against servers of every kind.

mod changing;
mod connections;
mod inputs;
mod journal;
mod outcomes;
mod report;
mod usage;

use std::path::Path;

use crate::support::{Got, Ran, command, write};

const CREATED: &str = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

/// A folder with three small files: `a`, `b`, `c`.
fn three() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &[("a", b"first"), ("b", b"second"), ("c", b"third")]);
    dir
}

/// `tenure send` in a folder.
fn send_in(dir: &Path, args: &[&str]) -> Ran {
    Ran::of(&command(["send"]).args(args).current_dir(dir).output().unwrap())
}

fn lines(requests: &[Got]) -> Vec<&str> {
    requests.iter().map(|got| got.line.as_str()).collect()
}
