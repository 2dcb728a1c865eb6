//! Between the core's fields, which are bytes, and `HeaderMap`.
#![allow(unsafe_code, reason = "http would look once more at each byte that the core has checked; audited here")]

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tenure_proto::Fields;

use super::{HeadCopy, names};

/// Fields that a trailer section cannot mean (RFC 9110 section 6.5.1): framing, routing, request
/// modifiers, authentication, content description, and whatever steers the connection.
const NOT_IN_TRAILERS: [&str; 20] = [
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "max-forwards",
    "proxy-authorization",
    "proxy-connection",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "www-authenticate",
];

/// A `HeaderMap` of received fields. The core has checked every byte; what `http` finds too long
/// for a name cannot occur below the head limit, and would be left out.
fn to_map(fields: Fields<'_>, map: &mut HeaderMap) {
    to_map_by(fields, map, Bytes::copy_from_slice);
}

/// The same, with values that share the copy of their head.
pub(crate) fn to_map_shared(fields: Fields<'_>, map: &mut HeaderMap, head: &HeadCopy<'_>) {
    to_map_by(fields, map, |value| head.share(value));
}

/// Room that is made at once, at most: a map of more than it can hold would be a panic.
const AT_ONCE: usize = 128;

fn to_map_by(fields: Fields<'_>, map: &mut HeaderMap, value: impl Fn(&[u8]) -> Bytes) {
    // What `HeaderMap` grows to by itself it would grow to step by step.
    map.reserve(fields.len().min(AT_ONCE));
    names::with(|names| {
        for field in fields {
            let Some(name) = names.read(field.name) else { continue };
            let value = value(&field.value);
            // SAFETY: `value` has the bytes of the field's, whichever way it was made. Fields are only of heads that the
            // core has checked, and what it lets pass in a value is what `http` does: no control byte but HTAB.
            let value = unsafe { HeaderValue::from_maybe_shared_unchecked(value) };
            map.append(name, value);
        }
    });
}

/// The trailer section, without fields that must not be there.
pub(crate) fn to_trailers(fields: Fields<'_>) -> Option<HeaderMap> {
    if fields.is_empty() {
        return None;
    }
    let mut map = HeaderMap::new();
    to_map(fields, &mut map);
    for name in NOT_IN_TRAILERS {
        map.remove(name);
    }
    Some(map)
}

/// Fields as the core's `send_*` take them.
pub(crate) fn pairs(map: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    map.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
}
