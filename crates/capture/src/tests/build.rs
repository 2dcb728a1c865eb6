//! What the tests share: a connection whose packets are put down one by one, and the files they go into.

use std::io::Cursor;
use std::net::SocketAddr;

use etherparse::PacketBuilder;

use crate::{Capture, Life, Side, Who};

/// A request without content.
pub(super) const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
/// One that must not be repeated.
pub(super) const POST: &[u8] = b"POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nx=1";
/// An answer.
pub(super) const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A packet: microseconds, the bytes recorded, the bytes it had.
pub(super) type Packet = (u64, Vec<u8>, usize);

/// One connection. Time stands still until it is moved.
#[derive(Clone)]
pub(super) struct Talk {
    pub(super) now: u64,
    ends: [SocketAddr; 2],
    /// The next sequence number of the client and of the server, and what each has received.
    seq: [u32; 2],
    got: [u32; 2],
    ttl: [u8; 2],
    pub(super) packets: Vec<Packet>,
}

impl Talk {
    pub(super) fn new() -> Self {
        Self::between("10.0.0.1:40000", "10.0.0.2:80", 1_000)
    }

    pub(super) fn between(client: &str, server: &str, isn: u32) -> Self {
        let ends = [client.parse().unwrap(), server.parse().unwrap()];
        let seq = [isn, isn.wrapping_add(0x7777_0000)];
        Self { now: 0, ends, seq, got: [seq[1], seq[0]], ttl: [64, 64], packets: Vec::new() }
    }

    pub(super) fn ttl(mut self, ttl: [u8; 2]) -> Self {
        self.ttl = ttl;
        self
    }

    /// The handshake; the server and the client take so many microseconds.
    pub(super) fn open(mut self, server: u64, client: u64) -> Self {
        self.packet(Who::Client, Flags { syn: true, ack: false, ..Flags::NONE }, &[]);
        self.seq[0] = self.seq[0].wrapping_add(1);
        self.got[1] = self.seq[0];
        self.now += server;
        self.packet(Who::Server, Flags { syn: true, ..Flags::NONE }, &[]);
        self.seq[1] = self.seq[1].wrapping_add(1);
        self.got[0] = self.seq[1];
        self.now += client;
        self.packet(Who::Client, Flags::NONE, &[]);
        self
    }

    pub(super) fn after(mut self, microseconds: u64) -> Self {
        self.now += microseconds;
        self
    }

    /// `who` sends bytes, and the other one gets them.
    pub(super) fn send(self, who: Who, bytes: &[u8]) -> Self {
        self.sent(who, bytes, true)
    }

    /// `who` sends bytes that the other one does not get before it sends again.
    pub(super) fn unheard(self, who: Who, bytes: &[u8]) -> Self {
        self.sent(who, bytes, false)
    }

    fn sent(mut self, who: Who, bytes: &[u8], heard: bool) -> Self {
        self.packet(who, Flags::NONE, bytes);
        let from = who.index();
        self.seq[from] = self.seq[from].wrapping_add(bytes.len() as u32);
        if heard {
            self.got[1 - from] = self.seq[from];
        }
        self
    }

    pub(super) fn client(self, bytes: &[u8]) -> Self {
        self.send(Who::Client, bytes)
    }

    pub(super) fn server(self, bytes: &[u8]) -> Self {
        self.send(Who::Server, bytes)
    }

    /// An acknowledgement of all that came.
    pub(super) fn ack(mut self, who: Who) -> Self {
        let from = who.index();
        self.got[from] = self.seq[1 - from];
        self.packet(who, Flags::NONE, &[]);
        self
    }

    pub(super) fn fin(mut self, who: Who) -> Self {
        self.packet(who, Flags { fin: true, ..Flags::NONE }, &[]);
        self.seq[who.index()] = self.seq[who.index()].wrapping_add(1);
        self
    }

    /// A reset that says what its sender has received.
    pub(super) fn reset(mut self, who: Who) -> Self {
        self.packet(who, Flags { rst: true, ..Flags::NONE }, &[]);
        self
    }

    /// A kernel's answer to a segment for which there is no socket: it says nothing.
    pub(super) fn bare_reset(mut self, who: Who) -> Self {
        self.packet(who, Flags { rst: true, ack: false, ..Flags::NONE }, &[]);
        self
    }

    /// Bytes at a distance from the next ones, and nothing else changes.
    pub(super) fn stray(mut self, who: Who, distance: i32, bytes: &[u8]) -> Self {
        let from = who.index();
        let seq = self.seq[from];
        self.seq[from] = seq.wrapping_add_signed(distance);
        self.packet(who, Flags::NONE, bytes);
        self.seq[from] = seq;
        self
    }

