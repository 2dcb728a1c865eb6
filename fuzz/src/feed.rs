//! Gives a connection its bytes in pieces, and writes down what it makes of them.

use std::time::Instant;

use tenure_proto::{
    Connection, Directive, ErrorKind, Event, Framing, KnownFields, Persistence, ProtocolError, Role, Timer,
};

use crate::invariants::{Invariants, Kind};

/// The program around the connection: what it does at each step, and what the core cannot know.
pub(crate) trait Application<R: Role> {
    /// How the head says that its content ends.
    fn framing(head: &R::Head<'_>) -> Framing;
    /// A head has come.
    fn on_head(&mut self, _connection: &mut Connection<R>) {}
    /// The exchange must end before another message is received: end it.
    fn on_paused(&mut self, connection: &mut Connection<R>);
    /// The peer broke a rule.
    fn on_error(&mut self, connection: &mut Connection<R>, error: ProtocolError);
    /// How many exchanges were begun, if `received` counts heads, and errors that came instead of one.
    fn begun(&self, received: u64) -> u64;
    /// What was sent so far.
    fn sent(&self) -> &[u8];
}

/// What the peer sends, and how it arrives.
#[derive(Clone, Copy)]
pub(crate) struct Feed<'i> {
    pub(crate) bytes: &'i [u8],
    /// The lengths of the pieces, used in turn; empty: all at once. 0 stands for 256.
    pub(crate) pieces: &'i [u8],
    /// The peer closes its side after that.
    pub(crate) eof: bool,
}

/// What came of it. Equal however the bytes were cut.
#[derive(PartialEq, Debug)]
pub(crate) struct Outcome {
    seen: Vec<Seen>,
    sent: Vec<u8>,
    standing: Standing,
}

/// One event, with everything in it; neighbouring pieces of content are one.
#[derive(PartialEq, Debug)]
enum Seen {
    Head(String),
    Interim(String),
    Content(Vec<u8>),
    End(String),
    Error(ErrorKind, u64),
    HandOver,
    Closed,
}

/// How the connection stands after the last byte.
#[derive(PartialEq, Debug)]
struct Standing {
    idle: bool,
    outstanding: usize,
    exchanges: u64,
    received: u64,
    persistence: Persistence,
    directive: Directive,
    content_left: Option<u64>,
    wait: Option<Timer>,
}

