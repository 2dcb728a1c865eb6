//! One direction of a TCP connection: sequence numbers become places in a stream, and bytes are
//! given on in their order.

use std::collections::BTreeMap;

use crate::Moment;
use crate::packet::Segment;

/// Memory for bytes that came before others they stand behind, at most; then the gap is taken for lost.
const MOST_HELD: usize = 4 * 1024 * 1024;
/// What a piece takes beside its bytes.
const PIECE: usize = 128;
/// Packets of the connection that a gap is waited for, once its receiver has acknowledged it.
const PATIENCE: u32 = 64;

/// A piece of the stream, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Piece {
    /// Place of its first byte.
    pub(crate) at: u64,
    /// When it passed first.
    pub(crate) moment: Moment,
    /// How much of the other direction its sender had received by then.
    pub(crate) acked: u64,
    /// As far as it was recorded.
    pub(crate) bytes: Vec<u8>,
    /// Bytes behind those that were not recorded.
    pub(crate) missing: u64,
}

impl Piece {
    fn end(&self) -> u64 {
        self.at + self.bytes.len() as u64 + self.missing
    }

    /// Memory that it takes.
    fn size(&self) -> usize {
        self.bytes.len() + PIECE
    }

    /// Without its first bytes, up to the place `at`.
    fn after(mut self, at: u64) -> Self {
        let skip = at.saturating_sub(self.at);
        let known = usize::try_from(skip).unwrap_or(usize::MAX).min(self.bytes.len());
        self.bytes.drain(..known);
        self.missing = self.missing.saturating_sub(skip - known as u64);
        self.at += skip;
        self
    }
}

/// One direction.
#[derive(Default, Debug)]
pub(crate) struct Flow {
    /// Sequence number of the stream's first byte, or of the first one seen.
    first: Option<u32>,
    /// The first packet was no SYN.
    pub(crate) begun_before: bool,
    /// Place of the next byte to give on.
    next: u64,
    held: BTreeMap<u64, Piece>,
    held_bytes: usize,
    /// Packets seen since the gap was acknowledged.
    waited: u32,
    /// Up to where the receiver has acknowledged.
    pub(crate) acked: u64,
    /// Where the sender closed its side.
    pub(crate) fin_at: Option<u64>,
    /// Segments that carried nothing new.
    pub(crate) repeated: u64,
    /// Bytes that the capture lacks: lost by the recorder, or cut off.
    pub(crate) lacking: u64,
    /// Of those, the ones in packets that are not there at all.
    pub(crate) lost: u64,
}

impl Flow {
    /// Takes a segment of this direction. `acked`: the other direction's place it acknowledges.
    pub(crate) fn segment(&mut self, segment: &Segment<'_>, moment: Moment, acked: u64) {
        if segment.syn {
            self.first.get_or_insert(segment.seq.wrapping_add(1));
            return;
        }
        if self.first.is_none() {
            self.first = Some(segment.seq);
            self.begun_before = true;
        }
        let Some(at) = self.place(segment.seq) else { return };
        let len = u64::from(segment.len);
        if segment.fin {
            self.fin_at.get_or_insert(at.saturating_add_unsigned(len).max(0).unsigned_abs());
        }
        if len == 0 {
            return;
        }
        let (bytes, missing) = (segment.payload.to_vec(), len - segment.payload.len() as u64);
        let skip = at.min(0).unsigned_abs();
        let piece = Piece { at: at.max(0).unsigned_abs(), moment, acked, bytes, missing };
        if skip >= len || piece.at + len - skip <= self.next {
            // A probe repeats one byte to keep the connection alive; that is no loss.
            self.repeated += u64::from(len > 1);
            return;
        }
        let piece = if skip > 0 { Piece { at: 0, ..piece.after(skip) } } else { piece };
        self.hold(piece.after_if(self.next));
    }

    fn hold(&mut self, piece: Piece) {
        match self.held.get(&piece.at) {
            Some(other) if other.end() >= piece.end() => self.repeated += 1,
            _ => {
                self.held_bytes += piece.size();
                if let Some(other) = self.held.insert(piece.at, piece) {
                    self.held_bytes -= other.size();
                }
            }
        }
    }

