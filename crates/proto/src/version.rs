//! The protocol versions the core speaks (RFC 9112 section 2.3).

use std::fmt;

/// Version of one message. A minor version above 1 is received as 1.1 (RFC 9110 section 2.5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Version {
    /// The simple request of HTTP/0.9: a line `GET /path`, answered by content alone and a close.
    Http09,
    /// HTTP/1.0: closes after each exchange unless both sides say `keep-alive`.
    Http10,
    /// HTTP/1.1: persists unless one side says `close`.
    Http11,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http09 => "HTTP/0.9",
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        })
    }
}
