//! One TCP connection: both directions, and what passed on it.

use std::net::SocketAddr;

use crate::dialogue::Dialogue;
use crate::ending::{self, Scene};
use crate::fate::{self, Evidence};
use crate::flow::{Flow, Piece};
use crate::life::{Close, How, Life, Opening, Protocol, Stop};
use crate::packet::Segment;
use crate::protocol;
use crate::side::{self, Side, SideBasis};
use crate::{Moment, Who};

/// Memory for what waits in one direction, at most, before a gap is given up.
const MOST_HELD: usize = 4 * 1024 * 1024;
/// Turns that are kept.
const MOST_TURNS: usize = 10_000;
/// A record that says only goodbye is no longer (a TLS alert, an HTTP/2 GOAWAY).
const GOODBYE: usize = 40;

/// A connection on its way. Its two ends are 0, who sent its first packet in the capture, and 1.
#[derive(Debug)]
pub(crate) struct Connection {
    number: u64,
    ends: [SocketAddr; 2],
    flows: [Flow; 2],
    /// Which end is the client, once that is known.
    client: Option<usize>,
    protocol: Protocol,
    dialogue: Dialogue,
    first: Moment,
    last: Moment,
    opening: Option<Opening>,
    closes: Vec<(usize, How, Moment, Option<u64>)>,
    /// The dialogue knows of the end's FIN.
    told: [bool; 2],
    ttl: [Option<u8>; 2],
    last_data: Option<Moment>,
    speaker: Option<usize>,
    turns: Vec<Moment>,
}

impl Connection {
    /// `most` exchanges are kept.
    pub(crate) fn new(number: u64, segment: &Segment<'_>, moment: Moment, most: usize) -> Self {
        Self {
            number,
            ends: [segment.from, segment.to],
            flows: [Flow::default(), Flow::default()],
            client: None,
            protocol: Protocol::Nothing,
            dialogue: Dialogue::new(!segment.syn, most),
            first: moment,
            last: moment,
            opening: None,
            closes: Vec::new(),
            told: [false; 2],
            ttl: [None; 2],
            last_data: None,
            speaker: None,
            turns: Vec::new(),
        }
    }

    /// This SYN opens another connection between the same two ends.
    pub(crate) fn is_over_for(&self, segment: &Segment<'_>) -> bool {
        let end = usize::from(segment.from != self.ends[0]);
        segment.syn && segment.ack.is_none() && (!self.closes.is_empty() || self.flows[end].is_another(segment.seq))
    }

    /// When its last packet passed, if it was closed before.
    pub(crate) fn closed(&self) -> Option<Moment> {
        (!self.closes.is_empty()).then_some(self.last)
    }

    /// Exchanges seen so far.
    pub(crate) fn exchanges(&self) -> usize {
        self.dialogue.exchanges()
    }

    /// Memory of bytes that wait for others before them.
    pub(crate) fn held(&self) -> usize {
        self.flows.iter().map(Flow::held).sum()
    }

    /// A segment of this connection. `full`: what waits for others is waited for no longer.
    pub(crate) fn segment(&mut self, segment: &Segment<'_>, moment: Moment, full: bool) {
        let end = usize::from(segment.from != self.ends[0]);
        self.last = moment;
        self.ttl[end].get_or_insert(segment.ttl);
        self.open(end, segment, moment);
        let acked = segment.ack.map(|ack| self.flows[1 - end].acknowledge(ack));
        self.flows[end].segment(segment, moment, acked.unwrap_or(0));
        for (is, how) in [(segment.fin, How::Fin), (segment.rst, How::Reset)] {
            if is && !self.closes.iter().any(|(by, other, ..)| (*by, *other) == (end, how)) {
                self.closes.push((end, how, moment, acked));
            }
        }
        self.flows.iter_mut().for_each(Flow::passed);
        let full = full || self.flows.iter().any(|flow| flow.held() > MOST_HELD);
        self.drain(full);
    }

    fn open(&mut self, end: usize, segment: &Segment<'_>, moment: Moment) {
        if segment.syn {
            let client = if segment.ack.is_some() { 1 - end } else { end };
            self.client.get_or_insert(client);
            if segment.ack.is_none() {
                self.opening.get_or_insert(Opening { syn: moment, accepted: None, acknowledged: None });
            } else if let Some(opening) = &mut self.opening {
                opening.accepted.get_or_insert(moment);
            }
        } else if self.client == Some(end)
            && let Some(opening @ Opening { accepted: Some(_), acknowledged: None, .. }) = &mut self.opening
        {
            opening.acknowledged = Some(moment);
        }
    }

