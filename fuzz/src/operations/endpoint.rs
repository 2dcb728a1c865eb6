//! One side: a connection, and what a loop around it would hold.

use std::sync::Arc;
use std::time::Instant;

use tenure_proto::{CloseReason, Config, Connection, Directive, ErrorKind, Event, MisuseError, ProtocolError, Role};

use super::message::{Line, Sent, lines};

/// What differs between the roles when a head is received.
pub(super) trait Receives: Role {
    fn same_head(head: &Self::Head<'_>, sent: &Sent, config: &Config);
    fn same_interim(head: &Self::Interim<'_>, sent: &Sent);
}

#[derive(Debug)]
pub(super) struct Endpoint<R: Role> {
    pub(super) connection: Connection<R>,
    /// Sent, and not yet arrived at the other side.
    pub(super) wire: Vec<u8>,
    /// This side sends nothing after that.
    pub(super) finished: bool,
    /// Everything sent, oldest first, interim responses among them.
    pub(super) sent: Vec<Sent>,
    /// The peer's messages that have arrived.
    pub(super) received: usize,
    /// Arrived and not used.
    input: Vec<u8>,
    /// Content of the message under way that has arrived; `None` between messages.
    content: Option<usize>,
    /// The peer's close has arrived.
    peer_finished: bool,
}

impl<R: Receives> Endpoint<R> {
    pub(super) fn new(config: Config) -> Self {
        Self {
            connection: Connection::new(Arc::new(config)),
            wire: vec![],
            finished: false,
            sent: vec![],
            received: 0,
            input: vec![],
            content: None,
            peer_finished: false,
        }
    }

    /// Sends by `call`. A refusal must leave everything as it was.
    pub(super) fn attempt<T>(
        &mut self,
        call: impl FnOnce(&mut Connection<R>, &mut Vec<u8>) -> Result<T, MisuseError>,
    ) -> Option<T> {
        let (before, length) = (self.connection.clone(), self.wire.len());
        match call(&mut self.connection, &mut self.wire) {
            Ok(done) => Some(done),
            Err(error) => {
                assert_eq!(self.wire.len(), length, "{error}: something was written");
                assert_eq!(format!("{before:?}"), format!("{:?}", self.connection), "{error}: it left a trace");
                None
            }
        }
    }

    /// Sends some content of the message under way. False if the core refused it.
    pub(super) fn send_content(&mut self, length: usize) -> bool {
        let Some(piece) = self.sent.last().map(|sent| sent.next_content(length)) else { return false };
        let accepted = self.attempt(|connection, wire| {
            let around = connection.send_content(length)?;
            wire.extend_from_slice(around.before());
            wire.extend_from_slice(&piece);
            wire.extend_from_slice(around.after());
            Ok(())
        });
        if let (Some(()), Some(sent)) = (accepted, self.sent.last_mut()) {
            sent.content.extend(piece);
        }
        accepted.is_some()
    }

    /// Ends the message under way. False if the core refused it.
    pub(super) fn send_end(&mut self, trailers: u8) -> bool {
        let trailers: Vec<Line> = lines([trailers, trailers.rotate_left(3), 63]).collect();
        let accepted = self.attempt(|connection, wire| connection.send_end(trailers.iter().copied(), wire));
        if let (Some(()), Some(sent)) = (accepted, self.sent.last_mut()) {
            (sent.trailers, sent.ended) = (trailers, true);
        }
        accepted.is_some()
    }

    /// Ends the message under way as its head announced. False if there is none.
    pub(super) fn complete_message(&mut self) -> bool {
        if !self.is_open() || !self.connection.is_sending() {
            return false;
        }
        let owed = self.sent.last().map_or(0, Sent::owed);
        assert!(self.send_content(owed), "announced content is refused");
        assert!(self.send_end(63), "the end is refused");
        true
    }

    /// Takes bytes from the peer's wire, or its close. `None` is all of them. False if nothing moved.
    ///
    /// # Errors
    /// The peer was cut short.
    pub(super) fn arrive<P: Role>(
        &mut self,
        peer: &mut Endpoint<P>,
        bytes: Option<usize>,
        now: Instant,
    ) -> Result<bool, ProtocolError> {
        let count = bytes.unwrap_or(usize::MAX).min(peer.wire.len());
        let arrived = peer.wire.drain(..count);
        if self.is_closed() || self.connection.directive() == Directive::HandOver {
            return Ok(arrived.count() > 0);
        }
        self.input.extend(arrived);
        let mut moved = self.receive(&peer.sent, now) || count > 0;
        if peer.wire.is_empty() && peer.finished && !self.peer_finished && !self.is_handed_over() {
            (self.peer_finished, moved) = (true, true);
            self.receive_eof(&peer.sent)?;
            self.receive(&peer.sent, now);
        }
        Ok(moved)
    }

    /// Receives what there is. False if nothing came of it.
    fn receive(&mut self, sent: &[Sent], now: Instant) -> bool {
        let mut moved = false;
        let mut input = std::mem::take(&mut self.input);
        loop {
            let (used, event) = match self.connection.receive(&input, now) {
                Ok(step) => step,
                Err(error) => panic!("what was accepted for sending is refused: {error}"),
            };
            let goes_on = self.note(event, sent);
            input.drain(..used);
            moved |= used > 0;
            if !goes_on {
                self.input = input;
                return moved;
            }
        }
    }

    fn receive_eof(&mut self, sent: &[Sent]) -> Result<(), ProtocolError> {
        match self.connection.receive_eof() {
            Ok(event) => {
                self.note(event, sent);
                Ok(())
            }
            Err(error) => {
                let cut = match error.kind() {
                    ErrorKind::IncompleteContent => !sent[self.received].ended,
                    ErrorKind::NoResponse => self.received == sent.len(),
                    // Heads are sent whole.
                    _ => false,
                };
                assert!(cut, "the peer was not cut short: {error}");
                Err(error)
            }
        }
    }

    /// Compares an event with what was sent. False if there is nothing more to receive now.
    fn note(&mut self, event: Event<'_, R>, sent: &[Sent]) -> bool {
        let due = sent.get(self.received);
        let due = || due.expect("a message was made up");
        match event {
            Event::Head(head) => {
                assert!(self.content.is_none());
                R::same_head(&head, due(), self.connection.config());
                self.content = Some(0);
            }
            Event::Interim(head) => {
                R::same_interim(&head, due());
                self.received += 1;
            }
            Event::Content(piece) => {
                let before = self.content.expect("a head came first");
                assert!(due().content[before..].starts_with(piece), "other content than was sent");
                self.content = Some(before + piece.len());
            }
            Event::End(trailers) => {
                due().same_end(self.content.take().expect("a head came first"), trailers);
                self.received += 1;
            }
            Event::NeedInput | Event::Paused | Event::HandOver | Event::Closed => return false,
        }
        true
    }

    /// Does to the socket what the core says.
    pub(super) fn obey(&mut self, now: Instant) {
        match self.connection.directive() {
            Directive::Proceed | Directive::Linger(_) | Directive::HandOver => {}
            Directive::HalfClose(_) => {
                self.finished = true;
                self.connection.half_closed(now);
            }
            Directive::Close(_) => self.finished = true,
        }
    }

    /// Lets the core see the time. It must not act before its deadline, and must act then.
    ///
    /// # Errors
    /// The peer was too slow.
    pub(super) fn expire(&mut self, now: Instant) -> Result<bool, ProtocolError> {
        let due = self.connection.deadline().is_some_and(|(_, at)| at <= now);
        let state =
            |connection: &Connection<R>| (connection.directive(), connection.persistence(), connection.deadline());
        let before = state(&self.connection);
        let result = self.connection.expire(now);
        let acted = before != state(&self.connection);
        assert_eq!(acted, due, "a deadline was missed, or kept too early");
        result.map(|()| acted)
    }

    pub(super) fn close(&mut self) {
        self.connection.close(CloseReason::Shutdown);
    }

    /// The socket is closed: nothing is sent or received.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.connection.directive(), Directive::Close(_))
    }

    pub(super) fn is_handed_over(&self) -> bool {
        self.connection.directive() == Directive::HandOver
    }

    /// This side may still send.
    pub(super) fn is_open(&self) -> bool {
        !self.finished && !self.is_closed()
    }

    /// Every message of this side arrived whole at `peer`.
    pub(super) fn was_received_by<P: Role>(&self, peer: &Endpoint<P>) -> bool {
        peer.received == self.sent.len() && self.sent.iter().all(|sent| sent.ended)
    }
}
