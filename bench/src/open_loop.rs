//! A client at a fixed rate: each request has a time when it is due, whatever became of those
//! before, and its wait counts from then. So a server that stalls is charged for every request
//! that should have been sent meanwhile.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use serde::Serialize;

use crate::latency::Latency;
use crate::spread::Spread;

/// Requests due in this span at the beginning are not counted: connections are accepted in it.
const WARM_UP: Duration = Duration::from_millis(200);
/// How long the last answers are waited for.
const PATIENCE: Duration = Duration::from_secs(5);
const EVENTS: usize = 256;
const READ: usize = 64 * 1024;
/// The timer's place among the connections.
const TIMER: u64 = u64::MAX;

/// What to ask, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) connections: usize,
    /// Requests a second, over all connections in turn.
    pub(crate) rate: u32,
    pub(crate) span: Duration,
    /// Every so many requests one is sent on a new connection; its wait includes the connecting.
    pub(crate) renew: Option<u32>,
    pub(crate) request: &'static [u8],
    /// How long each response is, byte for byte.
    pub(crate) response: usize,
}

impl Pace {
    /// How many are sent, those that warm up included.
    pub(crate) fn requests(&self) -> u32 {
        let gap = Duration::from_secs(1) / self.rate;
        u32::try_from((self.span + WARM_UP).as_nanos() / gap.as_nanos()).unwrap_or(u32::MAX)
    }
}

/// What became of the requests.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(crate) struct Outcome {
    #[serde(flatten)]
    pub(crate) latency: Latency,
    /// The p99 of the median second, in microseconds: whatever disturbs the machine now and then
    /// does not show in it, what the server does all the time does.
    pub(crate) usual_p99: f64,
    /// Requests without an answer: the connection was closed, or nothing came for five seconds.
    pub(crate) failed: u64,
}

/// Asks at the given pace and waits for the last answers.
///
/// # Errors
/// The server cannot be connected to, or no request at all was answered.
pub(crate) fn run(address: SocketAddr, pace: Pace) -> io::Result<Outcome> {
    let mut client = Client::connect(address, pace)?;
    let start = Instant::now();
    let gap = Duration::from_secs(1) / pace.rate;
    client.counted_from = start + WARM_UP;
    for n in 0..pace.requests() {
        let due = start + gap * n;
        while Instant::now() < due {
            client.turn()?;
        }
        client.request(n, due)?;
    }
    let end = Instant::now() + PATIENCE;
    while client.peers.iter().any(|peer| !peer.due.is_empty()) && Instant::now() < end {
        client.turn()?;
    }
    client.outcome()
}

struct Client {
    address: SocketAddr,
    pace: Pace,
    epoll: Epoll,
    timer: TimerFd,
    peers: Vec<Peer>,
    counted_from: Instant,
    /// By the second in which the request was due.
    waits: Vec<Vec<Duration>>,
    failed: u64,
    input: Box<[u8]>,
}

struct Peer {
    stream: TcpStream,
    /// When its requests were due: the first is under way, the others wait for it.
    due: VecDeque<Instant>,
    /// Bytes of the response under way that are still to come.
    owed: usize,
}