    /// Gives on what is in order. A direction goes on only while the other one has no gap, since what
    /// is said there may depend on it.
    fn drain(&mut self, is_over: bool) {
        loop {
            let mut moved = false;
            for end in [0, 1] {
                while is_over || !self.flows[1 - end].has_gap() {
                    let Some(piece) = self.flows[end].take(is_over) else { break };
                    self.piece(end, &piece);
                    moved = true;
                }
            }
            if !moved {
                break;
            }
        }
        for end in [0, 1] {
            if !self.told[end]
                && self.flows[end].is_finished()
                && let Some((.., moment, _)) = self.closes.iter().find(|(by, how, ..)| (*by, *how) == (end, How::Fin))
            {
                self.told[end] = true;
                let who = self.who(end);
                self.dialogue.end(who, *moment);
            }
        }
    }

    fn piece(&mut self, end: usize, piece: &Piece) {
        if piece.bytes.len() > GOODBYE || self.last_data.is_none() {
            self.last_data = Some(piece.moment);
        }
        self.recognise(end, &piece.bytes);
        let who = self.who(end);
        if self.protocol == Protocol::Http1 {
            return self.dialogue.piece(who, piece);
        }
        if who == Who::Client && self.speaker != Some(end) && self.turns.len() < MOST_TURNS {
            self.turns.push(piece.moment);
        }
        self.speaker = Some(end);
    }

    fn recognise(&mut self, end: usize, bytes: &[u8]) {
        let fresh = !self.flows.iter().any(|flow| flow.begun_before);
        if bytes.is_empty() || !matches!((&self.protocol, fresh), (Protocol::Nothing, _) | (Protocol::Other, false)) {
            return;
        }
        if let Some(who) = protocol::sender(bytes)
            && self.client.is_none()
        {
            self.client = Some(if who == Who::Client { end } else { 1 - end });
        }
        let who = self.who(end);
        self.protocol = protocol::protocol(bytes, who, fresh).unwrap_or(Protocol::Other);
    }

    /// Without a sign the end with the lower port is the server.
    fn who(&self, end: usize) -> Who {
        let lower = usize::from(self.ends[1].port() <= self.ends[0].port());
        if self.client.unwrap_or(1 - lower) == end { Who::Client } else { Who::Server }
    }

    /// Everything that is known of it. `side`: where it was captured, if that was stated.
    pub(crate) fn finish(mut self, side: Option<Side>) -> Life {
        self.drain(true);
        for end in [0, 1] {
            if let Some((at, bytes)) = self.flows[end].take_lost_tail() {
                let who = self.who(end);
                self.dialogue.lacks(who, at, bytes);
            }
        }
        let client = usize::from(self.who(0) == Who::Server);
        let order = [client, 1 - client];
        let (client, server) = (self.ends[order[0]], self.ends[order[1]]);
        let mut closes: Vec<Close> = self
            .closes
            .iter()
            .map(|&(end, how, at, acked)| Close {
                by: if end == order[0] { Who::Client } else { Who::Server },
                how,
                at,
                acked,
            })
            .collect();
        closes.sort_by_key(|close| close.at.packet);
        let side = match side {
            Some(side) => (side, SideBasis::Stated),
            None => side::guess(client, server, self.opening, order.map(|end| self.ttl[end])),
        };
        let found = self.dialogue.finish();
        let mut exchanges = found.exchanges;
        let evidence = Evidence {
            closes: &closes,
            acked: self.flows[order[0]].acked,
            side: side.0,
            stops: found.stops,
            is_lossy: self.flows.iter().any(|flow| flow.lost > 0),
        };
        for exchange in &mut exchanges {
            exchange.outcome = fate::outcome(exchange, &evidence);
        }
        let is_http = matches!(self.protocol, Protocol::Http1 | Protocol::Nothing);
        let ending = ending::ending(&Scene {
            closes: &closes,
            exchanges: &exchanges,
            opening: self.opening,
            said: found.said,
            unasked: found.unasked,
            last_data: self.last_data,
            is_http,
            is_blind: found.stops.iter().any(|stop| matches!(stop, Some(Stop::Lacking { .. }))),
        });
        Life {
            number: self.number,
            client,
            server,
            first: self.first,
            last: self.last,
            opening: self.opening,
            protocol: self.protocol,
            side,
            exchanges,
            bytes: order.map(|end| self.flows[end].len()),
            repeated: order.map(|end| self.flows[end].repeated),
            lacking: order.map(|end| self.flows[end].lacking),
            stops: found.stops,
            ending,
            closes,
            unasked: found.unasked,
            turns: self.turns,
        }
    }
}
