//! What happened on each connection of an experiment, and when: what a page draws.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::ending::How;

/// Marks that are kept of one connection; beyond that only its end is.
const MARKS: usize = 4_096;
/// Characters of a line that are kept.
const LINE: usize = 80;

/// One experiment over time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Timeline {
    /// Its name.
    pub experiment: &'static str,
    /// When it began, since the run did.
    pub from: Duration,
    /// When it was over.
    pub to: Duration,
    /// Its connections, in the order of their making.
    pub tracks: Vec<Track>,
}

/// One connection over time.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Track {
    /// What happened, in order.
    pub marks: Vec<Mark>,
}

/// Something that happened on a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// Since the run began.
    pub at: Duration,
    /// What it was.
    pub what: What,
}

/// What can happen on a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// It was made, TLS included.
    Opened,
    /// The probe sent something.
    Sent {
        /// The first line of it, or a part of that.
        line: String,
        /// Bytes in all.
        bytes: usize,
    },
    /// An interim response came, as 100 (Continue).
    Interim {
        /// Its status code.
        status: u16,
    },
    /// A response was whole.
    Answered {
        /// Its status code.
        status: u16,
    },
    /// Bytes came that answer nothing, or that are no response.
    Said {
        /// The first line of them, or a part of that.
        line: String,
    },
    /// The server ended it by a FIN.
    ServerFin,
    /// The server ended it by a FIN without TLS's close_notify before it.
    ServerTruncated,
    /// The server ended it by a reset.
    ServerReset,
    /// The probe was done with it.
    Left,
}

impl From<How> for What {
    fn from(how: How) -> Self {
        match how {
            How::Fin => Self::ServerFin,
            How::Truncated => Self::ServerTruncated,
            How::Reset => Self::ServerReset,
        }
    }
}

/// Where the connections of one experiment are recorded.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    start: Instant,
    tracks: Arc<Mutex<Vec<Track>>>,
}

impl Recorder {
    /// `start`: when the run began.
    pub(crate) fn new(start: Instant) -> Self {
        Self { start, tracks: Arc::default() }
    }

    /// Records one more connection.
    pub(crate) fn track(&self) -> Pen {
        let number = self.with(|tracks| {
            tracks.push(Track::default());
            tracks.len() - 1
        });
        let pen = Pen { recorder: self.clone(), number };
        pen.mark(What::Opened);
        pen
    }

    /// All that was recorded, of an experiment that began at `from` and is over now.
    pub(crate) fn timeline(&self, experiment: &'static str, from: Instant) -> Timeline {
        let tracks = self.with(std::mem::take);
        Timeline { experiment, from: from - self.start, to: self.start.elapsed(), tracks }
    }

    fn with<T>(&self, f: impl FnOnce(&mut Vec<Track>) -> T) -> T {
        f(&mut self.tracks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Records one connection. Dropped with it.
#[derive(Debug)]
pub(crate) struct Pen {
    recorder: Recorder,
    number: usize,
}

impl Pen {
    pub(crate) fn mark(&self, what: What) {
        let at = self.recorder.start.elapsed();
        self.recorder.with(|tracks| {
            let Some(track) = tracks.get_mut(self.number) else { return };
            if track.marks.len() < MARKS || what.is_end() {
                track.marks.push(Mark { at, what });
            }
        });
    }
}

impl Drop for Pen {
    fn drop(&mut self) {
        self.mark(What::Left);
    }
}

impl What {
    /// That these bytes were sent.
    pub(crate) fn sent(bytes: &[u8]) -> Self {
        Self::Sent { line: first_line(bytes), bytes: bytes.len() }
    }

    /// That these bytes came and answer nothing.
    pub(crate) fn said(bytes: &[u8]) -> Self {
        Self::Said { line: first_line(bytes) }
    }

    const fn is_end(&self) -> bool {
        matches!(self, Self::ServerFin | Self::ServerTruncated | Self::ServerReset | Self::Left)
    }
}

fn first_line(bytes: &[u8]) -> String {
    let line = bytes.split(|&byte| byte == b'\r' || byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(line).chars().take(LINE).collect()
}
