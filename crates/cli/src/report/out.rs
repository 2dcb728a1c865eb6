//! Where reports go. A reader that goes away, such as `head`, ends the output and not the work.

use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

use super::units;
use crate::output;

/// One of the standard streams.
pub(crate) struct Out {
    stream: Stream,
    /// The first error. After it nothing is written.
    failed: Mutex<Option<ErrorKind>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

impl Out {
    pub(crate) const fn new(stream: Stream) -> Self {
        Self { stream, failed: Mutex::new(None) }
    }

    /// How text for this stream is to be coloured.
    pub(crate) fn paint(&self) -> Paint {
        Paint {
            on: match self.stream {
                Stream::Stdout => output::color(&io::stdout()),
                Stream::Stderr => output::color(&io::stderr()),
            },
        }
    }

    /// Writes text at once.
    pub(crate) fn write(&self, text: &str) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.is_some() {
            return;
        }
        let result = match self.stream {
            Stream::Stdout => put(&mut io::stdout().lock(), text),
            Stream::Stderr => put(&mut io::stderr().lock(), text),
        };
        *failed = result.err().map(|e| e.kind());
    }

    /// What was written is incomplete for another reason than that its reader went away.
    pub(crate) fn is_damaged(&self) -> bool {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.is_some_and(|kind| kind != ErrorKind::BrokenPipe)
    }
}

/// One line for the user. If nobody reads it, so be it.
pub(crate) fn say(stream: Stream, line: &str) {
    Out::new(stream).write(&format!("{}\n", units::plain(line)));
}

fn put(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Colours, or none.
#[derive(Clone, Copy)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    #[cfg(test)]
    pub(crate) const NONE: Self = Self { on: false };

    pub(crate) fn bold(self, text: &str) -> String {
        self.code("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.code("2", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.code("32", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.code("31", text)
    }

    fn code(self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
