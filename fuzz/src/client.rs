//! Bytes to a client's connection with requests outstanding: whole, cut where the fuzzer says, and
//! byte by byte; and with fields known before.
//!
//! Input: the header of [`crate::settings`], whose own two bytes say which requests were sent, then
//! what the server sends.

use tenure_proto::{Client, Connection, Framing, ProtocolError, RequestLine, ResponseHead, Version};

use crate::feed::{Application, compare, run};
use crate::settings::Settings;

/// Runs one input.
///
/// # Panics
/// An invariant does not hold, or the outcome depends on how the bytes were cut, or on what was known.
pub fn check(data: &[u8]) {
    let Some(settings) = Settings::new(data) else { return };
    compare([settings.bytes, settings.pieces], settings.eof(), |feed, known| {
        let mut connection = Connection::new(settings.config());
        let program = Program::send(Requests::new(settings.own), &mut connection);
        run(connection, program, feed, known)
    });
}

/// The requests a program sends before it receives anything.
struct Requests {
    /// Up to four, oldest first.
    methods: Vec<&'static str>,
    version: Version,
    /// The last one says `Connection: close`.
    close: bool,
    /// The first one asks for an upgrade.
    upgrade: bool,
    /// The last one's content is not all sent yet.
    unfinished: bool,
    /// If the response is there first, the rest of the content is not sent at all.
    abandons: bool,
}

impl Requests {
    /// Two bits of `methods` a method; of `flags` bits 0 to 2 say how many there are.
    fn new([flags, methods]: [u8; 2]) -> Self {
        let count = usize::from(flags & 7).min(4);
        let method = |i| ["GET", "HEAD", "POST", "CONNECT"][usize::from(methods >> (2 * i) & 3)];
        Self {
            methods: (0..count).map(method).collect(),
            version: if flags & 8 != 0 { Version::Http10 } else { Version::Http11 },
            close: flags & 16 != 0,
            upgrade: flags & 32 != 0,
            unfinished: flags & 64 != 0,
            abandons: flags & 128 != 0,
        }
    }
}

struct Program {
    sent: Vec<u8>,
    requests: u64,
    abandons: bool,
}

impl Program {
    fn send(requests: Requests, connection: &mut Connection<Client>) -> Self {
        let mut program = Self { sent: Vec::new(), requests: 0, abandons: requests.abandons };
        for (i, &method) in requests.methods.iter().enumerate() {
            let last = i + 1 == requests.methods.len();
            let target = if method == "CONNECT" { "a.example:443" } else { "/" };
            let line = RequestLine { method, target, version: requests.version };
            let mut fields = vec![(&b"Host"[..], &b"a.example"[..])];
            fields.extend((requests.close && last).then_some((&b"Connection"[..], &b"close"[..])));
            fields.extend((requests.upgrade && i == 0).then_some((&b"Upgrade"[..], &b"example"[..])));
            let unfinished = requests.unfinished && last;
            let content = Some(if unfinished { 3 } else { 0 });
            // Refused where HTTP/1.0 may not persist, so that there is no second request.
            if connection.send_head(line, fields, content, &mut program.sent).is_err() {
                break;
            }
            program.requests += 1;
            if !unfinished {
                connection.send_end([], &mut program.sent).expect("it has no content");
            }
        }
        program
    }
}

impl Application<Client> for Program {
    fn framing(head: &ResponseHead<'_>) -> Framing {
        head.framing
    }

    fn on_paused(&mut self, connection: &mut Connection<Client>) {
        assert!(connection.is_sending(), "a client paused although its requests are sent");
        if self.abandons {
            connection.abandon_content();
        } else {
            let around = connection.send_content(3).expect("it was announced");
            assert!(around.before().is_empty() && around.after().is_empty());
            self.sent.extend_from_slice(b"abc");
            connection.send_end([], &mut self.sent).expect("all content was sent");
        }
    }

    fn on_error(&mut self, connection: &mut Connection<Client>, _: ProtocolError) {
        assert!(connection.directive().reason().is_some(), "goes on after an error");
    }

    fn begun(&self, _: u64) -> u64 {
        self.requests
    }

    fn sent(&self) -> &[u8] {
        &self.sent
    }
}
