//! A client, a server, and the time between them.

use std::time::{Duration, Instant};

use http::StatusCode;
use tenure_proto::{Client, CloseReason, Config, Directive, Limits, ProtocolError, Server};

use super::endpoint::Endpoint;
use super::{Operation, Settings, Side};

pub(super) struct Pair {
    client: Endpoint<Client>,
    server: Endpoint<Server>,
    now: Instant,
    /// A side has closed or been cut, the time has run out, or the connection was handed over: not
    /// every message needs to arrive.
    disturbed: bool,
}

impl Pair {
    pub(super) fn new(settings: Settings) -> Self {
        let limits = Limits { interim: u8::MAX, ..Limits::default() };
        let client = Config {
            limits: Limits { outstanding: settings.pipeline % 17, ..limits.clone() },
            http10_keep_alive: settings.client_persists_10,
            ..Config::default()
        };
        let server = Config {
            limits,
            http10_keep_alive: settings.server_persists_10,
            announce_idle: settings.announce_idle,
            ..Config::default()
        };
        Self { client: Endpoint::new(client), server: Endpoint::new(server), now: Instant::now(), disturbed: false }
    }

    pub(super) fn apply(&mut self, operation: Operation) {
        let (client, server) = (&mut self.client, &mut self.server);
        match operation {
            Operation::Deliver { to, bytes } => {
                self.deliver(to, (bytes > 0).then_some(usize::from(bytes)));
            }
            Operation::Request(head) => client.request(head),
            Operation::Respond(head) => server.respond(head),
            Operation::Interim(head) => server.interim(head),
            Operation::Content { by: Side::Client, length } if client.is_open() => {
                client.send_content(usize::from(length));
            }
            Operation::Content { by: Side::Server, length } if server.is_open() => {
                server.send_content(usize::from(length));
            }
            Operation::End { by: Side::Client, trailers } if client.is_open() => drop(client.send_end(trailers)),
            Operation::End { by: Side::Server, trailers } if server.is_open() => drop(server.send_end(trailers)),
            Operation::Content { .. } | Operation::End { .. } => {}
            Operation::Abandon => {
                self.disturbed |= client.connection.is_sending();
                client.connection.abandon_content();
            }
            Operation::CloseAfterCurrent(Side::Client) => {
                self.disturbed = true;
                client.connection.close_after_current(CloseReason::Shutdown);
            }
            Operation::CloseAfterCurrent(Side::Server) => {
                server.connection.close_after_current(CloseReason::Shutdown);
            }
            Operation::Close(side) => {
                self.disturbed = true;
                match side {
                    Side::Client => client.close(),
                    Side::Server => server.close(),
                }
            }
            Operation::HalfClose => {
                self.disturbed = true;
                client.finished = true;
            }
            Operation::TimePasses { seconds } => self.pass(Duration::from_secs(u64::from(seconds))),
        }
        self.obey();
    }

    /// The rest of the story: both programs complete what they owe, and then time runs out.
    pub(super) fn finish(mut self) {
        self.complete();
        if !self.disturbed {
            self.nothing_is_lost();
        }
        // Longer than every wait, for each wait that may follow another.
        for _ in 0..6 {
            self.pass(Duration::from_secs(1000));
            self.complete();
        }
        assert!(
            self.server.is_closed() || self.server.is_handed_over(),
            "the server waits for ever: {:?}",
            self.server
        );
        assert!(
            self.client.is_closed() || self.client.is_handed_over(),
            "the client waits for ever: {:?}",
            self.client
        );
    }

    /// No side closed of its own accord, so every message arrived, and both agree on what follows.
    fn nothing_is_lost(&self) {
        let (client, server) = (&self.client, &self.server);
        assert!(server.was_received_by(client), "a response was lost: {server:?} {client:?}");
        let goes_on = |directive| directive == Directive::Proceed;
        let persists = goes_on(server.connection.directive());
        assert_eq!(persists, goes_on(client.connection.directive()), "only one side persists: {server:?} {client:?}");
        if persists {
            assert!(client.was_received_by(server), "a request was lost: {server:?} {client:?}");
            assert!(client.connection.is_idle() && server.connection.is_idle());
            assert_eq!(client.connection.exchanges(), server.connection.exchanges());
        }
    }

    /// Everything travels, and both programs do what is due, until nothing moves.
    fn complete(&mut self) {
        loop {
            let mut moved = self.deliver(Side::Server, None) | self.deliver(Side::Client, None);
            moved |= self.client.complete_message() | self.server.complete_message();
            let server = &mut self.server;
            let may_answer = server.is_open() && !server.is_handed_over() && !server.connection.is_receiving_content();
            if may_answer && server.is_head_due() {
                server.respond_plainly(StatusCode::OK, 2);
                moved = true;
            }
            self.obey();
            if !moved {
                return;
            }
        }
    }

    fn deliver(&mut self, to: Side, bytes: Option<usize>) -> bool {
        let moved = match to {
            Side::Server => self.server.arrive(&mut self.client, bytes, self.now),
            Side::Client => self.client.arrive(&mut self.server, bytes, self.now),
        };
        self.obey();
        match moved {
            Ok(moved) => moved,
            Err(error) => {
                self.failed(to, error);
                true
            }
        }
    }

    /// A server answers the error of its client, if it can.
    fn failed(&mut self, side: Side, error: ProtocolError) {
        self.disturbed = true;
        if side == Side::Server && self.server.is_open() && self.server.is_head_due() {
            self.server.respond_plainly(error.status(), 0);
        }
        self.obey();
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        match self.client.expire(self.now) {
            Ok(acted) => self.disturbed |= acted,
            Err(error) => self.failed(Side::Client, error),
        }
        match self.server.expire(self.now) {
            Ok(acted) => self.disturbed |= acted,
            Err(error) => self.failed(Side::Server, error),
        }
        self.obey();
    }

    fn obey(&mut self) {
        self.disturbed |= self.client.is_handed_over() || self.server.is_handed_over();
        self.client.obey(self.now);
        self.server.obey(self.now);
    }
}
