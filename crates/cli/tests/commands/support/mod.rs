//! What the tests of the commands share: the built program, a server whose every byte is written in
//! the test, and `tenure serve`.

mod peer;
mod serve;

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair};

pub(crate) use peer::{Got, Peer};
pub(crate) use serve::Serve;

/// The program, not yet started; what it writes by mistake does not land among the sources.
pub(crate) fn command<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenure"));
    command.args(args).env("NO_COLOR", "1").stdin(Stdio::null()).current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

/// Runs the program to its end.
pub(crate) fn tenure<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> Ran {
    Ran::of(&command(args).output().expect("the program runs"))
}

/// Looks again and again whether `done`, for as long as a slow machine may take; whether it was, in the end.
pub(crate) fn eventually(mut done: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    loop {
        if done() {
            return true;
        }
        if begun.elapsed() > Duration::from_secs(60) {
            return false;
        }
        // What is looked at happens in another process, which may need this processor.
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Ctrl-C.
pub(crate) fn interrupt(child: &Child) {
    signal(child, "INT");
}

/// Any signal, by its name.
pub(crate) fn signal(child: &Child, name: &str) {
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status().expect("a shell");
    assert!(status.success());
}

/// What the program said, and its exit code.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let ran = Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) };
        assert!(!ran.err.contains("panicked"), "{ran:?}");
        ran
    }

    /// Fails the test unless the program ended with this exit code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "standard output:\n{}standard error:\n{}", self.out, self.err);
        self
    }

    /// The lines of `--json`.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }

    /// The last line of `--json`.
    #[track_caller]
    pub(crate) fn summary(&self) -> serde_json::Value {
        self.json().pop().expect("a last line")["summary"].take()
    }
}

/// All files below a folder with their content, by their path in it.
pub(crate) fn tree(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below it").to_string_lossy().into_owned();
                files.push((name, std::fs::read(&path).expect("a file")));
            }
        }
    }
    files.sort();
    files
}

/// Writes files, with the folders they need.
pub(crate) fn write(folder: &Path, files: &[(&str, &[u8])]) {
    for (name, content) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(path, content).expect("a file");
    }
}

/// A new certificate for 127.0.0.1 and its key, as `cert.pem` and `key.pem` in `folder`: their paths.
pub(crate) fn self_signed(folder: &Path) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    write(folder, &[("cert.pem", cert.pem().as_bytes()), ("key.pem", key.serialize_pem().as_bytes())]);
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    (path("cert.pem"), path("key.pem"))
}