/// Compares what comes of the bytes: whole, in these pieces and byte by byte; and the same again by a connection that
/// knows fields of the one before.
///
/// # Panics
/// The outcome depends on how the bytes were cut, or on what was known.
pub(crate) fn compare<'i>(
    [bytes, pieces]: [&'i [u8]; 2],
    eof: bool,
    run: impl Fn(Feed<'i>, Option<&mut KnownFields>) -> Outcome,
) {
    let ways = [&[][..], pieces, &[1]].map(|pieces| Feed { bytes, pieces, eof });
    let whole = run(ways[0], None);
    let mut known = KnownFields::default();
    for feed in ways {
        assert_eq!(whole, run(feed, None), "whole, and in pieces of {:?}", feed.pieces);
        for time in 0..2 {
            let outcome = run(feed, Some(&mut known));
            assert_eq!(whole, outcome, "in pieces of {:?}, with known fields, time {time}", feed.pieces);
        }
    }
}

/// Runs `connection` to the end of `feed`.
///
/// # Panics
/// An invariant does not hold.
pub(crate) fn run<R: Role, A: Application<R>>(
    mut connection: Connection<R>,
    mut application: A,
    feed: Feed<'_>,
    mut known: Option<&mut KnownFields>,
) -> Outcome {
    let mut seen = Vec::new();
    let mut invariants = Invariants::default();
    let (now, mut arriving) = (Instant::now(), Arriving { feed, arrived: 0, piece: 0 });
    // Every byte may cause a few steps; more than that is a loop that does not end.
    for _ in 0..64 + 8 * feed.bytes.len() {
        let input = &feed.bytes[connection.received() as usize..arriving.arrived];
        let before = connection.received();
        let step = match &mut known {
            Some(known) => connection.receive_knowing(input, now, known),
            None => connection.receive(input, now),
        };
        if let Ok((used, _)) = &step {
            assert!(*used <= input.len(), "{used} bytes used of {}", input.len());
            assert_eq!(connection.received(), before + *used as u64);
        }
        let kind = match step {
            Ok((_, event)) => note::<R, A>(event, &mut seen),
            Err(error) => failed(error, &mut seen, arriving.arrived),
        };
        invariants.step(&kind, &connection, false);
        react(&kind, &mut connection, &mut application);
        invariants.after(&connection, application.begun(invariants.begun()));
        let goes_on = match kind {
            Kind::Closed | Kind::NeedInput => {
                arriving.next() || at_eof(&mut connection, &mut application, &mut arriving, &mut seen, &mut invariants)
            }
            Kind::HandOver => false,
            _ => true,
        };
        if !goes_on {
            let sent = application.sent().to_vec();
            return Outcome { seen, sent, standing: Standing::of(&connection) };
        }
    }
    panic!("no progress: {connection:?}");
}

/// The peer closes, once. False if that was all, or if it does not close.
fn at_eof<R: Role, A: Application<R>>(
    connection: &mut Connection<R>,
    application: &mut A,
    arriving: &mut Arriving<'_>,
    seen: &mut Vec<Seen>,
    invariants: &mut Invariants,
) -> bool {
    if !std::mem::take(&mut arriving.feed.eof) {
        return false;
    }
    let kind = match connection.receive_eof() {
        Ok(event) => note::<R, A>(event, seen),
        Err(error) => failed(error, seen, arriving.arrived),
    };
    assert!(!matches!(kind, Kind::NeedInput), "more input is needed after its end");
    invariants.step(&kind, connection, true);
    react(&kind, connection, application);
    invariants.after(connection, application.begun(invariants.begun()));
    true
}

fn react<R: Role, A: Application<R>>(kind: &Kind, connection: &mut Connection<R>, application: &mut A) {
    match kind {
        Kind::Head(_) => application.on_head(connection),
        Kind::Paused => application.on_paused(connection),
        Kind::Error(error) => application.on_error(connection, *error),
        _ => {}
    }
}

fn note<R: Role, A: Application<R>>(event: Event<'_, R>, seen: &mut Vec<Seen>) -> Kind {
    match event {
        Event::Head(head) => {
            seen.push(Seen::Head(format!("{head:?}")));
            Kind::Head(A::framing(&head))
        }
        Event::Interim(head) => {
            seen.push(Seen::Interim(format!("{head:?}")));
            Kind::Interim
        }
        Event::Content(piece) => {
            match seen.last_mut() {
                Some(Seen::Content(content)) => content.extend_from_slice(piece),
                _ => seen.push(Seen::Content(piece.to_vec())),
            }
            Kind::Content(piece.len() as u64)
        }
        Event::End(trailers) => {
            seen.push(Seen::End(format!("{trailers:?}")));
            Kind::End
        }
        Event::NeedInput => Kind::NeedInput,
        Event::Paused => Kind::Paused,
        Event::HandOver => {
            seen.push(Seen::HandOver);
            Kind::HandOver
        }
        Event::Closed => {
            if seen.last() != Some(&Seen::Closed) {
                seen.push(Seen::Closed);
            }
            Kind::Closed
        }
    }
}

fn failed(error: ProtocolError, seen: &mut Vec<Seen>, arrived: usize) -> Kind {
    assert!(error.offset() <= arrived as u64, "{error}: only {arrived} bytes have come");
    seen.push(Seen::Error(error.kind(), error.offset()));
    Kind::Error(error)
}

struct Arriving<'i> {
    feed: Feed<'i>,
    arrived: usize,
    piece: usize,
}

impl Arriving<'_> {
    /// Another piece arrives. False if all have.
    fn next(&mut self) -> bool {
        let left = self.feed.bytes.len() - self.arrived;
        if left == 0 {
            return false;
        }
        let length = match self.feed.pieces {
            [] => left,
            pieces => match pieces[self.piece % pieces.len()] {
                0 => 256,
                length => usize::from(length),
            },
        };
        self.piece += 1;
        self.arrived += length.min(left);
        true
    }
}

impl Standing {
    fn of<R: Role>(connection: &Connection<R>) -> Self {
        Self {
            idle: connection.is_idle(),
            outstanding: connection.outstanding(),
            exchanges: connection.exchanges(),
            received: connection.received(),
            persistence: connection.persistence(),
            directive: connection.directive(),
            content_left: connection.content_left(),
            wait: connection.deadline().map(|(timer, _)| timer),
        }
    }
}
