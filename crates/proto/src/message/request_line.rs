//! The request line (RFC 9112 section 3): `method SP request-target SP HTTP-version`.

use super::{Fault, bytes, target};
use crate::error::ErrorKind;
use crate::version::Version;

/// Where the parts of a request line lie, counted from its start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RequestLine {
    pub(crate) method_end: usize,
    pub(crate) target_end: usize,
    pub(crate) version: Version,
}

/// What `input` begins with, and the length of the line, if it is a whole request line as almost all are:
/// one look at each byte. What is not is for [`parse`] to judge.
#[inline]
pub(crate) fn quick(input: &[u8]) -> Option<(RequestLine, usize)> {
    let method_end = bytes::name_end(input, 0);
    // Other forms of targets, and other methods' targets, are for `parse`.
    let is_path = method_end > 0 && input.get(method_end..)?.starts_with(b" /") && &input[..method_end] != b"CONNECT";
    if !is_path {
        return None;
    }
    let target_end = bytes::target_end(input, method_end + 1);
    // Compared as words; as patterns they would be byte by byte.
    let end: &[u8; 11] = input.get(target_end..)?.first_chunk()?;
    let version = if end == b" HTTP/1.1\r\n" {
        Version::Http11
    } else if end == b" HTTP/1.0\r\n" {
        Version::Http10
    } else {
        return None;
    };
    Some((RequestLine { method_end, target_end, version }, target_end + b" HTTP/1.1".len()))
}

/// Parses a whole request line. `http09` allows the simple request `GET /path`.
pub(crate) fn parse(line: &[u8], http09: bool) -> Result<RequestLine, Fault> {
    let method_end = method_end(line)?;
    let rest = &line[method_end + 1..];
    let Some(space) = memchr::memchr(b' ', rest) else {
        return simple_request(line, method_end, http09);
    };
    let target_end = method_end + 1 + space;
    let version = version(&line[target_end + 1..]).map_err(|f| f.after(target_end + 1))?;
    let target = &line[method_end + 1..target_end];
    target::check(&line[..method_end], target).map_err(|f| f.after(method_end + 1))?;
    Ok(RequestLine { method_end, target_end, version })
}

/// Refuses, as soon as it is known, a beginning that can be no request line: a TLS handshake on a
/// plain port must not wait for a line feed that never comes.
///
/// Of a method that is longer than any the whole line is waited for: to look at all of it again at each
/// further byte would cost its square.
pub(crate) fn check_beginning(partial: &[u8]) -> Result<(), Fault> {
    const LONG: usize = 64;
    let partial = &partial[..partial.len().min(LONG)];
    let at = bytes::token_len(partial);
    match partial.get(at) {
        None | Some(b' ' | b'\r' | b'\n') => Ok(()),
        Some(_) => Err(Fault::new(ErrorKind::BadMethod, at)),
    }
}

fn method_end(line: &[u8]) -> Result<usize, Fault> {
    let end = line.iter().position(|&b| !bytes::is_token_byte(b));
    match end {
        Some(end) if line[end] == b' ' && end > 0 => Ok(end),
        Some(end) if line[end] == b'\r' => Err(Fault::new(ErrorKind::BareCr, end)),
        Some(end) if line[end] == b' ' => Err(Fault::new(ErrorKind::BadRequestLine, end)),
        Some(end) => Err(Fault::new(ErrorKind::BadMethod, end)),
        None => Err(Fault::new(ErrorKind::BadRequestLine, line.len())),
    }
}

fn simple_request(line: &[u8], method_end: usize, http09: bool) -> Result<RequestLine, Fault> {
    if !http09 || &line[..method_end] != b"GET" {
        return Err(Fault::new(ErrorKind::BadRequestLine, line.len()));
    }
    target::check(b"GET", &line[method_end + 1..]).map_err(|f| f.after(method_end + 1))?;
    Ok(RequestLine { method_end, target_end: line.len(), version: Version::Http09 })
}

/// `HTTP/d.d` in capitals; what follows it on the line is a fault of the line.
pub(crate) fn version(text: &[u8]) -> Result<Version, Fault> {
    let (version, rest) = match text {
        [b'H', b'T', b'T', b'P', b'/', major @ b'0'..=b'9', b'.', minor @ b'0'..=b'9', rest @ ..] => {
            ((major, minor), rest)
        }
        _ => {
            let at = text.iter().zip(b"HTTP/").take_while(|(a, b)| a == b).count();
            return Err(match text.get(at) {
                Some(b'\r') => Fault::new(ErrorKind::BareCr, at),
                _ => Fault::new(ErrorKind::BadVersion, at),
            });
        }
    };
    match rest {
        [] => {}
        [b'\r', ..] => return Err(Fault::new(ErrorKind::BareCr, 8)),
        [b' ', ..] => return Err(Fault::new(ErrorKind::BadRequestLine, 8)),
        _ => return Err(Fault::new(ErrorKind::BadVersion, 8)),
    }
    match version {
        (b'1', b'0') => Ok(Version::Http10),
        (b'1', _) => Ok(Version::Http11),
        _ => Err(Fault::new(ErrorKind::UnsupportedVersion, 5)),
    }
}
