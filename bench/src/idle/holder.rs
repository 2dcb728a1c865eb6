//! Idle clients in a process of their own: this program again, told what to do by pipe. One
//! process may have some 20,000 open files, so many connections need several.

use std::io::{self, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use crate::heads::Head;
use crate::process::Process;
use crate::sockets::{self, Connect, Path};

/// The name of the hidden subcommand that the child is started with.
pub(crate) const COMMAND: &str = "hold-connections";

const PATIENCE: Duration = Duration::from_secs(5);

/// The parent's side.
pub(crate) struct Holder {
    process: Process,
    pub(crate) count: u32,
}

impl Holder {
    /// A process for `count` connections, of which the first is number `first` of all.
    pub(crate) fn start(first: u32, count: u32) -> io::Result<Self> {
        let process = Process::start(Vec::new(), [COMMAND, &first.to_string(), &count.to_string()])?;
        Ok(Self { process, count })
    }

    /// Opens the connections one by one, each with a request and its answer.
    pub(crate) fn open(&mut self, server: SocketAddrV4, response: usize) -> io::Result<()> {
        self.process.ask(&format!("open {server} {response}"))?;
        self.process.number().map(drop)
    }

    /// How many are open, with nothing unread.
    pub(crate) fn quiet(&mut self) -> io::Result<u64> {
        self.process.ask("quiet")?;
        self.process.number()
    }

    /// Sends two requests on each of `count` connections (all, if there are fewer), the second
    /// when the first is answered; appends how long the answers took.
    pub(crate) fn wake(&mut self, count: u32, woken: &mut Vec<Duration>, hot: &mut Vec<Duration>) -> io::Result<()> {
        self.process.ask(&format!("wake {count}"))?;
        for _ in 0..self.process.number()? {
            woken.push(Duration::from_nanos(self.process.number()?));
            hot.push(Duration::from_nanos(self.process.number()?));
        }
        Ok(())
    }

    /// Resets the connections.
    pub(crate) fn stop(self) -> io::Result<()> {
        self.process.stop()
    }
}

/// The child's side.
pub(crate) fn run(first: u32, count: u32) -> io::Result<()> {
    let mut clients = Clients { streams: Vec::new(), answer: Vec::new() };
    for line in io::stdin().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["open", server, response] => {
                clients.answer = vec![0; parse(response)?];
                let connect = Connect { server: parse(server)?, path: Path::Loopback };
                for n in first..first + count {
                    clients.open(connect, n).map_err(|e| {
                        io::Error::new(e.kind(), format!("connection {} of these {count}: {e}", n - first + 1))
                    })?;
                }
                println!("{count}");
            }
            ["quiet"] => println!("{}", clients.streams.iter().filter(|stream| sockets::is_quiet(stream)).count()),
            ["wake", count] => clients.wake(parse(count)?)?,
            _ => return Err(io::Error::other(format!("`{line}` is no command of these clients"))),
        }
    }
    Ok(())
}

fn parse<T: std::str::FromStr>(word: &str) -> io::Result<T> {
    word.parse().map_err(|_| io::Error::other(format!("`{word}` is not what this command takes")))
}

struct Clients {
    streams: Vec<TcpStream>,
    /// As long as an answer.
    answer: Vec<u8>,
}

impl Clients {
    fn open(&mut self, connect: Connect, n: u32) -> io::Result<()> {
        let stream = connect.open(n)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        ask(&stream, &mut self.answer)?;
        self.streams.push(stream);
        Ok(())
    }

    fn wake(&mut self, count: usize) -> io::Result<()> {
        let count = count.clamp(1, self.streams.len());
        println!("{count}");
        // Evenly over all of them, so that they lie far apart in the server's memory.
        let chosen = (0..count).map(|n| n * self.streams.len() / count);
        for stream in chosen.map(|place| &self.streams[place]) {
            for _ in 0..2 {
                println!("{}", ask(stream, &mut self.answer)?.as_nanos());
            }
        }
        Ok(())
    }
}

/// One request and its answer; how long that took.
fn ask(mut stream: &TcpStream, answer: &mut [u8]) -> io::Result<Duration> {
    let start = Instant::now();
    stream.write_all(Head::Small.bytes())?;
    stream.read_exact(answer).map_err(|e| match e.kind() {
        io::ErrorKind::WouldBlock => io::Error::new(io::ErrorKind::TimedOut, "the server does not answer"),
        io::ErrorKind::UnexpectedEof => io::Error::new(e.kind(), "the server closed the connection"),
        _ => e,
    })?;
    Ok(start.elapsed())
}
