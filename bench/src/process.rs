//! This program again, as a child process that is told what to do by pipe, one line at a time.
//!
//! The child ends when its standard input does, so that none outlives its parent.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running child.
pub(crate) struct Process {
    child: Child,
    /// Taken when the child is to end.
    ask: Option<ChildStdin>,
    told: BufReader<ChildStdout>,
}

impl Process {
    /// Starts this program with `arguments`, run by `wrapper` if that is not empty: another
    /// program's command line, to which this one's is appended.
    pub(crate) fn start<I>(wrapper: Vec<OsString>, arguments: I) -> io::Result<Self>
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        let mut line = wrapper;
        line.push(std::env::current_exe()?.into_os_string());
        line.extend(arguments.into_iter().map(Into::into));
        let mut child = Command::new(&line[0]).args(&line[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(ask), Some(told)) => Ok(Self { child, ask: Some(ask), told: BufReader::new(told) }),
            _ => Err(io::Error::other("the child's pipes are missing")),
        }
    }

    /// The process id: of the wrapper, if there is one.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends one line.
    pub(crate) fn ask(&mut self, line: &str) -> io::Result<()> {
        let Some(ask) = &mut self.ask else { return Err(io::Error::other("the child has ended")) };
        ask.write_all(format!("{line}\n").as_bytes())
    }

    /// Waits for the next line, which is a number.
    pub(crate) fn number(&mut self) -> io::Result<u64> {
        let mut line = String::new();
        self.told.read_line(&mut line)?;
        line.trim().parse().map_err(|_| io::Error::other("a child process has failed; its message is above"))
    }

    /// Ends the child and waits for it, so that what its wrapper writes is complete.
    pub(crate) fn stop(mut self) -> io::Result<()> {
        self.ask = None;
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("a child process ended with {status}"))) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.ask = None;
        // Nothing is left to be done about a child that cannot be waited for.
        drop(self.child.wait());
    }
}
