//! The wire log: the bytes of both directions of every connection, with times, as `--wire FILE`
//! saves them and `tenure explain FILE` reads them.
//!
//! Line by line, so that a person can read one too:
//!
//! ```text
//! tenure wire log 1
//! * 1 0.000102 opened 127.0.0.1:8080
//! > 1 0.001234 512
//! (512 bytes, then a line feed)
//! < 1 0.002001 38
//! (38 bytes, then a line feed)
//! * 1 0.002100 fin received
//! ```
//!
//! `>` is what this side, the client, sent and `<` what it received: connection number, seconds
//! since the log was begun, number of bytes. `*` is an event with its text. Under TLS the bytes are
//! the ones before encryption.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Event text: the connection is open; the address follows after a space.
pub(crate) const OPENED: &str = "opened";
/// Event text: the server closed its sending side; no byte will follow from it.
pub(crate) const FIN_RECEIVED: &str = "fin received";
/// Event text: the server reset the connection.
pub(crate) const RESET_RECEIVED: &str = "reset received";
/// Event text: this side closed the connection, or its sending side.
pub(crate) const FIN_SENT: &str = "fin sent";

const FIRST_LINE: &[u8] = b"tenure wire log 1\n";
/// What the first line of every version begins with.
const FAMILY: &[u8] = b"tenure wire log ";

/// Whose bytes, seen from the side that writes the log: a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    /// Requests.
    Sent,
    /// Responses.
    Received,
}

/// Writes a wire log. Shared by reference among all connections of a run.
///
/// The first error of the file is kept and nothing is written after it, so that a full disk
/// disturbs no transfer; [`WireLog::finish`] reports it.
pub(crate) struct WireLog<W: Write = BufWriter<File>> {
    started: Instant,
    /// One lock a record: records of different connections never mix.
    sink: Mutex<Sink<W>>,
}

struct Sink<W> {
    out: W,
    failed: Option<io::Error>,
}

impl WireLog {
    /// Creates or replaces the file. It is readable by its owner alone, since requests may carry
    /// passwords.
    ///
    /// # Errors
    /// The file cannot be created or written.
    pub(crate) fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Self::new(BufWriter::new(options.open(path)?))
    }
}

impl<W: Write> WireLog<W> {
    /// A log into `out`; its clock starts now.
    ///
    /// # Errors
    /// The first line cannot be written.
    pub(crate) fn new(mut out: W) -> io::Result<Self> {
        out.write_all(FIRST_LINE)?;
        Ok(Self { started: Instant::now(), sink: Mutex::new(Sink { out, failed: None }) })
    }

    /// The time for [`WireLog::record`] and [`WireLog::event`].
    pub(crate) fn since_start(&self) -> Duration {
        self.started.elapsed()
    }

    /// Notes bytes that were sent or received on the connection numbered `connection`.
    pub(crate) fn record(&self, connection: u64, direction: Direction, since_start: Duration, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let sign = match direction {
            Direction::Sent => '>',
            Direction::Received => '<',
        };
        let (time, len) = (Seconds(since_start), bytes.len());
        self.sink().write(|out| {
            writeln!(out, "{sign} {connection} {time} {len}")?;
            out.write_all(bytes)?;
            out.write_all(b"\n")
        });
    }

    /// Notes an event: one of the texts above, or any other text, which is shown as it is.
    pub(crate) fn event(&self, connection: u64, since_start: Duration, text: &str) {
        // A line break would end the record.
        let text = text.replace(|c: char| c.is_control(), " ");
        let time = Seconds(since_start);
        self.sink().write(|out| writeln!(out, "* {connection} {time} {text}"));
    }

    /// Writes out what is buffered. Call it when the run is over.
    ///
    /// # Errors
    /// The first error of this log, whenever it was. The file then ends early.
    pub(crate) fn finish(&self) -> io::Result<()> {
        let mut sink = self.sink();
        match sink.failed.take() {
            Some(error) => Err(error),
            None => sink.out.flush(),
        }
    }

    /// The writer, with everything written so far.
    pub(crate) fn into_inner(self) -> W {
        self.sink.into_inner().unwrap_or_else(PoisonError::into_inner).out
    }