    /// The next piece, if it is there. After a gap that will not be filled any more, that is one
    /// without bytes.
    pub(crate) fn take(&mut self, is_over: bool) -> Option<Piece> {
        loop {
            let mut entry = self.held.first_entry()?;
            if entry.get().end() <= self.next {
                self.held_bytes -= entry.remove().size();
                self.repeated += 1;
                continue;
            }
            if *entry.key() > self.next {
                if !is_over && !self.gives_up() {
                    return None;
                }
                let (at, first) = (self.next, self.held.first_entry()?);
                let missing = first.key() - at;
                let Piece { moment, acked, .. } = *first.get();
                self.next += missing;
                self.lacking += missing;
                self.lost += missing;
                self.waited = 0;
                return Some(Piece { at, moment, acked, bytes: Vec::new(), missing });
            }
            let moment = entry.get_mut().moment;
            let piece = entry.remove();
            self.held_bytes -= piece.size();
            let piece = Piece { moment, ..piece.after(self.next) };
            self.next = piece.end();
            self.lacking += piece.missing;
            self.waited = 0;
            return Some(piece);
        }
    }

    /// True while bytes wait behind others that did not come yet.
    pub(crate) fn has_gap(&self) -> bool {
        self.held.first_key_value().is_some_and(|(at, _)| *at > self.next)
    }

    /// Memory of what waits.
    pub(crate) const fn held(&self) -> usize {
        self.held_bytes
    }

    /// A packet of the connection has passed.
    pub(crate) fn passed(&mut self) {
        let acknowledged = self.held.first_key_value().is_some_and(|(at, _)| *at <= self.acked);
        self.waited = if acknowledged { self.waited.saturating_add(1) } else { 0 };
    }

    /// The receiver acknowledges. Returns the place.
    pub(crate) fn acknowledge(&mut self, ack: u32) -> u64 {
        let Some(place) = self.place(ack) else { return self.acked };
        // Behind the FIN there is one number more.
        let end = self.fin_at.unwrap_or(u64::MAX);
        let place = place.max(0).unsigned_abs().min(end);
        // A number far from anything sent is nonsense; no window is larger than 1 GiB.
        if place <= self.highest().saturating_add(1 << 30) {
            self.acked = self.acked.max(place);
        }
        place
    }

    /// Every byte up to the sender's FIN was given on.
    pub(crate) fn is_finished(&self) -> bool {
        self.fin_at.is_some_and(|end| self.next >= end)
    }

    /// Bytes of the stream so far.
    pub(crate) fn len(&self) -> u64 {
        self.highest()
    }

    /// The place where the capture has no more bytes though the receiver acknowledged some, or the
    /// sender closed behind some; and how many. Everything that is there was given on.
    pub(crate) fn take_lost_tail(&mut self) -> Option<(u64, u64)> {
        let end = self.fin_at.unwrap_or(0).max(self.acked);
        let missing = end.checked_sub(self.next).filter(|missing| *missing > 0)?;
        self.lacking += missing;
        self.lost += missing;
        Some((self.next, missing))
    }

    /// True for the SYN of another connection between the same two addresses.
    pub(crate) fn is_another(&self, syn: u32) -> bool {
        self.first.is_some_and(|first| first != syn.wrapping_add(1))
    }

    fn highest(&self) -> u64 {
        self.held.last_key_value().map_or(self.next, |(_, piece)| piece.end().max(self.next))
    }

    fn gives_up(&self) -> bool {
        self.held_bytes > MOST_HELD || self.waited > PATIENCE
    }

    /// Where a sequence number stands: the place nearest to what is expected, so that the numbers
    /// may wrap around. Negative for bytes before the first one seen.
    fn place(&self, seq: u32) -> Option<i64> {
        let expected = self.first?.wrapping_add(self.next as u32);
        let distance = i64::from(seq.wrapping_sub(expected).cast_signed());
        i64::try_from(self.next).ok()?.checked_add(distance)
    }
}

impl Piece {
    fn after_if(self, next: u64) -> Self {
        if self.at < next { self.after(next) } else { self }
    }
}
