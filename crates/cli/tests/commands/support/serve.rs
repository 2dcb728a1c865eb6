//! `tenure serve`, running.

use std::cell::RefCell;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Stdio};

use super::{command, interrupt, signal};

/// `tenure serve` on a free port, until it is dropped.
pub(crate) struct Serve {
    child: Child,
    pub(crate) url: String,
    /// Kept open: the server may write to it.
    stderr: RefCell<BufReader<ChildStderr>>,
}

impl Serve {
    pub(crate) fn start<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> Self {
        let mut command = command(["serve", "--listen", "127.0.0.1:0"]);
        let mut child = command.args(args).stderr(Stdio::piped()).spawn().expect("the server starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("its standard error"));
        let mut line = String::new();
        stderr.read_line(&mut line).expect("its first line");
        let url = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}")).to_owned();
        Self { child, url, stderr: RefCell::new(stderr) }
    }

    /// Takes uploads into `folder`, and shows them.
    pub(crate) fn uploads(folder: &Path) -> Self {
        Self::start(["--uploads".as_ref(), folder.as_os_str()])
    }

    /// The next line on its standard error.
    pub(crate) fn says(&self) -> String {
        let mut line = String::new();
        self.stderr.borrow_mut().read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    /// Ctrl-C. Returns when the server has said that it ends.
    pub(crate) fn interrupt(&self) {
        interrupt(&self.child);
        let mut line = String::new();
        self.stderr.borrow_mut().read_line(&mut line).expect("a line");
        assert!(line.starts_with("finishing what is under way"), "{line}");
    }

    /// SIGHUP. What the server says to it.
    pub(crate) fn hang_up(&self) -> String {
        signal(&self.child, "HUP");
        let mut line = String::new();
        self.stderr.borrow_mut().read_line(&mut line).expect("a line");
        line
    }

    /// The exit code, when it has ended by itself.
    pub(crate) fn end(mut self) -> Option<i32> {
        self.child.wait().expect("its end").code()
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
