//! The congestion window at the start of each upload: on a fresh connection, on a reused one, after
//! a pause.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde::Serialize;
use tenure::tcp_facts;

use super::UPLOAD;

/// Of a large upload: more than the window that a connection begins with.
const LARGE: usize = 256 << 10;
/// Uploads before the pause and after it.
const BEFORE: usize = 10;
const AFTER: usize = 5;
/// Longer than TCP's retransmission timeout, after which Linux takes a window for out of date.
const PAUSE: Duration = Duration::from_secs(1);

/// One connection with its uploads.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Window {
    /// Bytes of each upload.
    pub(super) bytes: usize,
    /// The algorithm of congestion control.
    pub(super) algorithm: String,
    /// `net.ipv4.tcp_slow_start_after_idle`.
    pub(super) restarts: bool,
    pub(super) uploads: Vec<Upload>,
}

/// One upload.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Upload {
    /// Segments that could be under way unacknowledged, when it began.
    pub(super) window: u32,
    pub(super) seconds: f64,
}

impl Window {
    pub(super) fn fresh(&self) -> Upload {
        self.uploads[0]
    }

    pub(super) fn reused(&self) -> Upload {
        self.uploads[BEFORE - 1]
    }

    pub(super) fn after_pause(&self) -> Upload {
        self.uploads[BEFORE]
    }
}

/// Small and large uploads, with the kernel's restart of idle windows and without; by reno, whose slow
/// start and restart are cubic's too, and by the machine's own algorithm if it is neither (bbr). In a
/// network namespace of one's own, whose settings these are.
pub(super) fn measure(address: SocketAddr) -> io::Result<Vec<Window>> {
    set("tcp_no_metrics_save", "1")?;
    let own = fs::read_to_string(setting("tcp_congestion_control"))?.trim().to_owned();
    let mut ways = vec![("reno", true), ("reno", false)];
    if !["reno", "cubic"].contains(&&*own) {
        ways.push((&own, true));
    }
    let mut windows = Vec::new();
    for bytes in [UPLOAD, LARGE] {
        for &(algorithm, restarts) in &ways {
            set("tcp_congestion_control", algorithm)?;
            set("tcp_slow_start_after_idle", if restarts { "1" } else { "0" })?;
            windows.push(Window {
                bytes,
                algorithm: algorithm.to_owned(),
                restarts,
                uploads: uploads(address, bytes)?,
            });
        }
    }
    Ok(windows)
}

fn setting(name: &str) -> String {
    format!("/proc/sys/net/ipv4/{name}")
}

fn set(name: &str, value: &str) -> io::Result<()> {
    let file = setting(name);
    fs::write(&file, value).map_err(|e| io::Error::new(e.kind(), format!("{file}: {e}")))
}

fn uploads(address: SocketAddr, bytes: usize) -> io::Result<Vec<Upload>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let content = vec![b'x'; bytes];
    (0..BEFORE + AFTER)
        .map(|n| {
            if n == BEFORE {
                std::thread::sleep(PAUSE);
            }
            let begun = Instant::now();
            // The kernel adjusts the window when the first bytes are sent, so they go first.
            write!(stream, "PUT /upload HTTP/1.1\r\nHost: {address}\r\nContent-Length: {bytes}\r\n\r\n")?;
            let window = tcp_facts(&stream)?.congestion_window;
            stream.write_all(&content)?;
            answer(&mut stream)?;
            Ok(Upload { window, seconds: begun.elapsed().as_secs_f64() })
        })
        .collect()
}

/// The head of a 204, which is all of it.
fn answer(stream: &mut TcpStream) -> io::Result<()> {
    let mut input = Vec::new();
    let mut piece = [0; 1024];
    while !input.ends_with(b"\r\n\r\n") {
        match stream.read(&mut piece)? {
            0 => return Err(io::Error::other("the server closed before it had answered")),
            n => input.extend_from_slice(&piece[..n]),
        }
    }
    if input.starts_with(b"HTTP/1.1 204 ") { Ok(()) } else { Err(io::Error::other("the answer is not 204")) }
}
