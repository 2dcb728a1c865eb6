//! The server's side: requests received, responses sent.

use std::convert::Infallible;

use http::StatusCode;
use tenure_proto::{Config, Framing, Persistence, RequestHead, Server, Version};

use super::Head;
use super::endpoint::{Endpoint, Receives};
use super::message::{INTERIM, STATUSES, Sent, Start, lines};

impl Receives for Server {
    fn same_head(head: &RequestHead<'_>, sent: &Sent, config: &Config) {
        let Start::Request { method, target, http10 } = sent.start else { panic!("a client sends requests") };
        assert_eq!((head.method, head.target), (method.as_bytes(), target.as_bytes()));
        assert_eq!(head.version, if http10 { Version::Http10 } else { Version::Http11 });
        assert_eq!(head.framing, sent.framing);
        sent.same_fields(head.fields);
        // A server may persist less than the client asks, never more.
        let refuses = http10 && !config.http10_keep_alive;
        let closes = matches!(head.persistence, Persistence::Close(_));
        assert_eq!(closes, sent.closes || refuses, "the two sides disagree on what follows this request");
    }

    fn same_interim(head: &Infallible, _: &Sent) {
        match *head {}
    }
}

impl Endpoint<Server> {
    /// Sends a final response's head, if the core accepts it.
    pub(super) fn respond(&mut self, head: Head) {
        if !self.is_open() {
            return;
        }
        let status = StatusCode::from_u16(head.pick(&STATUSES)).expect("a valid table");
        self.send_final(status, head);
    }

    /// A response that needs no consent of the request. The answer to a head that could not be read
    /// has no content: the request may have been a HEAD.
    pub(super) fn respond_plainly(&mut self, status: StatusCode, content: u8) {
        let answered = self.sent.len();
        self.send_final(status, Head { start: 0, http10: false, fields: [63; 3], content: Some(content) });
        assert_eq!(self.sent.len(), answered + 1, "the answer that is due is refused");
    }

    fn send_final(&mut self, status: StatusCode, head: Head) {
        let fields = lines(head.fields);
        let accepted =
            self.attempt(|connection, wire| connection.send_head(status, fields.clone(), head.content(), wire));
        if let Some(framing) = accepted {
            // What follows a hand-over is the other protocol's affair.
            let closes = self.connection.persistence() != Persistence::Persist && !self.is_handed_over();
            self.sent.push(Sent::new(Start::Response(status), fields, framing, closes));
        }
    }

    /// Sends an interim response, if the core accepts it and the client knows it.
    pub(super) fn interim(&mut self, head: Head) {
        // An interim response after the final one's head would be the program's own mistake.
        if !self.is_open() || !self.is_head_due() {
            return;
        }
        let status = StatusCode::from_u16(head.pick(&INTERIM)).expect("a valid table");
        let fields = lines(head.fields);
        let before = self.wire.len();
        let accepted = self.attempt(|connection, wire| connection.send_interim(status, fields.clone(), wire));
        if accepted.is_some() && self.wire.len() > before {
            self.sent.push(Sent::new(Start::Interim(status), fields, Framing::Length(0), false));
        }
    }

    /// A request waits for its final response's head.
    pub(super) fn is_head_due(&self) -> bool {
        let finals = self.sent.iter().filter(|sent| matches!(sent.start, Start::Response(_))).count();
        self.connection.outstanding() > 0 && finals as u64 == self.connection.exchanges()
    }
}
