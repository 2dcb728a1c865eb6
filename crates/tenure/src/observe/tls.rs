//! What TLS agreed on.

/// What a connection's TLS handshake agreed on.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct TlsFacts {
    /// The version of the protocol.
    pub version: TlsVersion,
    /// The cipher suite, by IANA's name: `TLS_AES_128_GCM_SHA256`.
    pub cipher_suite: String,
    /// The application protocol (ALPN, RFC 7301), if one was negotiated: `http/1.1`.
    pub alpn: Option<String>,
    /// The name of the server that the client asked for (SNI, RFC 6066 section 3); `None` where it
    /// asked for an address.
    pub server_name: Option<String>,
    /// True if the client came back with a session of an earlier connection.
    pub is_resumed: bool,
}

/// A version of TLS.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}
