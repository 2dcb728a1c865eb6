//! The time that content may take (RFC 9110 section 15.5.9): the gap between two pieces, and the
//! least rate of the whole. Only time spent waiting for the peer counts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tenure_proto::{
    Client, CloseReason, Config, Connection, ErrorKind, Event, ProtocolError, RequestLine, Server, Timeouts, Timer,
    Version,
};

const TICK: Duration = Duration::from_nanos(1);
const SECOND: Duration = Duration::from_secs(1);
/// The longest gap, and the time before a rate is asked for.
const CONTENT: Duration = Duration::from_secs(30);
const RATE: u64 = 500;

/// A server that has read the head of an upload, and its clock.
struct Upload {
    server: Connection<Server>,
    now: Instant,
}

impl Upload {
    fn new(framing: &str, rate: Option<u64>) -> Self {
        let timeouts = Timeouts { content: Some(CONTENT), content_rate: rate, ..Timeouts::default() };
        Self::with(framing, timeouts)
    }

    fn with(framing: &str, timeouts: Timeouts) -> Self {
        let mut server = Connection::<Server>::new(Arc::new(Config { timeouts, ..Config::default() }));
        let (head, now) = (format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n"), Instant::now());
        assert!(matches!(server.receive(head.as_bytes(), now), Ok((used, Event::Head(_))) if used == head.len()));
        Self { server, now }
    }

    fn long() -> Self {
        Self::new("Content-Length: 1000000000", Some(RATE))
    }

    /// Time passes.
    fn pass(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        self
    }

    /// The handler wants content, and none has come.
    fn want(&mut self) -> &mut Self {
        assert!(matches!(self.server.receive(b"", self.now), Ok((0, Event::NeedInput))));
        self
    }

    /// The handler wants content, and gets this much.
    fn get(&mut self, length: usize) -> &mut Self {
        let piece = vec![b'x'; length];
        assert!(matches!(self.server.receive(&piece, self.now), Ok((used, Event::Content(_))) if used == length));
        self
    }

    /// The handler wants no content for now.
    fn pause(&mut self) -> &mut Self {
        self.server.pause_wait(self.now);
        self
    }

    /// How long the running wait still lasts.
    fn left(&self) -> Option<Duration> {
        let (timer, at) = self.server.deadline()?;
        assert_eq!(timer, Timer::Content);
        Some(at.saturating_duration_since(self.now))
    }

    fn expire(&mut self) -> Result<(), ProtocolError> {
        self.server.expire(self.now)
    }

    /// The running wait ends after `left` and not sooner.
    fn ends_in(&mut self, left: Duration) {
        assert_eq!(self.left(), Some(left));
        self.pass(left - TICK).expire().expect("too early");
        let error = self.pass(TICK).expire().expect_err("too late");
        assert_eq!((error.kind(), error.status().as_u16()), (ErrorKind::TimedOut(Timer::Content), 408));
        assert_eq!(self.server.persistence(), tenure_proto::Persistence::Close(CloseReason::TimedOut));
    }
}

#[test]
fn a_client_that_drips_is_cut_though_no_gap_is_long() {
    let mut upload = Upload::long();
    for n in 1..30 {
        // A byte a second is a 500th of what is asked for: it earns two milliseconds.
        assert_eq!(upload.want().left(), Some(CONTENT - (n - 1) * (SECOND - 2 * TICK * 1_000_000)));
        upload.pass(SECOND).get(1);
    }
    upload.want().ends_in(SECOND + 29 * 2 * TICK * 1_000_000);
}

#[test]
fn the_rate_is_not_asked_for_before_the_time_of_a_gap() {
    // Half a minute for nothing at all; the gap itself ends no sooner.
    Upload::long().want().ends_in(CONTENT);
    let mut upload = Upload::long();
    upload.want().pass(CONTENT - TICK).get(1);
    upload.want().ends_in(TICK + SECOND / 500);
}

#[test]
fn a_client_that_keeps_up_the_rate_is_not_cut() {
    let mut upload = Upload::long();
    for _ in 0..100 {
        upload.want().pass(10 * SECOND).get(10 * RATE as usize).expire().unwrap();
    }
    // All that was earned is used up: what is left is the time that everyone has.
    upload.want().ends_in(CONTENT);
}

#[test]
fn what_came_early_is_credit_but_never_lengthens_a_gap() {
    let mut upload = Upload::long();
    upload.get(100 * RATE as usize);
    upload.want().ends_in(CONTENT);
    let mut upload = Upload::long();
    upload.get(100 * RATE as usize);
    for _ in 0..4 {
        upload.want().pass(25 * SECOND).get(1);
    }
    // 130 seconds in all, 100 used; and four bytes.
    upload.want().ends_in(CONTENT);
    let mut upload = Upload::long();
    upload.get(100 * RATE as usize);
    for _ in 0..5 {
        upload.want().pass(25 * SECOND).get(1);
    }
    upload.want().ends_in(5 * SECOND + 5 * SECOND / 500);
}

#[test]
fn one_byte_below_the_rate_is_too_slow() {
    for (bytes, left) in [(499, SECOND - SECOND / 500), (500, SECOND), (501, SECOND + SECOND / 500)] {
        let mut upload = Upload::long();
        upload.get(bytes).want().pass(15 * SECOND).get(1);
        // 30 s, and 2 ms for the last byte, are used up.
        upload.want().pass(15 * SECOND + SECOND / 500);
        assert_eq!(upload.left(), Some(left));
        upload.ends_in(left);
    }
}

#[test]
fn a_handler_that_does_not_read_punishes_nobody() {
    let mut upload = Upload::long();
    for _ in 0..100 {
        // A piece comes at once when it is asked for; then the handler is busy for a minute.
        upload.want().get(1).pass(60 * SECOND);
        assert_eq!(upload.left(), None, "nothing is waited for");
        upload.expire().unwrap();
    }
    upload.want().ends_in(CONTENT);
}

#[test]
fn a_handler_that_stops_waiting_stops_the_wait() {
    let mut upload = Upload::long();
    upload.want().pass(10 * SECOND).pause();
    upload.pass(60 * SECOND).expire().unwrap();
    assert_eq!(upload.left(), None);
    // Waiting goes on where it was: a handler that looks in each second does not wait for ever.
    assert_eq!(upload.want().left(), Some(20 * SECOND));
    upload.pass(20 * SECOND - TICK).pause();
    upload.pass(60 * SECOND).pause();
    upload.want().ends_in(TICK);
}

#[test]
fn pauses_do_not_count_for_the_rate_either() {
    let mut upload = Upload::long();
    for _ in 0..2 {
        upload.want().pass(10 * SECOND).pause();
        upload.pass(60 * SECOND).want().get(1);
    }
    // 20 of 30 seconds waited, 4 ms earned.
    upload.want().ends_in(10 * SECOND + SECOND / 250);
}

#[test]
fn asking_twice_does_not_begin_the_wait_anew() {
    let mut upload = Upload::long();
    upload.want().pass(10 * SECOND).want().pass(10 * SECOND).want();
    upload.ends_in(10 * SECOND);
}

#[test]
fn chunked_content_has_the_same_time() {
    let mut upload = Upload::new("Transfer-Encoding: chunked", Some(RATE));
    assert!(matches!(upload.server.receive(b"1\r\n", upload.now), Ok((3, Event::NeedInput))));
    upload.pass(20 * SECOND);
    // Part of a frame is no gap, and what it says counts as received.
    assert!(matches!(upload.server.receive(b"x\r\n1", upload.now), Ok((1, Event::Content(_)))));
    assert!(matches!(upload.server.receive(b"\r\n1", upload.now), Ok((3, Event::NeedInput))));
    upload.ends_in(10 * SECOND + 7 * SECOND / 500);
}

#[test]
fn each_request_has_its_own_time() {
    let mut upload = Upload::new("Content-Length: 1", Some(RATE));
    upload.want().pass(CONTENT - TICK).get(1);
    assert!(matches!(upload.server.receive(b"", upload.now), Ok((0, Event::End(_)))));
    let mut out = Vec::new();
    upload.server.send_head(http::StatusCode::NO_CONTENT, [], Some(0), &mut out).unwrap();
    upload.server.send_end([], &mut out).unwrap();
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n";
    assert!(matches!(upload.server.receive(head, upload.now), Ok((_, Event::Head(_)))));
    upload.want().ends_in(CONTENT);
}

#[test]
fn without_a_rate_only_the_gaps_count() {
    for rate in [None, Some(0)] {
        let mut upload = Upload::new("Content-Length: 1000", rate);
        for _ in 0..10 {
            upload.want().pass(CONTENT - TICK).get(1);
        }
        upload.want().ends_in(CONTENT);
    }
}

#[test]
fn without_a_gap_there_is_no_rate() {
    let timeouts = Timeouts { content: None, ..Timeouts::default() };
    assert_eq!(Upload::with("Content-Length: 1000", timeouts).want().left(), None);
}

#[test]
fn extremes_are_no_fault() {
    let timeouts = Timeouts { content: Some(Duration::MAX), content_rate: Some(1), ..Timeouts::default() };
    assert_eq!(Upload::with("Content-Length: 1000", timeouts).get(999).want().left(), None);
    let mut upload = Upload::new("Content-Length: 1000", Some(u64::MAX));
    upload.get(999).want().ends_in(CONTENT);
}

#[test]
fn a_wait_for_a_head_does_not_pause() {
    let (now, mut server) = (Instant::now(), Connection::<Server>::new(Arc::new(Config::default())));
    assert!(matches!(server.receive(b"GET", now), Ok((0, Event::NeedInput))));
    server.pause_wait(now + SECOND);
    assert_eq!(server.deadline(), Some((Timer::Head, now + CONTENT)));
}

/// A server that streams slowly on purpose is no attacker, and the client asked for it.
#[test]
fn a_response_has_no_least_rate() {
    let (mut now, mut client) = (Instant::now(), Connection::<Client>::new(Arc::new(Config::default())));
    let line = RequestLine { method: "GET", target: "/", version: Version::Http11 };
    client.send_head(line, [], Some(0), &mut Vec::new()).unwrap();
    client.send_end([], &mut Vec::new()).unwrap();
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
    assert!(matches!(client.receive(head, now), Ok((_, Event::Head(_)))));
    for _ in 0..10 {
        assert!(matches!(client.receive(b"", now), Ok((0, Event::NeedInput))));
        assert_eq!(client.deadline(), Some((Timer::Content, now + CONTENT)));
        now += CONTENT - TICK;
        client.expire(now).unwrap();
        assert!(matches!(client.receive(b"x", now), Ok((1, Event::Content(_)))));
    }
}
