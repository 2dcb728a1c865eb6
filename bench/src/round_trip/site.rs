//! nginx with one small answer for every path, over HTTP/1.1 on one port and over HTTP/2 on another.

use std::cell::Cell;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::contenders::daemon::{Daemon, free_port};
use crate::contenders::nginx;

/// Bytes of each answer's content.
pub(super) const CONTENT: usize = 100;

/// How long a line may take to its log.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) struct Site {
    daemon: Daemon,
    second: u16,
    log: PathBuf,
    /// Answers that were counted before.
    counted: Cell<usize>,
}

impl Site {
    pub(super) fn start() -> io::Result<Self> {
        let second = free_port()?;
        let mut log = PathBuf::new();
        let daemon = Daemon::start("nginx", &["-e", "stderr", "-c"], 0, |place| {
            log = place.directory.join("answers");
            let http = format!(
                "    log_format status '$status';
    access_log {log} status;
    default_type text/plain;
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{second} http2;
        location / {{ return 200 \"{content}\"; }}
    }}",
                log = log.display(),
                port = place.port,
                content = "x".repeat(CONTENT),
            );
            nginx::whole(place, 1, 64, &http)
        })?;
        Ok(Self { daemon, second, log, counted: Cell::new(0) })
    }

    pub(super) fn http1(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.daemon.port).into()
    }

    pub(super) fn http2(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.second).into()
    }

    /// Requests that were answered with 200 since the last call; waits a little for the log to be whole.
    pub(super) fn answered(&self) -> io::Result<usize> {
        let begun = Instant::now();
        let mut last = 0;
        loop {
            let all = fs::read_to_string(&self.log)?.lines().filter(|line| *line == "200").count();
            // It has stood still for a moment, or taken too long.
            if (all == last && all > self.counted.get()) || begun.elapsed() > PATIENCE {
                return Ok(all - self.counted.replace(all));
            }
            last = all;
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
