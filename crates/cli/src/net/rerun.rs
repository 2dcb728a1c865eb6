//! Tests of what one process passes to another: the test program starts itself again, as the other.

use std::process::{Command, Stdio};

/// The ignored test `test` (its full path) in a process of its own.
pub(super) fn rerun(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}
