//! Tear-down (RFC 9112 section 9.6): how a connection ends without losing its last response.
//!
//! | state | meaning | next |
//! |---|---|---|
//! | Open | messages flow | HalfClose, Close, HandOver |
//! | HalfClose | the last response is queued: flush it, close the sending side | Linger |
//! | Linger | read and discard until the peer closes, so that no reset overtakes the response | Close |
//! | Close | close the socket | |
//! | HandOver | the bytes belong to another protocol | |

use super::persistence::CloseReason;

/// What the caller must do with the socket now, after flushing what is queued.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Directive {
    /// Go on receiving and sending.
    Proceed,
    /// Close the sending side (`shutdown(SHUT_WR)`), then call `half_closed`.
    HalfClose(CloseReason),
    /// Read on; what is received is discarded. Ends by the peer's FIN or the linger timeout.
    Linger(CloseReason),
    /// Close the socket.
    Close(CloseReason),
    /// Give socket and unread input to the protocol that was agreed on.
    HandOver,
}

impl Directive {
    /// The reason, once the connection is ending.
    pub const fn reason(self) -> Option<CloseReason> {
        match self {
            Self::Proceed => None,
            Self::HalfClose(why) | Self::Linger(why) | Self::Close(why) => Some(why),
            Self::HandOver => Some(CloseReason::HandedOver),
        }
    }
}
