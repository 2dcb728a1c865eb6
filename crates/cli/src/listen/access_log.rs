//! The access log: lines go over a bounded queue to a thread that writes, so that a slow disk costs
//! lines, which are counted, and never a request's time.

mod line;

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tenure::{Exchanged, Observer};

/// Lines that may wait to be written: about 2 MB.
const QUEUE: usize = 8 * 1024;
/// How long the end of the program waits for the disk.
const LAST_LINES: Duration = Duration::from_secs(5);

enum Message {
    Line(String),
    End,
}

/// The observer that makes the lines.
pub(super) struct AccessLog {
    queue: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

/// The thread that writes them.
pub(super) struct Writer {
    queue: SyncSender<Message>,
    lost: Arc<AtomicU64>,
    /// Says when the thread has ended.
    ended: Receiver<()>,
}

/// Begins a log. `None` is standard error, `-` standard output; a file is appended to, so that it
/// can be rotated by copying and truncating it.
///
/// # Errors
/// The file cannot be opened.
pub(super) fn open(to: Option<&Path>) -> io::Result<(AccessLog, Writer)> {
    let out: Box<dyn Write + Send> = match to {
        None => Box::new(io::stderr()),
        Some(path) if path == "-" => Box::new(io::stdout()),
        Some(path) => Box::new(OpenOptions::new().create(true).append(true).open(path)?),
    };
    Ok(start(BufWriter::new(out), QUEUE))
}

fn start(out: impl Write + Send + 'static, capacity: usize) -> (AccessLog, Writer) {
    let (queue, lines) = sync_channel(capacity);
    let (end, ended) = channel();
    let lost = Arc::new(AtomicU64::new(0));
    let log = AccessLog { queue: queue.clone(), lost: Arc::clone(&lost) };
    let writer = Writer { queue, lost: Arc::clone(&lost), ended };
    thread::spawn(move || {
        write(out, &lines, &lost);
        // Nobody may wait.
        let _ = end.send(());
    });
    (log, writer)
}

impl Observer for AccessLog {
    fn exchanged(&self, exchange: &Exchanged<'_>) {
        let line = Message::Line(line::line(exchange, SystemTime::now()));
        if self.queue.try_send(line).is_err() {
            lose(&self.lost);
        }
    }
}

impl Writer {
    /// Writes what waits, for a bounded time. How many lines were lost in all.
    pub(super) fn finish(self) -> u64 {
        let until = Instant::now() + LAST_LINES;
        let mut end = Message::End;
        while let Err(TrySendError::Full(back)) = self.queue.try_send(end) {
            if Instant::now() >= until {
                break;
            }
            end = back;
            thread::sleep(Duration::from_millis(10));
        }
        // Too late, or ended: the program ends either way.
        let _ = self.ended.recv_timeout(until.saturating_duration_since(Instant::now()));
        self.lost.load(Ordering::Relaxed)
    }
}

/// Writes until the end; whatever is there at once goes out together.
fn write(mut out: impl Write, lines: &Receiver<Message>, lost: &AtomicU64) {
    let mut told = false;
    let mut note = |result: io::Result<()>| {
        if let Err(error) = result {
            lose(lost);
            if !std::mem::replace(&mut told, true) {
                eprintln!("tenure serve: the access log cannot be written, lines are lost: {error}");
            }
        }
    };
    let mut next = lines.recv().map_err(|_| TryRecvError::Disconnected);
    loop {
        match next {
            Ok(Message::Line(line)) => note(out.write_all(line.as_bytes())),
            Ok(Message::End) | Err(TryRecvError::Disconnected) => return note(out.flush()),
            Err(TryRecvError::Empty) => {
                note(out.flush());
                next = lines.recv().map_err(|_| TryRecvError::Disconnected);
                continue;
            }
        }
        next = lines.try_recv();
    }
}

fn lose(lost: &AtomicU64) {
    lost.fetch_add(1, Ordering::Relaxed);
    metrics::counter!("tenure.access_log.lost").increment(1);
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tenure::ConnectionInfo;
    use tenure::proto::Version;

    use super::*;

    fn tell(log: &AccessLog, request: u64) {
        let (age, idle) = (Duration::ZERO, Duration::ZERO);
        log.exchanged(&Exchanged {
            connection: ConnectionInfo {
                id: 1,
                request,
                peer: None,
                local: None,
                client: None,
                server: None,
                age,
                idle,
                tls: None,
                pipelined: None,
            },
            method: "GET",
            target: "/",
            version: Version::Http11,
            referer: None,
            user_agent: None,
            status: None,
            request_content: 0,
            response_content: 0,
            head_after: None,
            took: Duration::ZERO,
            is_complete: true,
        });
    }

    /// Takes a line only when it is let, and says that it waits.
    struct Slow {
        waits: std::sync::mpsc::Sender<()>,
        go: Receiver<()>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.waits.send(());
            let _ = self.go.recv();
            self.written.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_slow_disk_loses_lines_and_counts_them_and_nobody_waits() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let ((waits, waiting), (go, let_go)) = (channel(), channel());
        let (log, writer) = start(Slow { waits, go: let_go, written: Arc::clone(&written) }, 4);
        tell(&log, 1);
        waiting.recv().unwrap();
        // The first line is being written; four wait, and the others find the queue full.
        for request in 2..=10 {
            tell(&log, request);
        }
        drop(go);
        assert_eq!(writer.finish(), 5);
        let written = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        let numbers: Vec<_> =
            written.lines().map(|line| line.split(" request=").nth(1).unwrap().split(' ').next().unwrap()).collect();
        assert_eq!(numbers, ["1", "2", "3", "4", "5"]);
    }

    #[test]
    fn a_full_disk_is_counted_too() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (log, writer) = start(Full, 4);
        tell(&log, 1);
        assert_eq!(writer.finish(), 1);
    }

    #[test]
    fn a_file_is_appended_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        for request in 1..=2 {
            let (log, writer) = open(Some(&path)).unwrap();
            tell(&log, request);
            assert_eq!(writer.finish(), 0);
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
    }
}
