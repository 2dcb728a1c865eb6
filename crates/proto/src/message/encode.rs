//! Heads to bytes, without formatting machinery. Nothing that could end a line early is written.

use http::StatusCode;

use super::{KeepAlive, bytes};
use crate::error::MisuseError;
use crate::version::Version;

/// A status line. The reason phrase is the registered one.
#[inline]
pub(crate) fn status_line(status: StatusCode, out: &mut Vec<u8>) {
    if status == StatusCode::OK {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    } else {
        other_status_line(status, out);
    }
}

fn other_status_line(status: StatusCode, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// A request line.
pub(crate) fn request_line(method: &str, target: &str, version: Version, out: &mut Vec<u8>) -> Result<(), MisuseError> {
    let version = match version {
        Version::Http11 => &b" HTTP/1.1\r\n"[..],
        Version::Http10 => b" HTTP/1.0\r\n",
        Version::Http09 => return Err(MisuseError::InvalidStartLine),
    };
    let method_ok = !method.is_empty() && method.bytes().all(bytes::is_token_byte);
    let target_ok = super::target::check(method.as_bytes(), target.as_bytes()).is_ok();
    if !method_ok || !target_ok {
        return Err(MisuseError::InvalidStartLine);
    }
    out.extend_from_slice(method.as_bytes());
    out.push(b' ');
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(version);
    Ok(())
}

/// One field line. After an error some of it is in `out`.
pub(crate) fn field(name: &[u8], value: &[u8], out: &mut Vec<u8>) -> Result<(), MisuseError> {
    let start = out.len();
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
    // The line lies there whole, in more blocks of sixteen bytes than its parts.
    let line = &out[start..out.len() - 2];
    let is_name = !name.is_empty() && bytes::token_len(line) == name.len();
    if is_name && bytes::is_value(line) { Ok(()) } else { Err(MisuseError::InvalidField) }
}

/// One trailer field line. Fields that frame, route or authenticate a message, or say what its content
/// is, come too late behind it: a receiver that merged them would be deceived (RFC 9110 section 6.5.1).
pub(crate) fn trailer(name: &[u8], value: &[u8], out: &mut Vec<u8>) -> Result<(), MisuseError> {
    const FORBIDDEN: [&[u8]; 21] = [
        b"authorization",
        b"connection",
        b"content-encoding",
        b"content-length",
        b"content-range",
        b"content-type",
        b"cookie",
        b"expect",
        b"host",
        b"keep-alive",
        b"max-forwards",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"range",
        b"set-cookie",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"www-authenticate",
    ];
    if FORBIDDEN.iter().any(|forbidden| forbidden.eq_ignore_ascii_case(name)) {
        return Err(MisuseError::ForbiddenTrailer);
    }
    field(name, value, out)
}

/// Refuses CR, LF, NUL and every other control byte but HTAB (RFC 9110 section 5.5).
#[inline]
pub(crate) fn check_value(value: &[u8]) -> Result<(), MisuseError> {
    if bytes::is_value(value) { Ok(()) } else { Err(MisuseError::InvalidField) }
}

#[inline]
pub(crate) fn content_length(length: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"Content-Length: ");
    if let Ok(length @ 0..1000) = usize::try_from(length) {
        // The number in three digits, its end behind it, as one word of which the leading zeros are left out.
        let digit = |n: usize| b'0' + (n % 10) as u8;
        let word = u64::from_le_bytes([digit(length / 100), digit(length / 10), digit(length), b'\r', b'\n', 0, 0, 0]);
        let zeros = usize::from(length < 100) + usize::from(length < 10);
        let len = out.len() + 5 - zeros;
        out.extend_from_slice(&(word >> (8 * zeros)).to_le_bytes());
        out.truncate(len);
    } else {
        decimal(length, out);
        out.extend_from_slice(b"\r\n");
    }
}

/// A `Keep-Alive` field that says something.
pub(crate) fn keep_alive(hint: KeepAlive, out: &mut Vec<u8>) {
    let mut before = &b"Keep-Alive: "[..];
    for (name, value) in [(&b"timeout="[..], hint.timeout), (b"max=", hint.max)] {
        if let Some(value) = value {
            out.extend_from_slice(before);
            out.extend_from_slice(name);
            decimal(value, out);
            before = b", ";
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// A number in decimal digits.
pub(crate) fn decimal(n: u64, out: &mut Vec<u8>) {
    let mut text = [0; DIGITS];
    let start = digits(n, &mut text);
    out.extend_from_slice(&text[start..]);
}

/// The digits of `u64::MAX`.
const DIGITS: usize = 20;

/// Writes the digits of a number to the end of `text`, which has room for them. Returns where they start.
#[inline]
fn digits(mut n: u64, text: &mut [u8]) -> usize {
    let mut start = text.len();
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (n % 10) as u8;
        start -= 1;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    start
}
