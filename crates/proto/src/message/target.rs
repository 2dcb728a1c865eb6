//! The request target's four forms (RFC 9112 section 3.2) and the `Host` value (RFC 9110 section 7.2).

use super::{Fault, bytes};
use crate::error::ErrorKind;

/// Checks that `target` has a form that `method` may have, and holds only visible ASCII.
pub(crate) fn check(method: &[u8], target: &[u8]) -> Result<(), Fault> {
    let bad = |at| Err(Fault::new(ErrorKind::BadTarget, at));
    let len = bytes::target_end(target, 0);
    match target.get(len) {
        Some(b'\r') => return Err(Fault::new(ErrorKind::BareCr, len)),
        Some(_) => return bad(len),
        None => {}
    }
    match (method, target) {
        (b"CONNECT", _) if is_authority_with_port(target) => Ok(()),
        (b"CONNECT", _) | (_, []) => bad(0),
        (_, [b'/', ..]) => Ok(()),
        (b"OPTIONS", b"*") => Ok(()),
        _ if is_absolute(target) => Ok(()),
        _ => bad(0),
    }
}

/// `host [ ":" port ]`, one host, no user information. Empty is allowed: a target without an
/// authority has an empty `Host`.
pub(crate) fn is_host(value: &[u8]) -> bool {
    let host = match value {
        [b'[', ..] => match literal_len(value) {
            Some(len) => len,
            None => return false,
        },
        _ => registered_name_len(value),
    };
    match &value[host..] {
        [] => true,
        [b':', port @ ..] => host > 0 && is_port(port),
        _ => false,
    }
}

/// Whether the value at `from..to` of what was received is [one](is_host) as almost all are: each byte is looked at once.
#[inline]
pub(super) fn is_plain_host(received: &[u8], from: usize, to: usize) -> bool {
    let name_end = bytes::host_end(received, from);
    match received.get(name_end..to) {
        Some([]) => name_end > from,
        Some([b':', port @ ..]) => name_end > from && port.len() < 5 && port.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// The length of the IP literal at the start, with its brackets.
#[cold]
fn literal_len(value: &[u8]) -> Option<usize> {
    let end = memchr::memchr(b']', value)?;
    let address = &value[1..end];
    let is_address = |address: &[u8]| address.iter().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'));
    (!address.is_empty() && is_address(address)).then_some(end + 1)
}

/// The length of the RFC 3986 `reg-name` at the start, without the comma: a comma would make a list
/// of hosts of it.
fn registered_name_len(value: &[u8]) -> usize {
    let mut len = 0;
    loop {
        len += value[len..].iter().take_while(|&&b| NAME[b as usize]).count();
        match &value[len..] {
            [b'%', a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => len += 3,
            _ => return len,
        }
    }
}

/// What a `reg-name` may hold but for the comma and percent-encoded bytes.
const NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0;
    while b < 256 {
        let byte = b as u8;
        table[b] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b';' | b'='
            );
        b += 1;
    }
    table
};

fn is_port(port: &[u8]) -> bool {
    port.iter().all(u8::is_ascii_digit) && port.len() < 5 || bytes::decimal(port).is_some_and(|n| n <= 65_535)
}

fn is_authority_with_port(target: &[u8]) -> bool {
    let Some(colon) = memchr::memrchr(b':', target) else { return false };
    !target[colon + 1..].is_empty() && is_host(target) && colon > 0
}

/// `scheme "://" authority path`: what a proxy receives, and every server must accept.
fn is_absolute(target: &[u8]) -> bool {
    let Some(colon) = memchr::memchr(b':', target) else { return false };
    let scheme = &target[..colon];
    let scheme_ok = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    let Some(rest) = target[colon + 1..].strip_prefix(b"//") else { return false };
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    scheme_ok && end > 0 && is_host(&rest[..end])
}
