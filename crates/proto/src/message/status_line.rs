//! The status line (RFC 9112 section 4): `HTTP-version SP status-code SP [ reason-phrase ]`.

use http::StatusCode;

use super::{Fault, bytes, request_line};
use crate::error::ErrorKind;
use crate::version::Version;

/// Where a reason phrase starts in a status line that has one.
const REASON: usize = 13;

/// Parses a whole status line. The space before an empty reason may be missing: many servers
/// leave it out, and nothing depends on it.
pub(crate) fn parse(line: &[u8]) -> Result<(Version, StatusCode), Fault> {
    check_beginning(line)?;
    let version = line.get(..8).unwrap_or(line);
    let version = request_line::version(version)?;
    let code = match &line[8..] {
        [b' ', code @ ..] if code.len() >= 3 => &code[..3],
        _ => return Err(Fault::new(ErrorKind::BadStatusLine, 8)),
    };
    let status = StatusCode::from_bytes(code).map_err(|_| Fault::new(ErrorKind::BadStatusLine, 9))?;
    if line.get(12).is_some_and(|&b| b != b' ') {
        return Err(Fault::new(ErrorKind::BadStatusLine, 12));
    }
    let reason = reason(line);
    match bytes::bad_value_byte(reason) {
        Some(at) => Err(Fault::new(bytes::control_kind(reason[at]), REASON + at)),
        None => Ok((version, status)),
    }
}

/// The reason phrase of a line that [`parse`] accepted.
pub(crate) fn reason(line: &[u8]) -> &[u8] {
    line.get(REASON..).unwrap_or_default()
}

/// Refuses at once what cannot become a status line: an SSH banner, an HTTP/0.9 answer, stray content.
pub(crate) fn check_beginning(partial: &[u8]) -> Result<(), Fault> {
    match partial.iter().zip(b"HTTP/").position(|(a, b)| a != b) {
        Some(at) => Err(Fault::new(ErrorKind::BadStatusLine, at)),
        None => Ok(()),
    }
}