    fn sink(&self) -> MutexGuard<'_, Sink<W>> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Write> Sink<W> {
    fn write(&mut self, write: impl FnOnce(&mut W) -> io::Result<()>) {
        if self.failed.is_none() {
            self.failed = write(&mut self.out).err();
        }
    }
}

struct Seconds(Duration);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:06}", self.0.as_secs(), self.0.subsec_micros())
    }
}

/// One entry of a wire log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Record<'a> {
    /// Which connection.
    pub(crate) connection: u64,
    /// Since the log was begun.
    pub(crate) since_start: Duration,
    /// What happened.
    pub(crate) entry: Entry<'a>,
}

/// What a [`Record`] tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Entry<'a> {
    /// Bytes went over the wire; never empty.
    Bytes(Direction, &'a [u8]),
    /// Something else happened.
    Event(Cow<'a, str>),
}

/// Why bytes are no wire log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct WireLogError {
    at: usize,
    what: &'static str,
}

impl std::fmt::Display for WireLogError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "damaged wire log at byte {}: {}", self.at, self.what)
    }
}

impl std::error::Error for WireLogError {}

/// True for what begins like a wire log, of whatever version.
pub(crate) fn is_wire_log(bytes: &[u8]) -> bool {
    bytes.starts_with(FAMILY)
}

/// Reads a wire log. The second value is true if its last record is cut short; the bytes that it
/// has are returned.
///
/// # Errors
/// An unknown version, or a record that cannot be read.
pub(crate) fn read(bytes: &[u8]) -> Result<(Vec<Record<'_>>, bool), WireLogError> {
    let Some(mut rest) = bytes.strip_prefix(FIRST_LINE) else {
        return Err(WireLogError { at: 0, what: "this program reads version 1, `tenure wire log 1`" });
    };
    let mut records = Vec::new();
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        let Some(feed) = rest.iter().position(|&b| b == b'\n') else { return Ok((records, true)) };
        let head = Head::parse(&rest[..feed]).map_err(|what| WireLogError { at, what })?;
        rest = &rest[feed + 1..];
        let Some(direction) = head.direction else {
            records.push(head.record(Entry::Event(String::from_utf8_lossy(head.last))));
            continue;
        };
        let len = number(head.last).and_then(|n| usize::try_from(n).ok());
        let len = len.ok_or(WireLogError { at, what: "the number of bytes is not a number" })?;
        let Some((data, after)) = rest.split_at_checked(len) else {
            records.extend((!rest.is_empty()).then(|| head.record(Entry::Bytes(direction, rest))));
            return Ok((records, true));
        };
        records.extend((len > 0).then(|| head.record(Entry::Bytes(direction, data))));
        rest = match after {
            [b'\n', after @ ..] => after,
            [] => return Ok((records, true)),
            _ => {
                let at = bytes.len() - after.len();
                return Err(WireLogError { at, what: "a record longer than it says" });
            }
        };
    }
    Ok((records, false))
}

/// The line before a record's bytes, or an event's whole line.
struct Head<'a> {
    /// `None`: an event.
    direction: Option<Direction>,
    connection: u64,
    since_start: Duration,
    last: &'a [u8],
}