    /// The last `n` packets were not recorded.
    pub(super) fn lose(mut self, n: usize) -> Self {
        self.packets.truncate(self.packets.len() - n);
        self
    }

    /// The last two packets were recorded the other way round, at the times they had.
    pub(super) fn swap(mut self) -> Self {
        let n = self.packets.len();
        self.packets.swap(n - 1, n - 2);
        let (a, b) = (self.packets[n - 1].0, self.packets[n - 2].0);
        (self.packets[n - 1].0, self.packets[n - 2].0) = (b, a);
        self
    }

    fn packet(&mut self, who: Who, flags: Flags, bytes: &[u8]) {
        let from = who.index();
        let (source, target) = (self.ends[from], self.ends[1 - from]);
        let link = PacketBuilder::ethernet2([2; 6], [4; 6]);
        let ip = match (source, target) {
            (SocketAddr::V4(s), SocketAddr::V4(t)) => link.ipv4(s.ip().octets(), t.ip().octets(), self.ttl[from]),
            (SocketAddr::V6(s), SocketAddr::V6(t)) => link.ipv6(s.ip().octets(), t.ip().octets(), self.ttl[from]),
            _ => unreachable!("one kind of address"),
        };
        let mut tcp = ip.tcp(source.port(), target.port(), self.seq[from], 65_000);
        if flags.ack {
            tcp = tcp.ack(self.got[from]);
        }
        tcp = if flags.syn { tcp.syn() } else { tcp };
        tcp = if flags.fin { tcp.fin() } else { tcp };
        tcp = if flags.rst { tcp.rst() } else { tcp };
        let mut data = Vec::new();
        tcp.write(&mut data, bytes).unwrap();
        let len = data.len();
        self.packets.push((self.now, data, len));
    }

    /// The capture of this connection alone.
    pub(super) fn capture(&self) -> Capture {
        capture(&pcap(1, &self.packets))
    }

    pub(super) fn life(&self) -> Life {
        one(self.capture())
    }

    /// As seen from a place that is known.
    pub(super) fn seen_at(&self, side: Side) -> Life {
        one(crate::read(Cursor::new(pcap(1, &self.packets)), Some(side)).unwrap())
    }
}

fn one(capture: Capture) -> Life {
    assert_eq!(capture.lives.len(), 1, "{capture:#?}");
    capture.lives.into_iter().next().unwrap()
}

#[derive(Clone, Copy)]
struct Flags {
    syn: bool,
    ack: bool,
    fin: bool,
    rst: bool,
}

impl Flags {
    const NONE: Self = Self { syn: false, ack: true, fin: false, rst: false };
}

pub(super) fn capture(file: &[u8]) -> Capture {
    crate::read(Cursor::new(file.to_vec()), None).unwrap()
}

/// A file as tcpdump writes it.
pub(super) fn pcap(link: u32, packets: &[Packet]) -> Vec<u8> {
    let mut file = Vec::new();
    for number in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, link] {
        file.extend_from_slice(&number.to_le_bytes());
    }
    for (time, data, len) in packets {
        let (seconds, rest) = ((time / 1_000_000) as u32 + 1_700_000_000, (time % 1_000_000) as u32);
        for number in [seconds, rest, data.len() as u32, *len as u32] {
            file.extend_from_slice(&number.to_le_bytes());
        }
        file.extend_from_slice(data);
    }
    file
}

/// Of each packet only the first bytes were recorded.
pub(super) fn snapped(packets: &[Packet], most: usize) -> Vec<Packet> {
    packets.iter().map(|(time, data, len)| (*time, data[..data.len().min(most)].to_vec(), *len)).collect()
}

/// `3 GET /a 200 answered`, for each exchange.
pub(super) fn story(life: &Life) -> Vec<String> {
    use crate::Outcome;
    life.exchanges
        .iter()
        .map(|exchange| {
            let status = exchange.response.map_or_else(|| "-".to_owned(), |response| response.status.to_string());
            let outcome = match exchange.outcome {
                Outcome::Answered => "answered".to_owned(),
                Outcome::Open => "open".to_owned(),
                Outcome::Unseen => "unseen".to_owned(),
                Outcome::Lost { fate, race, .. } => {
                    format!("{}{}", fate.name(), if race.is_some() { " race" } else { "" })
                }
            };
            format!("{} {} {status} {outcome}", exchange.method, exchange.target)
        })
        .collect()
}
