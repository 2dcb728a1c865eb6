//! Message body length: the eight rules of RFC 9112 section 6.3, in order.

use std::fmt;

use http::StatusCode;

use crate::connection::MethodClass;
use crate::error::ErrorKind;
use crate::message::Fault;
use crate::message::facts::{Codings, Facts};
use crate::version::Version;

/// Where a message's content ends. Decided once per message, from its head alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// After this many bytes; 0 is no content.
    Length(u64),
    /// Where the chunked coding says so (RFC 9112 section 7.1).
    Chunked,
    /// Where the connection closes: responses only, and never a proof that all has come.
    CloseDelimited,
}

/// Which rule of RFC 9112 section 6.3 decided.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FramingRule {
    /// Rule 1: a response to HEAD, or 1xx, 204, 304: no content whatever the fields say.
    NoContent,
    /// Rule 2: a 2xx response to CONNECT: a tunnel, no message content.
    Tunnel,
    /// Rule 3: Transfer-Encoding overrides Content-Length. In a request that is an attack and is
    /// refused; after such a response the connection is not used again.
    CodingOverLength,
    /// Rule 4, chunked the final coding.
    Chunked,
    /// Rule 4, a response whose final coding is not chunked: read until the connection closes.
    CodedUntilClose,
    /// Rule 6 (rule 5 is an error): a valid Content-Length.
    ContentLength,
    /// Rule 7: a request with neither field has no content.
    RequestWithoutLength,
    /// Rule 8: a response with neither field: read until the connection closes.
    UntilClose,
}

impl FramingRule {
    /// The rule's number in RFC 9112 section 6.3.
    pub const fn number(self) -> u8 {
        match self {
            Self::NoContent => 1,
            Self::Tunnel => 2,
            Self::CodingOverLength => 3,
            Self::Chunked | Self::CodedUntilClose => 4,
            Self::ContentLength => 6,
            Self::RequestWithoutLength => 7,
            Self::UntilClose => 8,
        }
    }

    /// One line for people.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NoContent => "a response to HEAD, or with status 1xx, 204 or 304, has no content",
            Self::Tunnel => "a 2xx response to CONNECT starts a tunnel",
            Self::CodingOverLength => "Transfer-Encoding overrides Content-Length",
            Self::Chunked => "Transfer-Encoding ends in chunked: the last chunk (size 0) ends it",
            Self::CodedUntilClose => "a transfer coding other than chunked is last: the connection's close ends it",
            Self::ContentLength => "Content-Length gives the number of bytes",
            Self::RequestWithoutLength => "a request without Transfer-Encoding and Content-Length has no content",
            Self::UntilClose => "a response without a length: the connection's close ends it",
        }
    }
}

impl fmt::Display for FramingRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RFC 9112 section 6.3 rule {}: {}", self.number(), self.text())
    }
}

/// The outcome for one head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FramingDecision {
    pub(crate) framing: Framing,
    pub(crate) rule: FramingRule,
    /// The framing can be read, but not trusted for a next message (rule 3, and section 6.1 on 1.0).
    pub(crate) faulty: bool,
}

impl FramingDecision {
    const fn sound(framing: Framing, rule: FramingRule) -> Self {
        Self { framing, rule, faulty: false }
    }
}

/// A request's framing. `end` is where its head ends, for faults that no single line has.
#[inline]
pub(crate) fn of_request(facts: &Facts, limit: u64) -> Result<FramingDecision, Fault> {
    // Rule 3 and section 6.1 were refused while the lines were read: both fields, or HTTP/1.0.
    if let Some(at) = facts.codings.at {
        request_codings(facts.codings).map_err(|kind| Fault::new(kind, at as usize))?;
        return Ok(FramingDecision::sound(Framing::Chunked, FramingRule::Chunked));
    }
    match facts.length {
        Some(length) if length > limit => Err(Fault::new(ErrorKind::ContentTooLarge, 0)),
        Some(length) => Ok(FramingDecision::sound(Framing::Length(length), FramingRule::ContentLength)),
        None => Ok(FramingDecision::sound(Framing::Length(0), FramingRule::RequestWithoutLength)),
    }
}

/// Rule 4 for requests: 400 unless chunked is final. Then section 6.1: 501 to any other coding
/// before it, since none is decoded here.
const fn request_codings(codings: Codings) -> Result<(), ErrorKind> {
    match codings {
        Codings { malformed: true, .. } => Err(ErrorKind::BadTransferEncoding),
        Codings { chunked_is_final: false, .. } | Codings { chunked: 2.., .. } => Err(ErrorKind::ChunkedNotFinal),
        Codings { unknown: true, .. } | Codings { other: true, .. } => Err(ErrorKind::UnknownCoding),
        _ => Ok(()),
    }
}

/// A response's framing, which depends on the request it answers.
pub(crate) fn of_response(
    facts: &Facts,
    version: Version,
    status: StatusCode,
    method: MethodClass,
    limit: u64,
) -> Result<FramingDecision, Fault> {
    use FramingDecision as Decision;
    // Rule 1.
    if method == MethodClass::Head || status.is_informational() || matches!(status.as_u16(), 204 | 304) {
        return Ok(Decision::sound(Framing::Length(0), FramingRule::NoContent));
    }
    // Rule 2: any Content-Length or Transfer-Encoding is ignored.
    if method == MethodClass::Connect && status.is_success() {
        return Ok(Decision::sound(Framing::Length(0), FramingRule::Tunnel));
    }
    if let Some(at) = facts.codings.at {
        if facts.codings.malformed || facts.codings.chunked > 1 {
            return Err(Fault::new(ErrorKind::BadTransferEncoding, at as usize));
        }
        // Section 6.1: Transfer-Encoding in HTTP/1.0 means the framing is faulty.
        let faulty = facts.length.is_some() || version < Version::Http11;
        return Ok(match (facts.codings.chunked_is_final, facts.length) {
            (true, Some(_)) => Decision { framing: Framing::Chunked, rule: FramingRule::CodingOverLength, faulty },
            (true, None) => Decision { framing: Framing::Chunked, rule: FramingRule::Chunked, faulty },
            (false, _) => Decision { framing: Framing::CloseDelimited, rule: FramingRule::CodedUntilClose, faulty },
        });
    }
    match facts.length {
        Some(length) if length > limit => Err(Fault::new(ErrorKind::ContentTooLarge, 0)),
        Some(length) => Ok(Decision::sound(Framing::Length(length), FramingRule::ContentLength)),
        None => Ok(Decision::sound(Framing::CloseDelimited, FramingRule::UntilClose)),
    }
}
