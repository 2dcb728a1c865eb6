//! The rows: a scenario with parameters, how it is asked, and what no client can avoid in it.

use std::time::Duration;

use http::Method;
use tenure::Fate;

use crate::tally::{Outcome, Tally};

/// One scenario, tried with every method.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) title: &'static str,
    pub(crate) scenario: &'static str,
    pub(crate) query: &'static str,
    /// How long a client waits after each answer; spread by a fifth of it.
    pub(crate) pause: Duration,
    /// Clients at once, each with a connection of its own.
    pub(crate) clients: usize,
    /// Bytes of content of PUT and POST.
    pub(crate) content: usize,
    pub(crate) repeat_undelivered: bool,
    pub(crate) response_timeout: Option<Duration>,
    /// How long the server may take nothing of a request.
    pub(crate) send_timeout: Option<Duration>,
    /// Whether the content of answers is read, or dropped.
    pub(crate) reads: bool,
    /// Which addresses the server's name has.
    pub(crate) address: Address,
    /// The status of a right answer.
    pub(crate) status: u16,
    /// What no client can avoid for GET and PUT.
    pub(crate) remains: &'static [Outcome],
    /// The same for POST.
    pub(crate) remains_for_post: &'static [Outcome],
    /// The server breaks the assumption that evidence rests on: a POST processed twice is shown, not judged.
    /// With a round trip longer than the server's work it would be the rule, on loopback it is rare.
    pub(crate) is_hole: bool,
    /// Of 100 requests, how many may end in what remains, at most: more would be worse than it was.
    pub(crate) worst: u64,
    /// A client that has learned the idle time of an origin keeps most POSTs out of the race.
    pub(crate) is_learnable: bool,
}

/// The addresses of a server's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Address {
    /// The server's.
    Alive,
    /// One that does not answer, and the server's.
    DeadAndAlive,
    /// One where nobody listens.
    Refusing,
}

impl Case {
    /// Nothing happened that a right client prevents. A fate that says *likely* undelivered is no lie
    /// in the hole that this word is for.
    pub(crate) const fn is_right(&self, tally: &Tally) -> bool {
        let is_no_worse = tally.lost() * 100 <= self.worst * (tally.lost() + tally.answered);
        tally.is_sound() && is_no_worse && (tally.twice == 0 || self.is_hole)
    }

    /// What is to be said of a row of this case, where it is not simply right.
    pub(crate) fn remark(&self, method: &Method, tally: &Tally) -> Option<&'static str> {
        let learns = self.is_learnable && method == Method::POST && tally.unknown > 0;
        match self.is_right(tally) {
            _ if self.is_hole && tally.twice > 0 => Some("the server processes what crosses its FIN"),
            _ if self.is_hole && method == Method::POST && tally.unknown > 0 => {
                Some("loopback has next to no round trip: most of what crossed the FIN was acknowledged")
            }
            false => Some("WRONG"),
            true if tally.crossed > 0 => Some("crossed: sent when the request was there already; nobody can tell"),
            true if learns => Some("lost before the client had learned, or too short an idle time to learn from"),
            true => None,
        }
    }
}

const UNKNOWN: Outcome = Outcome::Error(Fate::Unknown);
const NOT_SENT: Outcome = Outcome::Error(Fate::NotSent);
const INCOMPLETE: Outcome = Outcome::Error(Fate::Incomplete);
const PART: Outcome = Outcome::Error(Fate::AnsweredInPart);

const BASE: Case = Case {
    title: "",
    scenario: "ok",
    query: "",
    pause: Duration::ZERO,
    clients: 8,
    content: 20,
    repeat_undelivered: true,
    response_timeout: None,
    send_timeout: None,
    reads: true,
    address: Address::Alive,
    status: 200,
    remains: &[],
    remains_for_post: &[],
    is_hole: false,
    worst: 50,
    is_learnable: false,
};

/// A connection that ends about when the next request leaves. A reset that no FIN came before
/// says nothing about a POST, so that its unknown fate remains.
const RACE: Case = Case { pause: Duration::from_millis(5), is_learnable: true, remains_for_post: &[UNKNOWN], ..BASE };

