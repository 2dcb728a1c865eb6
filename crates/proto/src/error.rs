//! What can go wrong, by whose fault: [`ProtocolError`] is the peer's, [`MisuseError`] the caller's.
//! The socket's errors never reach this crate.

use std::fmt;

use http::StatusCode;

use crate::connection::Timer;

/// The peer broke a rule, exceeded a limit, or stopped in the middle of a message.
///
/// After one of these the connection carries no further message. A server may still send one
/// final response, with [`ProtocolError::status`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProtocolError {
    kind: ErrorKind,
    offset: u64,
}

impl ProtocolError {
    pub(crate) const fn new(kind: ErrorKind, offset: u64) -> Self {
        Self { kind, offset }
    }

    /// Which rule was broken.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Where: bytes received on this connection before the offending one.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The status code a server answers with before it closes.
    pub const fn status(&self) -> StatusCode {
        self.kind.row().status
    }

    /// The section that states the rule, for example `RFC 9112 section 6.3`.
    pub const fn section(&self) -> &'static str {
        self.kind.row().section
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = self.kind.row();
        write!(f, "{} at byte {} ({})", row.text, self.offset, row.section)
    }
}

impl std::error::Error for ProtocolError {}

/// One row of the table below: what a rule is called, where it stands, how a server answers.
struct Row {
    name: &'static str,
    status: StatusCode,
    section: &'static str,
    text: &'static str,
}

macro_rules! error_kinds {
    ($($variant:ident = $name:literal, $status:ident, $section:literal, $text:literal;)*) => {
        /// The rule that was broken. One row each: name, status, section, explanation.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $(#[doc = concat!($text, " (", $section, ").")] $variant,)*
            /// The peer was too slow; which wait ran out (RFC 9112 section 9.5, RFC 9110 section 15.5.9).
            TimedOut(Timer),
        }

        impl ErrorKind {
            const fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row {
                        name: $name, status: StatusCode::$status, section: $section, text: $text,
                    },)*
                    Self::TimedOut(timer) => Row {
                        name: "timed-out",
                        status: StatusCode::REQUEST_TIMEOUT,
                        section: "RFC 9112 section 9.5",
                        text: timer.text(),
                    },
                }
            }
        }
    };
}

error_kinds! {
    BareCr = "bare-cr", BAD_REQUEST, "RFC 9112 section 2.2", "a carriage return that no line feed follows";
    BareLf = "bare-lf", BAD_REQUEST, "RFC 9112 section 2.2", "a line that ends in a line feed alone, not in CR LF";
    ControlByte = "control-byte", BAD_REQUEST, "RFC 9110 section 5.5", "a NUL or another control byte";
    EmptyLines = "empty-lines", BAD_REQUEST, "RFC 9112 section 2.2", "too many empty lines before the request line";
    WhitespaceBeforeFields = "whitespace-before-fields", BAD_REQUEST, "RFC 9112 section 2.2", "white space between the start line and the first field line";
    BadRequestLine = "bad-request-line", BAD_REQUEST, "RFC 9112 section 3", "not a request line: METHOD SP TARGET SP HTTP/x.y";
    BadMethod = "bad-method", BAD_REQUEST, "RFC 9110 section 9.1", "a method that is not a token";
    BadTarget = "bad-target", BAD_REQUEST, "RFC 9112 section 3.2", "a request target in none of the four forms, or not in the form its method needs";
    BadVersion = "bad-version", BAD_REQUEST, "RFC 9112 section 2.3", "not an HTTP version: HTTP/digit.digit in capitals";
    UnsupportedVersion = "unsupported-version", HTTP_VERSION_NOT_SUPPORTED, "RFC 9110 section 15.6.6", "a major version other than HTTP/1";
    BadStatusLine = "bad-status-line", BAD_GATEWAY, "RFC 9112 section 4", "not a status line: HTTP/x.y SP three digits SP reason";
    BadFieldName = "bad-field-name", BAD_REQUEST, "RFC 9110 section 5.1", "a field line without a colon, or whose name is not a token";
    SpaceBeforeColon = "space-before-colon", BAD_REQUEST, "RFC 9112 section 5.1", "white space between a field name and its colon";
    ObsFold = "obs-fold", BAD_REQUEST, "RFC 9112 section 5.2", "a field line folded over two lines";
    MissingHost = "missing-host", BAD_REQUEST, "RFC 9112 section 3.2", "an HTTP/1.1 request without a Host field";
    RepeatedHost = "repeated-host", BAD_REQUEST, "RFC 9112 section 3.2", "more than one Host field";
    BadHost = "bad-host", BAD_REQUEST, "RFC 9112 section 3.2", "a Host field that is not one host with an optional port";
    BadContentLength = "bad-content-length", BAD_REQUEST, "RFC 9112 section 6.3", "a Content-Length that is not a decimal number below 2^64";
    RepeatedContentLength = "repeated-content-length", BAD_REQUEST, "RFC 9112 section 6.3", "a Content-Length given twice";
    LengthAndCoding = "length-and-coding", BAD_REQUEST, "RFC 9112 section 6.1", "both Content-Length and Transfer-Encoding: two programs could see two ends";
    CodingInHttp10 = "coding-in-http10", BAD_REQUEST, "RFC 9112 section 6.1", "Transfer-Encoding in an HTTP/1.0 message";
    BadTransferEncoding = "bad-transfer-encoding", BAD_REQUEST, "RFC 9112 section 6.1", "a Transfer-Encoding that is not a list of codings";
    ChunkedNotFinal = "chunked-not-final", BAD_REQUEST, "RFC 9112 section 6.3", "a request whose last transfer coding is not chunked, or that is chunked twice";
    UnknownCoding = "unknown-coding", NOT_IMPLEMENTED, "RFC 9112 section 6.1", "a transfer coding other than chunked";
    BadChunkSize = "bad-chunk-size", BAD_REQUEST, "RFC 9112 section 7.1", "a chunk size that is not 1 to 16 hexadecimal digits";
    BadChunkExtension = "bad-chunk-extension", BAD_REQUEST, "RFC 9112 section 7.1.1", "a malformed chunk extension";
    BadChunkEnd = "bad-chunk-end", BAD_REQUEST, "RFC 9112 section 7.1", "a chunk that is not followed by CR LF where its size says it ends";
    RequestLineTooLong = "request-line-too-long", URI_TOO_LONG, "RFC 9112 section 3", "a request line longer than the limit";
    HeadTooLarge = "head-too-large", REQUEST_HEADER_FIELDS_TOO_LARGE, "RFC 9110 section 5.4", "a message head larger than the limit";
    TooManyFields = "too-many-fields", REQUEST_HEADER_FIELDS_TOO_LARGE, "RFC 9110 section 5.4", "more field lines than the limit";
    TrailersTooLarge = "trailers-too-large", REQUEST_HEADER_FIELDS_TOO_LARGE, "RFC 9112 section 7.1.2", "a trailer section larger than the limit";
    ChunkExtensionsTooLarge = "chunk-extensions-too-large", BAD_REQUEST, "RFC 9112 section 7.1.1", "more bytes of chunk extensions than the limit";
    ContentTooLarge = "content-too-large", PAYLOAD_TOO_LARGE, "RFC 9110 section 15.5.14", "more content than the limit";
    TooManyInterim = "too-many-interim", BAD_GATEWAY, "RFC 9110 section 15.2", "more interim (1xx) responses than the limit";
    Unsolicited = "unsolicited", BAD_GATEWAY, "RFC 9112 section 9.2", "bytes from the server while no request is outstanding";
    UnexpectedUpgrade = "unexpected-upgrade", BAD_GATEWAY, "RFC 9110 section 15.2.2", "101 (Switching Protocols) to a request that did not ask for it";
    IncompleteHead = "incomplete-head", BAD_REQUEST, "RFC 9112 section 8", "the connection ended inside a message head";
    IncompleteContent = "incomplete-content", BAD_REQUEST, "RFC 9112 section 8", "the connection ended before the content was complete";
    NoResponse = "no-response", BAD_GATEWAY, "RFC 9112 section 9.3.1", "the connection ended before the response began";
}

