//! Why bytes are no PROXY protocol header.

use std::fmt;

use super::{MAX_LEN, v1};

/// A connection that must begin with a PROXY protocol header does not, or with a broken one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ProxyError {
    /// The first bytes are of neither version: most likely HTTP or TLS from a proxy that is not set
    /// to send the header.
    NotProxy,
    /// Version 1: no CRLF where the line must have ended, or a CR or LF that is not part of one (section 2.1).
    Line,
    /// Version 1: the words are not `TCP4` or `TCP6`, two addresses of that family and two ports,
    /// each in its canonical form and one space apart (section 2.1).
    Words,
    /// Version 2: the 13th byte, version and command, is not 0x20 or 0x21 (section 2.2).
    Command(u8),
    /// Version 2: the 14th byte, family and transport, is not assigned (section 2.2).
    Family(u8),
    /// Version 2: shorter than the addresses of its family.
    Short {
        /// What the header states, in bytes.
        length: u16,
    },
    /// Version 2: longer than is taken here ([`MAX_LEN`]).
    Long {
        /// What the header states, in bytes.
        length: u16,
    },
    /// Version 2: an extension (TLV) reaches beyond the end of the header.
    Extension {
        /// Where it begins: bytes before it on the connection.
        offset: usize,
    },
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotProxy => f.write_str(
                "no PROXY protocol header: the proxy has to be told to send one (HAProxy: send-proxy, nginx: proxy_protocol on)",
            ),
            Self::Line => {
                write!(f, "PROXY protocol version 1: the line does not end with CRLF within {} bytes", v1::MAX_LINE)
            }
            Self::Words => f.write_str(
                "PROXY protocol version 1: the line is not 'PROXY TCP4 source destination port port', nor the same with TCP6",
            ),
            Self::Command(byte) => {
                write!(f, "PROXY protocol version 2: version and command are {byte:#04x}, not 0x20 or 0x21")
            }
            Self::Family(byte) => {
                write!(f, "PROXY protocol version 2: no address family and transport is {byte:#04x}")
            }
            Self::Short { length } => {
                write!(f, "PROXY protocol version 2: {length} bytes are too few for the addresses of its family")
            }
            Self::Long { length } => {
                write!(f, "PROXY protocol version 2: {length} bytes of addresses and extensions; headers of up to {MAX_LEN} bytes are taken")
            }
            Self::Extension { offset } => {
                write!(f, "PROXY protocol version 2: the extension at byte {offset} reaches beyond the header")
            }
        }
    }
}

impl std::error::Error for ProxyError {}
