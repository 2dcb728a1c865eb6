//! May a request be sent again (RFC 9112 section 9.3.1, RFC 9110 section 9.2.2)? Pure: it
//! decides, the client acts.

use std::fmt;

use super::outstanding::MethodClass;

/// What is known about a request whose exchange failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Fate {
    /// No byte of it left this program.
    NotSent,
    /// The server said that it did not process it (HTTP/2 GOAWAY or REFUSED_STREAM).
    Refused,
    /// The server had closed its side before the request came, and acknowledged none of it.
    LikelyUndelivered,
    /// The head was sent and the content was not: it waited for 100 (Continue), which did not come
    /// (RFC 9110 section 10.1.1).
    Withheld,
    /// This side stopped before the request was whole: the server cannot have had all of it.
    Incomplete,
    /// Part of the response came: the server processed the request at least in part.
    AnsweredInPart,
    /// Nobody can say.
    Unknown,
}

impl Fate {
    /// True if the server cannot have processed the whole request, so that sending any request
    /// again, also a POST, does nothing twice. For [`Fate::LikelyUndelivered`] this rests on the
    /// peer processing nothing after it has closed its side (RFC 9112 section 9.6). A server that
    /// acts on content as it comes may have acted on part of an [`Fate::Incomplete`] request:
    /// [`Attempt::verdict`] repeats that one only if it is idempotent.
    pub const fn is_safe_to_retry(self) -> bool {
        matches!(self, Self::NotSent | Self::Refused | Self::LikelyUndelivered | Self::Withheld | Self::Incomplete)
    }

    /// A short name in kebab case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotSent => "not-sent",
            Self::Refused => "refused",
            Self::LikelyUndelivered => "likely-undelivered",
            Self::Withheld => "withheld",
            Self::Incomplete => "incomplete",
            Self::AnsweredInPart => "answered-in-part",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSent => "the request was not sent",
            Self::Refused => "the server refused the request without processing it",
            Self::LikelyUndelivered => "the server had closed before the request came",
            Self::Withheld => "the server did not ask for the content, which was not sent",
            Self::Incomplete => "the request was not sent completely",
            Self::AnsweredInPart => "the response was cut short; the server has processed the request",
            Self::Unknown => "whether the server processed the request is unknown",
        })
    }
}

/// One failed attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// What kind of method.
    pub method: MethodClass,
    /// The connection had carried an earlier exchange. A fresh one that fails is no race.
    pub reused: bool,
    /// The content can be sent again from its start.
    pub replayable: bool,
    /// Attempts before this one.
    pub earlier: u8,
    /// What became of it.
    pub fate: Fate,
}

/// What to do about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Send it again, on a fresh connection.
    Retry,
    /// Tell the caller.
    Surface,
}

impl Attempt {
    /// Retry once, on a reused connection, if the request is idempotent and nothing was answered,
    /// or if the server cannot have processed it.
    pub const fn verdict(self) -> Verdict {
        let harmless = match self.fate {
            Fate::AnsweredInPart => false,
            // What came of an incomplete request may have had an effect already.
            Fate::Unknown | Fate::Incomplete => self.method.is_idempotent(),
            fate => fate.is_safe_to_retry(),
        };
        if self.reused && self.replayable && self.earlier == 0 && harmless { Verdict::Retry } else { Verdict::Surface }
    }
}
