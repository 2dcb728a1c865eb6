//! What both sides ask rustls.

use tokio_rustls::rustls::{CommonState, HandshakeKind, ProtocolVersion};

use crate::observe::{TlsFacts, TlsVersion};

/// What a handshake agreed on; `None` before its end.
pub(crate) fn facts(state: &CommonState, server_name: Option<&str>) -> Option<TlsFacts> {
    let version = match state.protocol_version()? {
        ProtocolVersion::TLSv1_2 => TlsVersion::Tls12,
        _ => TlsVersion::Tls13,
    };
    let suite = state.negotiated_cipher_suite()?.suite();
    // rustls keeps the suites of the two versions apart by a prefix of its own.
    let cipher_suite = suite.as_str().map_or_else(|| format!("{suite:?}"), |name| name.replacen("TLS13_", "TLS_", 1));
    Some(TlsFacts {
        version,
        cipher_suite,
        alpn: state.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
        server_name: server_name.map(str::to_owned),
        is_resumed: state.handshake_kind() == Some(HandshakeKind::Resumed),
    })
}
