//! The client's side: requests sent, responses received.

use tenure_proto::{Client, Config, Framing, Persistence, RequestLine, ResponseHead, Version};

use super::Head;
use super::endpoint::{Endpoint, Receives};
use super::message::{Line, REQUESTS, Sent, Start, lines};

impl Receives for Client {
    fn same_head(head: &ResponseHead<'_>, sent: &Sent, _: &Config) {
        assert_eq!(sent.start, Start::Response(head.status));
        assert_eq!(head.framing, sent.framing);
        sent.same_fields(head.fields);
        let closes = matches!(head.persistence, Persistence::Close(_));
        assert_eq!(closes, sent.closes, "the two sides disagree on what follows this response");
    }

    fn same_interim(head: &ResponseHead<'_>, sent: &Sent) {
        assert_eq!(sent.start, Start::Interim(head.status));
        assert_eq!(head.framing, Framing::Length(0));
        sent.same_fields(head.fields);
    }
}

impl Endpoint<Client> {
    /// Sends a request's head, if the core accepts it.
    pub(super) fn request(&mut self, head: Head) {
        if !self.is_open() || self.is_handed_over() {
            return;
        }
        let (method, target) = head.pick(&REQUESTS);
        let version = if head.http10 { Version::Http10 } else { Version::Http11 };
        let host: Line = (b"Host", b"a.example");
        let fields = std::iter::once(host).chain(lines(head.fields));
        let line = RequestLine { method, target, version };
        let accepted =
            self.attempt(|connection, wire| connection.send_head(line, fields.clone(), head.content(), wire));
        if let Some(framing) = accepted {
            let closes = self.connection.persistence() != Persistence::Persist;
            let start = Start::Request { method, target, http10: head.http10 };
            self.sent.push(Sent::new(start, fields, framing, closes));
        }
    }
}
