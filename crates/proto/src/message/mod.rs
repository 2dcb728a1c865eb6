//! Message heads (RFC 9112 sections 2 to 5): lines, start lines, fields, and their encoding.
//!
//! A head is parsed once, line by line, in the order it arrives; each byte is looked at once
//! however slowly it comes. Everything framing and persistence need is gathered on the way.

mod block;
mod bytes;
pub(crate) mod encode;
pub(crate) mod facts;
mod field;
pub(crate) mod head;
mod known;
mod lines;
mod request_line;
mod status_line;
mod target;

pub use facts::KeepAlive;
pub use field::{Field, FieldIter, Fields};
pub use head::{Expectation, RequestHead, ResponseHead};
pub use known::KnownFields;

pub(crate) use bytes::{is_name, is_token_byte, token_end};
pub(crate) use field::check_line;
pub(crate) use lines::{Bound, Lines};

use crate::error::ErrorKind;

/// A broken rule and its place, counted from the start of the input at hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: ErrorKind,
    pub(crate) at: usize,
}

impl Fault {
    pub(crate) const fn new(kind: ErrorKind, at: usize) -> Self {
        Self { kind, at }
    }

    /// The same fault, seen from an input that starts `by` bytes earlier.
    pub(crate) const fn after(self, by: usize) -> Self {
        Self { kind: self.kind, at: self.at + by }
    }
}
