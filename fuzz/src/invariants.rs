//! What must hold at every step of a connection, whatever the bytes are.

use tenure_proto::{Connection, Directive, Framing, Persistence, ProtocolError, Role};

/// A step, without the bytes it borrows.
pub(crate) enum Kind {
    Head(Framing),
    Interim,
    /// With its length.
    Content(u64),
    End,
    NeedInput,
    Paused,
    HandOver,
    Closed,
    Error(ProtocolError),
}

/// Where the message under way stands, kept apart from the connection's own idea of it.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Phase {
    Between,
    Content {
        framing: Framing,
        received: u64,
    },
    /// The message is whole; the exchange may not be.
    Complete,
    /// No further message.
    Over,
}

pub(crate) struct Invariants {
    phase: Phase,
    /// Heads, and errors that came instead of one.
    begun: u64,
    persistence: Persistence,
}

impl Default for Invariants {
    fn default() -> Self {
        Self { phase: Phase::Between, begun: 0, persistence: Persistence::Persist }
    }
}

impl Invariants {
    pub(crate) const fn begun(&self) -> u64 {
        self.begun
    }

    /// After an event, before the application has acted on it. `eof`: the peer's close caused it.
    pub(crate) fn step<R: Role>(&mut self, kind: &Kind, connection: &Connection<R>, eof: bool) {
        self.phase = match (self.phase, kind) {
            (Phase::Between, Kind::NeedInput | Kind::Interim) => Phase::Between,
            // A client's exchange may have ended with the message.
            (Phase::Between | Phase::Complete, Kind::Head(framing))
                if !R::IS_SERVER || self.phase == Phase::Between =>
            {
                self.begun += 1;
                Phase::Content { framing: *framing, received: 0 }
            }
            (Phase::Content { framing, received }, Kind::Content(length)) => {
                assert!(*length > 0, "an empty piece of content");
                content(connection, framing, received + length)
            }
            (Phase::Content { framing, received }, Kind::NeedInput) => Phase::Content { framing, received },
            (Phase::Content { framing, received }, Kind::End) => {
                match framing {
                    Framing::Length(length) => assert_eq!(received, length, "content of another length than announced"),
                    Framing::Chunked => assert!(!eof, "a chunked message ended by a close"),
                    Framing::CloseDelimited => assert!(eof, "a close-delimited message ended before the close"),
                }
                Phase::Complete
            }
            (Phase::Complete, Kind::Paused) => Phase::Complete,
            (Phase::Complete, Kind::NeedInput | Kind::Interim) if !R::IS_SERVER => Phase::Between,
            (_, Kind::HandOver) => {
                assert_eq!(connection.directive(), Directive::HandOver);
                Phase::Over
            }
            (_, Kind::Closed) => {
                assert!(matches!(connection.persistence(), Persistence::Close(_)));
                Phase::Over
            }
            (Phase::Between, Kind::Error(_)) => {
                self.begun += 1;
                Phase::Over
            }
            (Phase::Content { .. } | Phase::Complete, Kind::Error(_)) => Phase::Over,
            (phase, _) => panic!("an event out of order: {}, {phase:?}", kind.name()),
        };
        // A client waits for nothing while no request is outstanding, nor for the response to one it still sends.
        let client_waits = connection.outstanding() > usize::from(connection.is_sending());
        if matches!(kind, Kind::NeedInput) && (R::IS_SERVER || client_waits) {
            assert!(connection.deadline().is_some(), "waits without an end: {connection:?}");
        }
    }

    /// After the application has acted. `begun` is how many exchanges there were.
    pub(crate) fn after<R: Role>(&mut self, connection: &Connection<R>, begun: u64) {
        assert_eq!(connection.exchanges() + connection.outstanding() as u64, begun, "an exchange was lost or made up");
        if R::IS_SERVER {
            assert!(connection.outstanding() <= 1);
            let exchange_ended = self.phase == Phase::Complete && connection.outstanding() == 0;
            if exchange_ended && connection.directive() == Directive::Proceed {
                self.phase = Phase::Between;
            }
        }
        if let Persistence::Close(_) = self.persistence {
            assert_ne!(connection.persistence(), Persistence::Persist, "a closing connection persists again");
        }
        self.persistence = connection.persistence();
        if let Directive::HalfClose(_) | Directive::Linger(_) | Directive::Close(_) = connection.directive() {
            assert_ne!(self.persistence, Persistence::Persist);
            assert!(!connection.is_idle());
            self.phase = Phase::Over;
        }
        if self.phase == Phase::Over {
            assert!(!connection.is_receiving_content());
        }
    }
}

/// Content never exceeds what the head announced, nor the limit, and the connection counts as we do.
fn content<R: Role>(connection: &Connection<R>, framing: Framing, received: u64) -> Phase {
    assert!(received <= connection.config().limits.content, "{received} bytes of content exceed the limit");
    let left = match framing {
        Framing::Length(length) => {
            assert!(received <= length, "{received} bytes of content, {length} were announced");
            Some(length - received)
        }
        _ => None,
    };
    assert_eq!(connection.content_left(), left);
    Phase::Content { framing, received }
}

impl Kind {
    const fn name(&self) -> &'static str {
        match self {
            Self::Head(_) => "a head",
            Self::Interim => "an interim response",
            Self::Content(_) => "content",
            Self::End => "an end",
            Self::NeedInput => "input needed",
            Self::Paused => "paused",
            Self::HandOver => "a hand-over",
            Self::Closed => "closed",
            Self::Error(_) => "an error",
        }
    }
}