impl<'a> Head<'a> {
    fn parse(line: &'a [u8]) -> Result<Self, &'static str> {
        let mut parts = line.splitn(4, |&b| b == b' ');
        let mut part = || parts.next().unwrap_or_default();
        let direction = match part() {
            b">" => Some(Direction::Sent),
            b"<" => Some(Direction::Received),
            b"*" => None,
            _ => return Err("a record that starts with none of `>`, `<` and `*`"),
        };
        let connection = number(part()).ok_or("the connection is not a number")?;
        let since_start = seconds(part()).ok_or("the time is not seconds with six decimals")?;
        Ok(Self { direction, connection, since_start, last: part() })
    }

    const fn record(&self, entry: Entry<'a>) -> Record<'a> {
        Record { connection: self.connection, since_start: self.since_start, entry }
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    // `parse` alone would take a sign.
    let plain = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()
}

fn seconds(text: &[u8]) -> Option<Duration> {
    let point = text.iter().position(|&b| b == b'.')?;
    let micros = Some(&text[point + 1..]).filter(|m| m.len() == 6).and_then(number)?;
    Some(Duration::from_secs(number(&text[..point])?) + Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(n: u64) -> Duration {
        Duration::from_micros(n)
    }

    #[test]
    fn what_is_written_is_read_again() {
        let log = WireLog::new(Vec::new()).unwrap();
        log.event(7, micros(1), "opened [::1]:80\nno second line");
        log.record(7, Direction::Sent, micros(1_234_567), b"GET / HTTP/1.1\r\n\r\n");
        log.record(8, Direction::Received, micros(2), b"> 1 0.000001 3\nabc\n");
        log.record(7, Direction::Received, micros(3), b"");
        log.event(8, micros(61_000_000), FIN_RECEIVED);
        log.finish().unwrap();
        let bytes = log.into_inner();

        assert!(
            bytes.starts_with(b"tenure wire log 1\n* 7 0.000001 opened [::1]:80 no second line\n> 7 1.234567 18\n")
        );
        let record = |connection, since, entry| Record { connection, since_start: micros(since), entry };
        let expected = vec![
            record(7, 1, Entry::Event("opened [::1]:80 no second line".into())),
            record(7, 1_234_567, Entry::Bytes(Direction::Sent, b"GET / HTTP/1.1\r\n\r\n")),
            record(8, 2, Entry::Bytes(Direction::Received, b"> 1 0.000001 3\nabc\n")),
            record(8, 61_000_000, Entry::Event(FIN_RECEIVED.into())),
        ];
        assert_eq!(read(&bytes), Ok((expected, false)));
    }

    #[test]
    fn a_log_that_is_cut_short_gives_what_it_has() {
        let whole = b"tenure wire log 1\n> 1 0.000001 3\nabc\n< 1 0.000002 4\ndefg\n";
        for len in FIRST_LINE.len() + 1..whole.len() {
            let (records, cut) = read(&whole[..len]).unwrap();
            let bytes: usize =
                records.iter().map(|r| if let Entry::Bytes(_, bytes) = r.entry { bytes.len() } else { 0 }).sum();
            // The first record is whole with its line feed, at 37 bytes.
            assert_eq!(cut, len != 37, "{len}");
            assert_eq!(bytes, len.saturating_sub(33).min(3) + len.saturating_sub(52).min(4), "{len}");
        }
    }

    #[test]
    fn a_damaged_log_is_refused_with_its_place() {
        let cases: [(&[u8], &str); 7] = [
            (b"tenure wire log 2\n", "at byte 0: this program reads version 1"),
            (b"tenure wire log 1\n? 1 0.000001 3\nabc\n", "at byte 18: a record that starts with none of"),
            (b"tenure wire log 1\n> +1 0.000001 3\nabc\n", "at byte 18: the connection is not a number"),
            (b"tenure wire log 1\n> 1 0.01 3\nabc\n", "at byte 18: the time is not seconds"),
            (b"tenure wire log 1\n> 1 0.000001 x\nabc\n", "at byte 18: the number of bytes is not a number"),
            (b"tenure wire log 1\n> 1 0.000001 2\nabc\n", "at byte 35: a record longer than it says"),
            (b"tenure wire log 1\n> 1 0.000001\nabc\n", "at byte 18: the number of bytes is not a number"),
        ];
        for (bytes, expected) in cases {
            let error = read(bytes).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_full_disk_is_reported_at_the_end_and_only_once() {
        /// Takes the first line and one byte.
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let taken = bytes.len().min(self.0);
                self.0 -= taken;
                if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let log = WireLog::new(Full(FIRST_LINE.len() + 1)).unwrap();
        log.record(1, Direction::Sent, micros(1), b"abc");
        log.event(1, micros(2), FIN_SENT);
        assert_eq!(log.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(log.finish().is_ok());
    }

    #[test]
    #[cfg(unix)]
    fn the_file_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = WireLog::create(&path).unwrap();
        log.event(1, log.since_start(), OPENED);
        log.finish().unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(std::fs::read_to_string(&path).unwrap().ends_with(" opened\n"));
    }
}
