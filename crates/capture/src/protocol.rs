//! What a connection carries, by the first bytes of a direction.

use crate::Who;
use crate::dialogue::begins_a_request;
use crate::life::Protocol;

/// The protocol of a connection in which `who` sends these bytes, and which side must be which if
/// `who` was only assumed. `fresh`: they are the connection's first.
pub(crate) fn protocol(bytes: &[u8], who: Who, fresh: bool) -> Option<Protocol> {
    let protocol = match bytes {
        // A record: handshake, or application data of one that is under way; version 3.x.
        [0x16, 0x03, 0..=4, ..] => Protocol::Tls,
        [0x17, 0x03, 1..=4, ..] if !fresh => Protocol::Tls,
        _ if bytes.starts_with(b"PRI * HTTP/2.0\r\n") => Protocol::Http2,
        _ if bytes.starts_with(b"HTTP/1.") || begins_a_request(bytes) => Protocol::Http1,
        // A request that is cut, dripping or wrong is for the core to judge.
        _ if fresh && who == Who::Client && could_be_a_request(bytes) => Protocol::Http1,
        _ if fresh => Protocol::Other,
        _ => return None,
    };
    Some(protocol)
}

/// The side that sends these bytes, if they tell.
pub(crate) fn sender(bytes: &[u8]) -> Option<Who> {
    match bytes {
        [0x16, 0x03, _, _, _, 1, ..] => Some(Who::Client),
        [0x16, 0x03, _, _, _, 2, ..] => Some(Who::Server),
        _ if bytes.starts_with(b"HTTP/1.") => Some(Who::Server),
        _ if begins_a_request(bytes) => Some(Who::Client),
        _ => None,
    }
}

/// An uppercase word, and a space if there is more.
fn could_be_a_request(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii_start();
    let method = bytes.iter().take_while(|b| b.is_ascii_uppercase() || **b == b'-').count();
    (1..=20).contains(&method) && bytes.get(method).is_none_or(|&b| b == b' ')
}
