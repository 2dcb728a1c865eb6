//! A server whose every byte is written in the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

/// A peer that is waited for longer than this is a failed test, not a slow one.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server whose connections are handled by the test, on a thread of its own.
pub(crate) struct Peer<T> {
    pub(crate) address: SocketAddr,
    script: JoinHandle<T>,
}

impl<T: Send + 'static> Peer<T> {
    pub(crate) fn new(script: impl FnOnce(Accept) -> T + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        Self { address, script: std::thread::spawn(move || script(Accept(listener))) }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The end of the script. One that still waits for a connection gets an empty one, and fails.
    #[track_caller]
    pub(crate) fn end(self) -> T {
        drop(TcpStream::connect(self.address));
        self.script.join().expect("the script of the peer came to its end")
    }
}

/// The listening side of a [`Peer`].
pub(crate) struct Accept(TcpListener);

impl Accept {
    pub(crate) fn next(&self) -> Conn {
        let (stream, _) = self.0.accept().expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        Conn(BufReader::new(stream))
    }
}

/// One accepted connection.
pub(crate) struct Conn(BufReader<TcpStream>);

/// A request as it came.
#[derive(Debug, Default)]
pub(crate) struct Got {
    pub(crate) line: String,
    pub(crate) fields: Vec<String>,
    pub(crate) content: Vec<u8>,
}

impl Got {
    /// The value of a field, lower-case name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find_map(|field| {
            let (found, value) = field.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

impl Conn {
    /// The head of the next request; `None` at the end of the connection.
    pub(crate) fn head(&mut self) -> Option<Got> {
        let mut got = Got { line: self.line()?, ..Got::default() };
        while let Some(line) = self.line().filter(|line| !line.is_empty()) {
            got.fields.push(line);
        }
        Some(got)
    }

    /// The next request with its content.
    #[track_caller]
    pub(crate) fn request(&mut self) -> Got {
        let mut got = self.head().expect("a request");
        if let Some(length) = got.field("content-length") {
            let length: usize = length.parse().expect("a length");
            got.content = vec![0; length];
            self.0.read_exact(&mut got.content).expect("all of the content");
        } else if got.field("transfer-encoding") == Some("chunked") {
            while let Some(size) = self.line() {
                let size = usize::from_str_radix(&size, 16).expect("a chunk size");
                let mut chunk = vec![0; size + 2];
                self.0.read_exact(&mut chunk).expect("all of the chunk");
                if size == 0 {
                    break;
                }
                got.content.extend_from_slice(&chunk[..size]);
            }
        }
        got
    }

    pub(crate) fn send(&mut self, bytes: &str) {
        self.0.get_mut().write_all(bytes.as_bytes()).expect("the client takes it");
    }

    /// A request with its content, answered.
    #[track_caller]
    pub(crate) fn answer(&mut self, response: &str) -> Got {
        let got = self.request();
        self.send(response);
        got
    }

    /// Sends until the client takes no more; how many bytes that were.
    pub(crate) fn fill(&mut self) -> u64 {
        let bytes = [b'x'; 64 * 1024];
        let mut count = 0;
        while self.0.get_mut().write_all(&bytes).is_ok() {
            count += bytes.len() as u64;
        }
        count
    }

    /// How many bytes come before the client closes. It may do that by a reset.
    pub(crate) fn drain(mut self) -> u64 {
        let mut buffer = vec![0; 64 * 1024];
        let mut count = 0;
        while let Ok(n @ 1..) = self.0.read(&mut buffer) {
            count += n as u64;
        }
        count
    }

    /// True if the client closes, having sent nothing more.
    pub(crate) fn is_closed(&mut self) -> bool {
        matches!(self.0.read(&mut [0]), Ok(0))
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let n = self.0.read_line(&mut line).ok()?;
        (n > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
    }
}
