//! The request target's four forms (RFC 9112 section 3.2) and the `Host` value (RFC 9110 section 7.2).

use super::Fault;
use crate::error::ErrorKind;

/// Checks that `target` has a form that `method` may have, and holds only visible ASCII.
pub(crate) fn check(method: &[u8], target: &[u8]) -> Result<(), Fault> {
    let bad = |at| Err(Fault::new(ErrorKind::BadTarget, at));
    if let Some(at) = target.iter().position(|b| !b.is_ascii_graphic() || *b == b'#') {
        return match target[at] {
            b'\r' => Err(Fault::new(ErrorKind::BareCr, at)),
            _ => bad(at),
        };
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
    let (host, port) = match value {
        [b'[', rest @ ..] => {
            let Some(end) = memchr::memchr(b']', rest) else { return false };
            let literal = &rest[..end];
            if literal.is_empty() || !literal.iter().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.')) {
                return false;
            }
            match &rest[end + 1..] {
                [] => return true,
                [b':', port @ ..] => return is_port(port),
                _ => return false,
            }
        }
        _ => match memchr::memchr(b':', value) {
            Some(colon) => (&value[..colon], &value[colon + 1..]),
            None => (value, &value[value.len()..]),
        },
    };
    is_registered_name(host) && is_port(port) && (!host.is_empty() || value.is_empty())
}

/// RFC 3986 `reg-name` without the comma: a comma would make a list of hosts of it.
fn is_registered_name(mut name: &[u8]) -> bool {
    loop {
        name = match name {
            [] => return true,
            [b'%', a, b, rest @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => rest,
            [b, rest @ ..]
                if b.is_ascii_alphanumeric()
                    || matches!(
                        b,
                        b'-' | b'.'
                            | b'_'
                            | b'~'
                            | b'!'
                            | b'$'
                            | b'&'
                            | b'\''
                            | b'('
                            | b')'
                            | b'*'
                            | b'+'
                            | b';'
                            | b'='
                    ) =>
            {
                rest
            }
            _ => return false,
        }
    }
}

fn is_port(port: &[u8]) -> bool {
    port.is_empty() || super::bytes::decimal(port).is_some_and(|n| n <= 65_535)
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
