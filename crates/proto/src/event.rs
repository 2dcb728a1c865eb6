//! What [`Connection::receive`](crate::Connection::receive) tells the caller.

use crate::message::Fields;
use crate::role::Role;

/// One step of a message. Borrows from the input, never from the connection.
#[derive(Clone, PartialEq, Debug)]
pub enum Event<'b, R: Role> {
    /// The head of a request, or of a final response. Content and `End` follow.
    Head(R::Head<'b>),
    /// An interim (1xx) response; the final one is still to come. Never in the server role.
    Interim(R::Interim<'b>),
    /// Some content, decoded. Never empty.
    Content(&'b [u8]),
    /// The message is complete. The trailer section is empty unless the content was chunked.
    End(Fields<'b>),
    /// More bytes are needed. Flush what is queued, then read.
    NeedInput,
    /// The current exchange must end before another message is received.
    Paused,
    /// The input from here on belongs to another protocol (101, or CONNECT with a 2xx).
    HandOver,
    /// No further message will be received; [`directive`](crate::Connection::directive) says what to do.
    Closed,
}
