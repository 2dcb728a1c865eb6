//! Byte classes of RFC 9110 section 5.6 and 5.5.

use super::block::{self, Block, Places};
use crate::error::ErrorKind;

/// `tchar` (RFC 9110 section 5.6.2).
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0;
    while b < 128 {
        let byte = b as u8;
        table[b] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
            );
        b += 1;
    }
    table
};

/// True for a byte that a token may hold.
#[inline]
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    TOKEN[byte as usize]
}

/// Where the token that starts at `from` ends.
#[inline]
pub(crate) fn token_end(bytes: &[u8], from: usize) -> usize {
    end(bytes, from, name_doubts, is_token_byte)
}

/// Where letters and hyphens end that start at `from`: mostly the end of the token, too.
#[inline]
pub(super) fn name_end(bytes: &[u8], from: usize) -> usize {
    first(bytes, from, name_doubts)
}

/// Letters and hyphens are what almost all names are made of; the others are looked at one by one.
#[inline]
fn name_doubts(block: Block) -> Places {
    !(block.lower().between(b'a', b'z') | block.is(b'-'))
}

/// Where what may be a target ends that starts at `from`: visible ASCII but `#`, which begins a fragment.
#[inline]
pub(super) fn target_end(bytes: &[u8], from: usize) -> usize {
    first(bytes, from, |block| !block.between(b'!', b'~') | block.is(b'#'))
}

/// Where letters, digits, `-` and `.` end that start at `from`: mostly the end of a host's name.
#[inline]
pub(super) fn host_end(bytes: &[u8], from: usize) -> usize {
    first(bytes, from, |block| !(block.lower().between(b'a', b'z') | block.between(b'-', b'9')) | block.is(b'/'))
}

/// Where what a field value may hold ends that starts at `from`: HTAB, SP, VCHAR, obs-text.
#[inline]
pub(super) fn value_end(bytes: &[u8], from: usize) -> usize {
    end(bytes, from, value_doubts, |b| b == b'\t')
}

/// Where the first control byte is from `from` on: mostly the end of the value, too.
#[inline]
pub(super) fn control_at(bytes: &[u8], from: usize) -> usize {
    first(bytes, from, value_doubts)
}

#[inline]
fn value_doubts(block: Block) -> Places {
    block.below(b' ') | block.is(0x7f)
}

/// The first doubtful byte from `from` on, or the end. `doubtful` says it of 16 at once.
#[inline]
fn first(bytes: &[u8], from: usize, doubtful: impl Fn(Block) -> Places) -> usize {
    let Some(rest) = bytes.get(from..) else { return bytes.len() };
    let mut at = from;
    for block in rest.as_chunks().0 {
        if let Some(place) = doubtful(Block::new(block)).first() {
            return at + place;
        }
        at += 16;
    }
    // Fewer than 16 are left.
    let place = doubtful(block::partial(bytes, at)).first();
    bytes.len().min(at + place.unwrap_or(16))
}

/// Where `byte` comes first from `from` on; the end if it does not.
#[inline]
pub(super) fn position(bytes: &[u8], from: usize, byte: u8) -> usize {
    first(bytes, from, |block| block.is(byte))
}

/// Where the good bytes end that start at `from`: those that are not doubtful, and those that are good all the same.
#[inline]
fn end(bytes: &[u8], from: usize, doubtful: impl Fn(Block) -> Places, is_good: impl Fn(u8) -> bool) -> usize {
    let mut at = from;
    loop {
        at = first(bytes, at, &doubtful);
        if !bytes.get(at).is_some_and(|&byte| is_good(byte)) {
            return at;
        }
        at += 1;
    }
}

/// The length of the token at the start.
#[inline]
pub(crate) fn token_len(bytes: &[u8]) -> usize {
    token_end(bytes, 0)
}

/// Position of the first byte that is not allowed in a field value.
#[inline]
pub(crate) fn bad_value_byte(value: &[u8]) -> Option<usize> {
    let end = value_end(value, 0);
    (end < value.len()).then_some(end)
}

/// Whether a field value may hold all of it.
#[inline]
pub(crate) fn is_value(text: &[u8]) -> bool {
    let is_clean = |block: &[u8; 16]| value_doubts(Block::new(block)).first().is_none();
    // The last block again, in which some were looked at already.
    let quick = text.as_chunks().0.iter().all(is_clean) && text.last_chunk().is_some_and(is_clean);
    quick || value_end(text, 0) == text.len()
}

/// Whether `token` is this name in any case. `known` is of letters in lower case and hyphens, four at least.
#[inline]
pub(crate) fn is_name<const N: usize>(token: &[u8], known: &[u8; N]) -> bool {
    let Ok(token) = <&[u8; N]>::try_from(token) else { return false };
    // Of the bytes of a token only the two cases of a letter, or the hyphen alone, become the known byte.
    let lower =
        |text: &[u8; N], at: usize| text[at..].first_chunk().map(|word| u32::from_le_bytes(*word) | 0x2020_2020);
    // The last four bytes may have been compared in part already.
    (0..N).step_by(4).map(|at| at.min(N - 4)).all(|at| lower(token, at) == lower(known, at))
}

/// Which rule a control byte breaks.
pub(crate) const fn control_kind(byte: u8) -> ErrorKind {
    match byte {
        b'\r' => ErrorKind::BareCr,
        b'\n' => ErrorKind::BareLf,
        _ => ErrorKind::ControlByte,
    }
}

/// Without optional white space (SP, HTAB) at either end.
#[inline]
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    // Mostly there is one space in front, and none behind.
    let bytes = bytes.strip_prefix(b" ").unwrap_or(bytes);
    match bytes {
        [b' ' | b'\t', ..] | [.., b' ' | b'\t'] => trim_more(bytes),
        _ => bytes,
    }
}

#[cold]
fn trim_more(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The members of a comma-separated list (RFC 9110 section 5.6.1), trimmed; empty ones left out.
pub(crate) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(trim).filter(|member| !member.is_empty())
}

/// A decimal number: digits only, below 2^64.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |n, &b| match b {
        b'0'..=b'9' => n.checked_mul(10)?.checked_add(u64::from(b - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn is_value_byte(byte: u8) -> bool {
        (byte >= 0x20 && byte != 0x7f) || byte == b'\t'
    }

    /// Every byte at every place of texts of many lengths, against one byte after the other.
    fn agrees(text: &[u8], is_good: impl Fn(u8) -> bool, len: impl Fn(&[u8]) -> usize) {
        for end in 0..text.len() {
            let mut text = text[..end].to_vec();
            for at in 0..end {
                let before = text[at];
                for byte in 0..=255 {
                    text[at] = byte;
                    let expected = text.iter().take_while(|&&b| is_good(b)).count();
                    assert_eq!(len(&text), expected, "{byte:#x} at {at} of {end}");
                }
                text[at] = before;
            }
        }
    }

    #[test]
    fn words_at_once_are_judged_as_their_bytes_are() {
        let value = |text: &[u8]| bad_value_byte(text).unwrap_or(text.len());
        agrees(&[0x80, b'x', b'\t', b'~', 0xff].repeat(9), is_value_byte, value);
        agrees(&b"x".repeat(40), is_value_byte, value);
        agrees(&b"Accept-z!".repeat(3), is_token_byte, token_len);
        agrees(&b"/~!@Z{\"$".repeat(3), |b| b.is_ascii_graphic() && b != b'#', |text| target_end(text, 0));
        agrees(&b"abc:d;\n".repeat(6), |b| b != b'\n', |text| position(text, 0, b'\n'));
    }
}