/// The response is cut.
const CUT: Case = Case { scenario: "truncate", remains: &[PART], remains_for_post: &[PART], ..BASE };

const fn cut(title: &'static str, query: &'static str) -> Case {
    Case { title, query, ..CUT }
}

const fn race(title: &'static str, scenario: &'static str, query: &'static str) -> Case {
    Case { title, scenario, query, ..RACE }
}

/// Nothing is lost, whatever the connection comes to.
const fn answers(title: &'static str, scenario: &'static str, query: &'static str) -> Case {
    Case { title, scenario, query, ..BASE }
}

const HALF_CLOSES: Case = Case { scenario: "half-close-process", query: "after=5ms&jitter=1ms", is_hole: true, ..RACE };

/// Every row of the table.
pub(crate) static CASES: &[Case] = &[
    Case { title: "answers well", ..BASE },
    race("idle close at T, FIN", "idle-close", "after=5ms"),
    race("idle close at T +- 2 ms, FIN", "idle-close", "after=5ms&jitter=2ms"),
    race("idle close at T, reset", "idle-close", "after=5ms&by=reset"),
    race("idle close at T +- 2 ms, reset", "idle-close", "after=5ms&jitter=2ms&by=reset"),
    Case {
        pause: Duration::from_millis(200),
        clients: 50,
        ..race("idle close at 200 +- 10 ms, FIN", "idle-close", "after=200ms&jitter=10ms")
    },
    Case {
        pause: Duration::from_millis(200),
        clients: 50,
        ..race("idle close at 200 +- 10 ms, reset", "idle-close", "after=200ms&jitter=10ms&by=reset")
    },
    Case { pause: Duration::ZERO, ..race("close at once after the 3rd", "close-after", "at=3") },
    Case { pause: Duration::ZERO, ..race("reset at once after the 3rd", "close-after", "at=3&by=reset") },
    Case { pause: Duration::from_millis(2), ..race("close 2 ms after the 3rd", "close-after", "at=3&after=2ms") },
    Case {
        remains_for_post: &[UNKNOWN, Outcome::TimedOut408],
        ..race("408 at T, idle", "idle-408", "after=5ms&jitter=1ms")
    },
    Case {
        title: "408 to a request under way",
        scenario: "early-408",
        remains_for_post: &[Outcome::TimedOut408],
        ..BASE
    },
    Case {
        pause: Duration::from_millis(900),
        clients: 100,
        remains_for_post: &[],
        ..race("hint timeout=1, true", "hint-timeout", "timeout=1&after=1s")
    },
    race("hint timeout=60, closes at 5 ms", "hint-timeout", "timeout=60&after=5ms&jitter=1ms"),
    Case { remains_for_post: &[], ..race("hint max=3, true", "hint-max", "max=3&after=5ms&jitter=1ms") },
    race("hint max=3, closes after 2", "hint-max", "max=3&early=1&after=5ms&jitter=1ms"),
    Case { title: "early 413, lingers", scenario: "early-413", content: 256 * 1024, status: 413, ..BASE },
    Case {
        title: "early 413, closes at once",
        scenario: "early-413",
        query: "linger=no",
        content: 256 * 1024,
        status: 413,
        // The reset can overtake the answer.
        remains: &[UNKNOWN, INCOMPLETE, PART],
        remains_for_post: &[UNKNOWN, INCOMPLETE, PART],
        ..BASE
    },
    cut("cut in the status line", "where=status-line"),
    cut("cut in a field line", "where=field-line"),
    cut("cut before the empty line", "where=head"),
    cut("cut in the content, FIN", "where=content"),
    cut("cut in the content, reset", "where=content&by=reset"),
    cut("cut in a chunk", "where=chunk"),
    cut("cut before the last chunk", "where=last-chunk"),
    cut("cut in the trailers", "where=trailers"),
    Case {
        title: "stray garbage before a response",
        query: "place=before&what=garbage&at=2",
        scenario: "stray",
        ..CUT
    },
    answers("stray response with a response", "stray", "place=with"),
    answers("stray newline with a response", "stray", "place=with&what=newline"),
    answers("stray garbage with a response", "stray", "place=with&what=garbage"),
    Case {
        title: "stray newline before a response",
        scenario: "stray",
        query: "place=before&what=newline&at=2",
        ..CUT
    },
    Case {
        title: "stray garbage 5 ms after",
        scenario: "stray",
        query: "place=after&what=garbage&after=5ms&jitter=1ms",
        pause: Duration::from_millis(5),
        remains_for_post: &[UNKNOWN],
        ..BASE
    },
    Case {
        title: "stray response 5 ms after",
        scenario: "stray",
        query: "place=after&after=5ms&jitter=1ms",
        pause: Duration::from_millis(5),
        // The server goes on, and processes the request that its stray response crossed.
        remains_for_post: &[UNKNOWN],
        ..BASE
    },
    answers("30 interim responses", "interim", "count=30"),
    Case { scenario: "interim", worst: 100, ..cut("a flood of interim responses", "count=1000") },
    answers("100 (Continue) that nobody expects", "interim", "status=100&count=3"),
    answers("a head that comes slowly", "slow-head", "gap=1ms&size=16"),
    answers("content that comes slowly", "slow-body", "gap=1ms"),
    answers("each byte in a segment of its own", "pieces", ""),
    Case { scenario: "wrong-length", worst: 100, ..cut("content shorter than its length", "length=long&then=fin") },
    answers("close in odd case", "connection", "value=odd-case&linger=20ms"),
    answers("close in a list", "connection", "value=list&linger=20ms"),
    answers("close behind keep-alive, on two lines", "connection", "value=keep-alive-then-close&linger=20ms"),
    answers("a word that looks like close", "connection", "value=lookalike"),
    Case { title: "HTTP/1.0, closes", scenario: "http10", ..BASE },
    answers("HTTP/1.0, no length", "http10", "length=no"),
    answers("HTTP/1.0, keep-alive", "http10", "keep-alive=yes"),
    Case { title: "bodies of 1 kB that nobody reads", scenario: "large", query: "bytes=1000", reads: false, ..BASE },
    Case { title: "bodies of 1 MB that nobody reads", scenario: "large", query: "bytes=1000000", reads: false, ..BASE },
    Case { title: "closes with a request unread", scenario: "unread", remains_for_post: &[UNKNOWN], ..BASE },
    Case { title: "processes, then closes", scenario: "drop", remains_for_post: &[UNKNOWN], ..BASE },
    Case { title: "processes, then resets", scenario: "drop", query: "by=reset", remains_for_post: &[UNKNOWN], ..BASE },
    Case {
        title: "never answers",
        scenario: "dead",
        query: "at=2&process=yes",
        clients: 50,
        response_timeout: Some(Duration::from_millis(200)),
        remains: &[UNKNOWN],
        remains_for_post: &[UNKNOWN],
        // On a busy machine an answer may come too late as well.
        worst: 100,
        ..BASE
    },
    Case {
        title: "reads nothing of the content",
        scenario: "stall",
        clients: 16,
        // More than the kernels on both sides hold for it.
        content: 12 * 1024 * 1024,
        response_timeout: Some(Duration::from_millis(50)),
        send_timeout: Some(Duration::from_millis(50)),
        remains: &[UNKNOWN, INCOMPLETE],
        remains_for_post: &[INCOMPLETE],
        worst: 100,
        ..BASE
    },
    Case { title: "one of two addresses is dead", address: Address::DeadAndAlive, ..BASE },
    Case {
        title: "nobody listens",
        address: Address::Refusing,
        remains: &[NOT_SENT],
        remains_for_post: &[NOT_SENT],
        worst: 100,
        ..BASE
    },
    Case { title: "HOLE: FIN, processes, resets", ..HALF_CLOSES },
    Case { title: "the same, replay turned off", repeat_undelivered: false, is_hole: false, ..HALF_CLOSES },
];