impl ErrorKind {
    /// A short name in kebab case for logs and reports, for example `bare-cr`.
    pub const fn name(self) -> &'static str {
        self.row().name
    }
}

/// The caller asked for something that cannot be sent. Never caused by bytes from the peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum MisuseError {
    /// A head was sent while none is due: no request is outstanding, or one is still being sent.
    HeadOutOfTurn,
    /// The connection closes or was handed over: nothing more may be sent on it.
    NotOpen,
    /// Content was sent without a head, or after the end.
    ContentOutOfTurn,
    /// More content than the head announced.
    TooMuchContent,
    /// The message was ended before the content its head announced.
    ContentTooShort {
        /// Bytes still owed.
        left: u64,
    },
    /// A field name that is not a token, or a field value with CR, LF, NUL or another control byte
    /// (RFC 9110 section 5.5).
    InvalidField,
    /// A trailer field that a receiver needs before the content, or that frames or routes the message
    /// (RFC 9110 section 6.5.1).
    ForbiddenTrailer,
    /// A method, target or reason that would break its line (RFC 9112 sections 3 and 4).
    InvalidStartLine,
    /// A `Content-Length` field that contradicts the content.
    LengthMismatch,
    /// A `Transfer-Encoding` other than `chunked`.
    UnsupportedCoding,
    /// Content of unknown length to an HTTP/1.0 server, which knows no chunked coding.
    LengthRequired,
    /// Content in a message that has none by definition (204, 304, 1xx, HTTP/0.9 requests).
    ContentForbidden,
    /// The pipeline is full: a response must be received first.
    PipelineFull,
    /// A 1xx status as a final response, or the other way round.
    WrongStatusClass,
}

impl fmt::Display for MisuseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HeadOutOfTurn => "a message head was sent out of turn",
            Self::NotOpen => "the connection is closing: nothing more can be sent on it",
            Self::ContentOutOfTurn => "content was sent without a message head, or after the end",
            Self::TooMuchContent => "more content than the message head announced",
            Self::ContentTooShort { left } => {
                return write!(f, "the content ended {left} bytes before the announced length");
            }
            Self::InvalidField => {
                "a field name or value that cannot be sent: it holds CR, LF, NUL, a control byte or a bad name"
            }
            Self::ForbiddenTrailer => "a field that belongs into the message head cannot be sent as a trailer",
            Self::InvalidStartLine => {
                "a method, target or reason that cannot be sent: it holds a space, a control byte or nothing"
            }
            Self::LengthMismatch => "the Content-Length field contradicts the content",
            Self::UnsupportedCoding => "a Transfer-Encoding other than chunked cannot be sent",
            Self::LengthRequired => "content of unknown length cannot be sent to an HTTP/1.0 server",
            Self::ContentForbidden => "this message cannot have content",
            Self::PipelineFull => "as many requests are outstanding as the pipeline holds",
            Self::WrongStatusClass => "an interim status (1xx) is no final response, and a final status no interim one",
        })
    }
}

impl std::error::Error for MisuseError {}