impl Client {
    fn connect(address: SocketAddr, pace: Pace) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        // epoll's own timeout is in milliseconds.
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC)?;
        let tick = (Duration::from_secs(1) / pace.rate).into();
        timer.set(Expiration::Interval(tick), TimerSetTimeFlags::empty())?;
        epoll.add(&timer, EpollEvent::new(EpollFlags::EPOLLIN, TIMER))?;
        let peers = (0..pace.connections).map(|place| connect(&epoll, address, place)).collect::<io::Result<_>>()?;
        Ok(Self {
            address,
            pace,
            epoll,
            timer,
            peers,
            counted_from: Instant::now(),
            waits: Vec::new(),
            failed: 0,
            input: vec![0; READ].into_boxed_slice(),
        })
    }

    /// Sends request number `n`, or lets it wait until its connection is free.
    fn request(&mut self, n: u32, due: Instant) -> io::Result<()> {
        let place = n as usize % self.peers.len();
        let is_renewed = self.pace.renew.is_some_and(|every| n % every == every - 1);
        if is_renewed && self.peers[place].due.is_empty() {
            self.peers[place] = connect(&self.epoll, self.address, place)?;
        }
        let peer = &mut self.peers[place];
        peer.due.push_back(due);
        if peer.due.len() == 1 && peer.send(&self.pace).is_err() {
            self.give_up(place)?;
        }
        Ok(())
    }

    /// Waits for the next event: an answer, or the time for another request.
    fn turn(&mut self) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); EVENTS];
        let ready = self.epoll.wait(&mut events, 100u16)?;
        for event in &events[..ready] {
            if event.data() == TIMER {
                self.timer.wait()?;
            } else if self.answer(event.data() as usize).is_err() {
                self.give_up(event.data() as usize)?;
            }
        }
        Ok(())
    }

    fn answer(&mut self, place: usize) -> io::Result<()> {
        let peer = &mut self.peers[place];
        let n = match peer.stream.read(&mut self.input) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => n,
            // The event was of a connection that has been replaced since.
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(e) => return Err(e),
        };
        peer.owed = peer.owed.checked_sub(n).ok_or(ErrorKind::InvalidData)?;
        if peer.owed > 0 {
            return Ok(());
        }
        let now = Instant::now();
        if let Some(due) = peer.due.pop_front().filter(|&due| due >= self.counted_from) {
            let second = (due - self.counted_from).as_secs() as usize;
            if self.waits.len() <= second {
                self.waits.resize_with(second + 1, Vec::new);
            }
            self.waits[second].push(now - due);
        }
        if peer.due.is_empty() { Ok(()) } else { peer.send(&self.pace) }
    }

    /// The connection has failed, and with it what was asked on it.
    fn give_up(&mut self, place: usize) -> io::Result<()> {
        self.failed += self.peers[place].due.len() as u64;
        self.peers[place] = connect(&self.epoll, self.address, place)?;
        Ok(())
    }

    fn outcome(self) -> io::Result<Outcome> {
        let unanswered: usize = self.peers.iter().map(|peer| peer.due.len()).sum();
        let failed = self.failed + unanswered as u64;
        let seconds = self.waits.iter().filter(|waits| !waits.is_empty());
        let usual_p99 = Spread::of(seconds.map(|waits| Latency::of(waits.clone()).p99)).median;
        let waits = self.waits.concat();
        if waits.is_empty() {
            return Err(io::Error::other("no request was answered"));
        }
        Ok(Outcome { latency: Latency::of(waits), usual_p99, failed })
    }
}

impl Peer {
    fn send(&mut self, pace: &Pace) -> io::Result<()> {
        self.owed = pace.response;
        // One request on an empty socket always fits.
        self.stream.write_all(pace.request)
    }
}

/// A replaced connection leaves epoll when it is closed.
fn connect(epoll: &Epoll, address: SocketAddr, place: usize) -> io::Result<Peer> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, place as u64))?;
    Ok(Peer { stream, due: VecDeque::new(), owed: 0 })
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    const PACE: Pace = Pace {
        connections: 1,
        rate: 1000,
        span: Duration::from_millis(100),
        renew: None,
        request: b"ask",
        response: 6,
    };

    /// Answers each request of each connection, one connection after the other; waits `stall`
    /// before request number `stalled`, and closes instead of answering number `closed`.
    fn server(stalled: usize, stall: Duration, closed: usize) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut n = 0;
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                while stream.read_exact(&mut [0; 3]).is_ok() {
                    n += 1;
                    if n == stalled {
                        std::thread::sleep(stall);
                    }
                    if n == closed {
                        break;
                    }
                    stream.write_all(b"answer").unwrap();
                }
            }
        });
        address
    }

    #[test]
    fn a_stall_is_charged_to_every_request_that_was_due_meanwhile() {
        // The stall falls into the counted part and holds up some 50 of its 100 requests.
        let outcome = run(server(250, Duration::from_millis(50), 0), PACE).unwrap();
        assert_eq!((outcome.latency.samples, outcome.failed), (100, 0));
        assert!(outcome.latency.max >= 50_000.0, "{outcome:?}");
        assert!(outcome.latency.p99 >= 40_000.0, "{outcome:?}");
        assert_eq!(outcome.usual_p99, outcome.latency.p99, "there is only one second");
    }

    #[test]
    fn an_unanswered_request_fails_and_the_next_have_a_new_connection() {
        let outcome = run(server(0, Duration::ZERO, 250), PACE).unwrap();
        assert!(outcome.failed >= 1, "{outcome:?}");
        assert_eq!(outcome.latency.samples as u64 + outcome.failed, 100);
    }

    #[test]
    fn connections_are_renewed() {
        let outcome = run(server(0, Duration::ZERO, 0), Pace { renew: Some(10), ..PACE }).unwrap();
        assert_eq!((outcome.latency.samples, outcome.failed), (100, 0));
    }
}
