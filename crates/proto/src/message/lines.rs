//! Cutting a head into lines (RFC 9112 section 2.2).
//!
//! Invariant: `start <= searched <= input.len()`; no line feed lies in `start..searched`, except
//! those that fold one field line over several (responses only).

use super::{Fault, bytes};
use crate::error::ErrorKind;

/// Where the cutting of one section stands between two inputs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Lines {
    start: usize,
    searched: usize,
}

/// One line, without its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Line {
    /// Where it starts in the input.
    pub(crate) start: usize,
    /// Where its text ends: before CR LF.
    pub(crate) end: usize,
    /// Where the next line starts.
    pub(crate) next: usize,
}

/// The bytes that lines may take up, and what is wrong if the last one does not end within them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bound {
    pub(crate) bytes: usize,
    pub(crate) fault: Fault,
}

impl Line {
    pub(crate) fn text<'b>(&self, input: &'b [u8]) -> &'b [u8] {
        &input[self.start..self.end]
    }
}

impl Lines {
    pub(crate) const NEW: Self = Self::from(0);

    /// The next line starts at `start`.
    #[inline]
    pub(crate) const fn from(start: usize) -> Self {
        Self { start, searched: start }
    }

    /// The next whole line; `None` when more input is needed. `strict` (requests) refuses a bare
    /// LF; otherwise (responses) it ends a line, as RFC 9112 section 2.2 allows.
    ///
    /// The bound is looked at before the line, so that the same fault is found however the bytes arrive.
    #[inline]
    pub(crate) fn next(&mut self, input: &[u8], strict: bool, bound: Bound) -> Result<Option<Line>, Fault> {
        let window = &input[..input.len().min(bound.bytes)];
        let Some(found) = memchr::memchr(b'\n', window.get(self.searched..).unwrap_or_default()) else {
            self.searched = self.searched.max(window.len());
            return if input.len() >= bound.bytes { Err(bound.fault) } else { Ok(None) };
        };
        let feed = self.searched + found;
        let end = match input[self.start..feed] {
            [.., b'\r'] => feed - 1,
            _ if strict => return Err(bare_feed(input, self.start, feed)),
            _ => feed,
        };
        let line = Line { start: self.start, end, next: feed + 1 };
        self.start = line.next;
        self.searched = line.next;
        Ok(Some(line))
    }

    /// Where the next line starts, if nothing of it was looked at before: who looks again each time that more has
    /// come looks too often.
    #[inline]
    pub(crate) fn fresh(&self) -> Option<usize> {
        (self.searched == self.start).then_some(self.start)
    }

    /// Takes the next line, whose text is so long and which ends by CR LF, without a look at it.
    #[inline]
    pub(crate) const fn take(&mut self, len: usize) -> Line {
        let (start, end) = (self.start, self.start + len);
        self.start = end + 2;
        self.searched = self.start;
        Line { start, end, next: self.start }
    }

    /// Like [`Lines::next`] in a response's field section: a line that starts with white space
    /// continues the one before (RFC 9112 section 5.2), so a line is whole only when the next
    /// one has begun.
    pub(crate) fn next_unfolded(&mut self, input: &[u8], bound: Bound) -> Result<Option<Line>, Fault> {
        let first = self.start;
        loop {
            let Some(mut line) = self.next(input, false, bound)? else { return Ok(None) };
            // The end of the last physical line was stripped; the fold's start is ours.
            line.start = first;
            let empty = line.end <= first;
            match input.get(line.next) {
                _ if empty => return Ok(Some(Line { end: first, ..line })),
                Some(b' ' | b'\t') => self.start = first,
                Some(_) => return Ok(Some(line)),
                None => {
                    // Look at this line end again when more has come.
                    *self = Self { start: first, searched: line.next - 1 };
                    return Ok(None);
                }
            }
        }
    }
}

/// A line feed without its carriage return; a worse byte before it is reported first.
fn bare_feed(input: &[u8], start: usize, feed: usize) -> Fault {
    let text = &input[start..feed];
    match text.iter().position(|&b| b == b'\r' || b == 0) {
        Some(at) => Fault::new(bytes::control_kind(text[at]), start + at),
        None => Fault::new(ErrorKind::BareLf, feed),
    }
}
