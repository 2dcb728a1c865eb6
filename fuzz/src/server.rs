//! Bytes to a server's connection: whole, cut where the fuzzer says, and byte by byte; and with fields known before.
//!
//! Input: the header of [`crate::settings`], whose own two bytes say when and how the program
//! answers, then what the client sends.

use http::StatusCode;
use tenure_proto::{Connection, Directive, Framing, MisuseError, Persistence, ProtocolError, RequestHead, Server};

use crate::feed::{Application, compare, run};
use crate::settings::Settings;

/// Runs one input.
///
/// # Panics
/// An invariant does not hold, or the outcome depends on how the bytes were cut, or on what was known.
pub fn check(data: &[u8]) {
    let Some(settings) = Settings::new(data) else { return };
    let [when, what] = settings.own;
    compare([settings.bytes, settings.pieces], settings.eof(), |feed, known| {
        run(Connection::new(settings.config()), Program::new(when, what), feed, known)
    });
}

/// When the program answers. The request's content may still be on its way.
#[derive(Clone, Copy, PartialEq)]
enum When {
    /// When the request is whole.
    AtEnd,
    /// As soon as its head has come.
    AtHead,
    /// The head at once, content and end when the request is whole.
    InTwo,
    /// As at the end, with an interim response as soon as the head has come.
    WithInterim,
}

/// A program that answers each request in a way that only depends on its two bytes.
struct Program {
    when: When,
    what: u8,
    sent: Vec<u8>,
    /// Content still owed: its length, and how much of it the head announced.
    owed: Option<Framing>,
    /// The exchange under way has its answer.
    answered: bool,
}

type FieldLine<'a> = (&'a [u8], &'a [u8]);

/// Status, fields, and the length of the content if the head says it.
const ANSWERS: [(StatusCode, &[FieldLine<'_>], Option<u64>); 8] = [
    (StatusCode::NO_CONTENT, &[], Some(0)),
    (StatusCode::OK, &[(b"Content-Type", b"text/plain")], Some(5)),
    (StatusCode::OK, &[], None),
    (StatusCode::OK, &[(b"Connection", b"close")], Some(0)),
    (StatusCode::SWITCHING_PROTOCOLS, &[(b"Upgrade", b"example")], Some(0)),
    (StatusCode::NOT_MODIFIED, &[(b"Content-Length", b"7")], None),
    (StatusCode::NOT_FOUND, &[], Some(0)),
    (StatusCode::OK, &[(b"Transfer-Encoding", b"chunked"), (b"Connection", b"x-a")], None),
];

impl Program {
    const fn new(when: u8, what: u8) -> Self {
        let when = match when % 4 {
            0 => When::AtEnd,
            1 => When::AtHead,
            2 => When::InTwo,
            _ => When::WithInterim,
        };
        Self { when, what, sent: Vec::new(), owed: None, answered: false }
    }

    fn send_head(&mut self, connection: &mut Connection<Server>) -> Result<(), MisuseError> {
        let (status, fields, content) = ANSWERS[usize::from(self.what) % ANSWERS.len()];
        let before = self.sent.len();
        match connection.send_head(status, fields.iter().copied(), content, &mut self.sent) {
            Ok(framing) => {
                self.owed = Some(framing);
                self.answered = true;
                Ok(())
            }
            Err(error) => {
                assert_eq!(self.sent.len(), before, "a refused head wrote something");
                Err(error)
            }
        }
    }

    fn send_rest(&mut self, connection: &mut Connection<Server>) {
        let piece = match self.owed.take() {
            Some(Framing::Length(length)) => vec![b'x'; length as usize],
            Some(_) => b"content".to_vec(),
            None => return,
        };
        let around = connection.send_content(piece.len()).expect("what the head announced");
        self.sent.extend_from_slice(around.before());
        self.sent.extend_from_slice(&piece);
        self.sent.extend_from_slice(around.after());
        connection.send_end([(&b"x-trailer"[..], &b"1"[..])], &mut self.sent).expect("all content was sent");
    }

    /// Answers that need no consent of the request are always possible.
    fn send_plain(&mut self, connection: &mut Connection<Server>, status: StatusCode) {
        let framing = connection.send_head(status, [], Some(0), &mut self.sent);
        self.owed = Some(framing.expect("an answer is due"));
        self.answered = true;
    }
}

impl Application<Server> for Program {
    fn framing(head: &RequestHead<'_>) -> Framing {
        head.framing
    }

    fn on_head(&mut self, connection: &mut Connection<Server>) {
        self.answered = false;
        match self.when {
            When::AtEnd => {}
            When::AtHead => {
                if self.send_head(connection).is_ok() {
                    self.send_rest(connection);
                }
            }
            // Too early for a hand-over: the request is not whole. It is tried again at its end.
            When::InTwo => drop(self.send_head(connection)),
            When::WithInterim => {
                let status = if connection.expects_continue() { StatusCode::CONTINUE } else { StatusCode::EARLY_HINTS };
                connection.send_interim(status, [], &mut self.sent).expect("a response is due");
                assert!(!connection.expects_continue());
            }
        }
    }

    fn on_paused(&mut self, connection: &mut Connection<Server>) {
        if !self.answered && self.send_head(connection).is_err() {
            self.send_plain(connection, StatusCode::INTERNAL_SERVER_ERROR);
        }
        self.send_rest(connection);
        assert!(!connection.is_sending());
    }

    fn on_error(&mut self, connection: &mut Connection<Server>, error: ProtocolError) {
        if connection.outstanding() > 0 && self.owed.is_none() {
            let start = self.sent.len();
            self.send_plain(connection, error.status());
            let head = &self.sent[start..];
            let line = b"\r\nconnection: close\r\n";
            let says_close = head.windows(line.len()).any(|w| w.eq_ignore_ascii_case(line));
            assert!(says_close || head.is_empty(), "the answer to an error does not say close");
        }
        self.send_rest(connection);
        assert!(
            matches!(connection.directive(), Directive::HalfClose(_) | Directive::Close(_)),
            "goes on after an error"
        );
        assert!(matches!(connection.persistence(), Persistence::Close(_)));
    }

    fn begun(&self, received: u64) -> u64 {
        received
    }

    fn sent(&self) -> &[u8] {
        &self.sent
    }
}
