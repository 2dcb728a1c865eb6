//! Settings shared by the connections of one server or client.

use std::time::Duration;

use crate::limits::Limits;

/// Settings of a [`Connection`](crate::Connection), shared by reference among all of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// Bounds on what the peer sends.
    pub limits: Limits,
    /// How long each wait may last.
    pub timeouts: Timeouts,
    /// Persist with HTTP/1.0 peers that say `keep-alive` (RFC 9112 section 9.3). Default true.
    pub http10_keep_alive: bool,
    /// Server: answer the simple request of HTTP/0.9 (`GET /path` and nothing else), then close.
    /// Default false: such a line is then a malformed request (400).
    pub http09: bool,
    /// Server: announce the idle time in force as `Keep-Alive: timeout=SECONDS`, rounded down to
    /// whole seconds, together with the `keep-alive` connection option (RFC 9110 section 7.6.1),
    /// and the number of requests left as `max=N` where one is set. An idle time below one second
    /// is not announced. What was announced is kept: see [`Timeouts::idle_grace`]. Default false:
    /// no standard in force defines the field, clients that do not know it ignore it, and it costs
    /// 48 bytes a response. It helps clients that honour it (Node, Java's
    /// `HttpURLConnection`, Apache's `HttpClient`) to avoid the race between their next request and our close.
    pub announce_idle: bool,
    /// Server: answer 408 (Request Timeout) before the close when no request came in time, so that
    /// [`Connection::expire`](crate::Connection::expire) is an error then. Default false: silence.
    ///
    /// RFC 9110 section 15.5.9 gives 408 to a request that was not *complete* in time; on an idle
    /// connection there is none. A 408 that crosses the next request on the wire is taken by many
    /// clients for its answer, and is then a failure that nobody repeats. After a silent close the
    /// client knows that it has no answer, and may repeat what is idempotent (RFC 9112 section 9.3.1).
    /// The answer is of use where every client takes an unasked 408 for a close, and to people who
    /// type requests by hand.
    pub answer_idle: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            http10_keep_alive: true,
            http09: false,
            announce_idle: false,
            answer_idle: false,
        }
    }
}

/// The waits of RFC 9112 section 9.5, each apart. `None` waits for ever.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Timeouts {
    /// Server: from the accept to the first byte of the first request; empty lines do not count.
    /// Ends without a response, as `idle` does. Default 30 s: shorter than `idle`, since a client
    /// that connects has something to ask.
    pub first: Option<Duration>,
    /// Server: from the end of a response to the first byte of the next request. A connection that
    /// ends by it closes without a response, unless [`Config::answer_idle`] is set. Default 75 s,
    /// above the 60 s that load balancers keep idle connections.
    /// [`set_idle_timeout`](crate::Connection::set_idle_timeout) replaces it for one connection.
    pub idle: Option<Duration>,
    /// Server: when the idle time is announced as `Keep-Alive: timeout=T`, the connection closes T
    /// and this much after the response, so that the request of a client that obeys never races
    /// with the close: the grace is for the way there and back. Default 5 s.
    pub idle_grace: Duration,
    /// Server: from a head's first byte to its last. Client: from the request's end to the
    /// response's head. Default 30 s for a server's use; a client sets its own.
    pub head: Option<Duration>,
    /// The longest wait for one more piece of content. Only time spent waiting for the peer
    /// counts: from [`Event::NeedInput`](crate::Event::NeedInput) to the next piece, without what
    /// passes after [`pause_wait`](crate::Connection::pause_wait). Default 30 s.
    pub content: Option<Duration>,
    /// Server: the least average rate of a request's content, in bytes a second as received. All
    /// the waits for one message's content together may last as long as `content`, and a second
    /// more for each so many bytes received. So it is asked for only once the waits have taken
    /// longer than `content`, and a client that sends a byte before each `content` ends is not
    /// waited for without end. Without `content` there is no least rate; 0 asks for none.
    ///
    /// Default 500, as Apache httpd's `RequestReadTimeout body=20,MinRate=500`: a sixth of what a
    /// modem of 28,800 bit/s carries, yet 10,000 such clients have to keep up 40 Mbit/s. Set `None`
    /// where clients stream content as it comes into being, with long pauses.
    pub content_rate: Option<u64>,
    /// The longest stall while this side sends: the peer's window is full and it reads nothing.
    /// Kept by the caller, who knows when bytes leave. Default 30 s.
    pub send: Option<Duration>,
    /// How long a closed server side reads on, so that its last response is not lost to a reset
    /// (RFC 9112 section 9.6). Default 5 s.
    pub linger: Option<Duration>,
}

const IDLE_GRACE: Duration = Duration::from_secs(5);

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            first: Some(Duration::from_secs(30)),
            idle: Some(Duration::from_secs(75)),
            idle_grace: IDLE_GRACE,
            head: Some(Duration::from_secs(30)),
            content: Some(Duration::from_secs(30)),
            content_rate: Some(500),
            send: Some(Duration::from_secs(30)),
            linger: Some(Duration::from_secs(5)),
        }
    }
}

impl Timeouts {
    /// Every wait for ever.
    pub const NONE: Self = Self {
        first: None,
        idle: None,
        idle_grace: IDLE_GRACE,
        head: None,
        content: None,
        content_rate: None,
        send: None,
        linger: None,
    };
}
