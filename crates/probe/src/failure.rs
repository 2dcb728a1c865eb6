//! Why a server cannot be probed.

use std::fmt;
use std::io;
use std::time::Duration;

/// The server cannot be measured: what was seen, and what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The name has no address.
    UnknownHost(String),
    /// No connection came about.
    Unreachable(String),
    /// A connection came about, and the request got no answer.
    NoAnswer {
        /// How long it was waited for.
        after: Duration,
    },
    /// An http URL, and the port speaks TLS.
    SpeaksTls,
    /// The port speaks HTTP/2, and nothing older.
    SpeaksHttp2,
    /// An https URL, and the port speaks HTTP without TLS.
    SpeaksPlain,
    /// The TLS handshake failed.
    Tls(String),
    /// The connection ended before the answer was whole.
    Ended(String),
    /// What came is not HTTP.
    NotHttp(String),
}

impl Failure {
    pub(crate) fn unreachable(place: &str, error: &io::Error) -> Self {
        Self::Unreachable(match error.kind() {
            io::ErrorKind::ConnectionRefused => format!("{place} refuses connections"),
            _ => format!("{place}: {error}"),
        })
    }

    /// A short name for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::UnknownHost(_) => "unknown-host",
            Self::Unreachable(_) => "unreachable",
            Self::NoAnswer { .. } => "no-answer",
            Self::SpeaksTls => "speaks-tls",
            Self::SpeaksHttp2 => "speaks-http2",
            Self::SpeaksPlain => "speaks-plain",
            Self::Tls(_) => "tls",
            Self::Ended(_) => "ended",
            Self::NotHttp(_) => "not-http",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownHost(what) => write!(f, "the host is not known ({what}); check the URL"),
            Self::Unreachable(what) => write!(f, "{what}; check host and port, and that the server runs"),
            Self::NoAnswer { after } => {
                write!(f, "the server takes connections and gives no whole answer (waited {} s)", after.as_secs())
            }
            Self::SpeaksTls => f.write_str("this port speaks TLS; ask with https://"),
            Self::SpeaksHttp2 => {
                f.write_str("this port speaks HTTP/2 only, which has no connections of the kind measured here")
            }
            Self::SpeaksPlain => f.write_str("this port speaks HTTP without TLS; ask with http://"),
            Self::Tls(what) => write!(f, "the TLS handshake failed: {what}"),
            Self::Ended(what) => write!(f, "{what}"),
            Self::NotHttp(what) => write!(f, "the answer is not HTTP: {what}"),
        }
    }
}

impl std::error::Error for Failure {}
