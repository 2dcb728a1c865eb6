//! Version 1, a line of text (section 2.1): `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Header, Parsed, ProxyError};

pub(super) const PREFIX: &[u8] = b"PROXY ";

/// The longest line, its CRLF included.
pub(super) const MAX_LINE: usize = 107;

/// `input` begins with [`PREFIX`], as far as it goes.
pub(super) fn parse(input: &[u8]) -> Result<Parsed, ProxyError> {
    let window = &input[..input.len().min(MAX_LINE)];
    match window.iter().position(|&b| matches!(b, b'\r' | b'\n')) {
        Some(end) => match window[end..] {
            [b'\r', b'\n', ..] => Ok(Parsed::Done { used: end + 2, header: line(&window[..end])? }),
            [b'\r'] if window.len() < MAX_LINE => Ok(Parsed::NeedMore),
            _ => Err(ProxyError::Line),
        },
        None if window.len() < MAX_LINE => Ok(Parsed::NeedMore),
        None => Err(ProxyError::Line),
    }
}

/// The line without its CRLF.
fn line(line: &[u8]) -> Result<Header, ProxyError> {
    let words = line.strip_prefix(PREFIX).ok_or(ProxyError::Words)?;
    // "The receiver must ignore anything presented before the CRLF."
    if words == b"UNKNOWN" || words.starts_with(b"UNKNOWN ") {
        return Ok(Header::Local);
    }
    str::from_utf8(words).ok().and_then(addresses).ok_or(ProxyError::Words)
}

fn addresses(words: &str) -> Option<Header> {
    let mut words = words.split(' ');
    let family = words.next()?;
    let mut address = || -> Option<IpAddr> {
        let word = words.next()?;
        match family {
            "TCP4" => word.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
            "TCP6" => word.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    let (source, destination) = (address()?, address()?);
    let (source_port, destination_port) = (port(words.next()?)?, port(words.next()?)?);
    if words.next().is_some() {
        return None;
    }
    Some(Header::Addresses {
        source: SocketAddr::new(source, source_port),
        destination: SocketAddr::new(destination, destination_port),
    })
}

/// "Heading zeroes are not permitted"; nor is a sign, which `parse` would take.
fn port(word: &str) -> Option<u16> {
    let canonical = word == "0" || (!word.starts_with('0') && word.bytes().all(|b| b.is_ascii_digit()));
    if canonical { word.parse().ok() } else { None }
}
