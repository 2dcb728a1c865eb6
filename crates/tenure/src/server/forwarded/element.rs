//! One element of the list, by the grammar of RFC 7239 section 4 or the custom of `X-Forwarded-For`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whom a hop names as the one it got the request from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hop {
    /// A host.
    Address(IpAddr),
    /// It does not say, or not in a form that names an address.
    Unknown,
}

/// The elements of a list, the last one first; empty ones are left out (RFC 9110 section 5.6.1.2).
///
/// Split from the right, and each element parsed by itself: a quotation mark that a client leaves
/// open cannot swallow what a proxy appended to it.
pub(super) fn from_right(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let (before, element) = split_last(line);
        rest = before;
        Some(element.trim_ascii())
    })
    .filter(|element| !element.is_empty())
}

/// What is before the last comma outside of quotes, if there is one, and what is behind it.
fn split_last(line: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let mut quoted = false;
    for (at, &byte) in line.iter().enumerate().rev() {
        match byte {
            b'"' if !is_escaped(line, at) => quoted = !quoted,
            b',' if !quoted => return (Some(&line[..at]), &line[at + 1..]),
            _ => {}
        }
    }
    (None, line)
}

/// Whether an odd number of backslashes stands before `at`.
fn is_escaped(line: &[u8], at: usize) -> bool {
    line[..at].iter().rev().take_while(|&&b| b == b'\\').count() % 2 == 1
}

/// An entry of `X-Forwarded-For`: an address, by some proxies with a port or in brackets.
pub(super) fn x_forwarded_for(element: &[u8]) -> Hop {
    let text = str::from_utf8(element).ok();
    let address = text.and_then(|text| text.parse().ok().or_else(|| node(text)));
    address.map_or(Hop::Unknown, Hop::Address)
}

/// `forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )`: its `for`.
pub(super) fn forwarded(element: &[u8]) -> Hop {
    let named = str::from_utf8(element).ok().and_then(for_parameter);
    named.as_deref().and_then(node).map_or(Hop::Unknown, Hop::Address)
}

/// The value of `for`; `None` if the element has none, or is malformed anywhere.
fn for_parameter(element: &str) -> Option<String> {
    let mut found = None;
    let mut rest = element;
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix(';') {
            // No whitespace is allowed around ";", and some proxies write it; nothing else could be meant.
            rest = behind.trim_start_matches(BLANK);
            continue;
        }
        let (name, value, behind) = pair(rest)?;
        // "Each parameter MUST NOT occur more than once per field-value."
        if name.eq_ignore_ascii_case("for") && found.replace(value).is_some() {
            return None;
        }
        rest = behind.trim_start_matches(BLANK);
        if !rest.is_empty() && !rest.starts_with(';') {
            return None;
        }
    }
    found
}

/// `forwarded-pair = token "=" value`, and what is behind it.
fn pair(text: &str) -> Option<(&str, String, &str)> {
    let (name, value) = text.split_once('=')?;
    if name.is_empty() || !name.bytes().all(is_token_byte) {
        return None;
    }
    if let Some(quoted) = value.strip_prefix('"') {
        let (value, behind) = quoted_string(quoted)?;
        return Some((name, value, behind));
    }
    let end = value.bytes().position(|b| !is_token_byte(b)).unwrap_or(value.len());
    if end == 0 { None } else { Some((name, value[..end].to_owned(), &value[end..])) }
}

/// RFC 9110 section 5.6.4, from behind the opening quotation mark.
fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}

/// RFC 9110 section 5.6.2.
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

/// `node = nodename [ ":" node-port ]` (RFC 7239 section 6), if its name is an address. IPv6
/// addresses stand in brackets: without them, an address and a port could not be told apart.
fn node(text: &str) -> Option<IpAddr> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        return address.parse::<Ipv6Addr>().ok().filter(|_| is_port(port)).map(IpAddr::V6);
    }
    let (address, port) = text.split_at(text.find(':').unwrap_or(text.len()));
    address.parse::<Ipv4Addr>().ok().filter(|_| is_port(port)).map(IpAddr::V4)
}

/// Nothing, or a colon with up to five digits or an obfuscated name (RFC 7239 section 6.3) behind it.
fn is_port(text: &str) -> bool {
    let Some(port) = text.strip_prefix(':') else { return text.is_empty() };
    match port.strip_prefix('_') {
        Some(name) => {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        }
        None => (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit()),
    }
}

const BLANK: [char; 2] = [' ', '\t'];
