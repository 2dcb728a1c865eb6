//! Byte classes of RFC 9110 section 5.6 and 5.5.

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

/// The length of the token at the start.
#[inline]
pub(crate) fn token_len(bytes: &[u8]) -> usize {
    bytes.iter().position(|&b| !is_token_byte(b)).unwrap_or(bytes.len())
}

/// Position of the first byte that is not allowed in a field value.
#[inline]
pub(crate) fn bad_value_byte(value: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + first_control(&value[from..])?;
        if value[at] != b'\t' {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Position of the first control byte: below SP, or DEL.
#[inline]
fn first_control(bytes: &[u8]) -> Option<usize> {
    // The compiler checks blocks of a fixed size at once.
    let clean = |block: &&[u8; 32]| block.iter().fold(true, |clean, &b| clean & (b >= 0x20) & (b != 0x7f));
    let clean = 32 * bytes.as_chunks::<32>().0.iter().take_while(clean).count();
    let (words, last) = bytes[clean..].as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        // By subtraction a byte borrows from its upper neighbour, and so gets its highest bit set, if it
        // is too small; the lowest one that did is one that is too small by itself.
        let word = u64::from_le_bytes(*word);
        let small = |word: u64, than: u8| word.wrapping_sub(EACH * u64::from(than)) & !word;
        let found = (small(word, 0x20) | small(word ^ (EACH * 0x7f), 1)) & (EACH * 0x80);
        if found != 0 {
            return Some(clean + 8 * i + found.trailing_zeros() as usize / 8);
        }
    }
    let at = last.iter().position(|&b| b < 0x20 || b == 0x7f)?;
    Some(clean + 8 * words.len() + at)
}

/// 1 in each byte.
const EACH: u64 = u64::from_le_bytes([1; 8]);

/// Which rule a control byte breaks.
pub(crate) const fn control_kind(byte: u8) -> ErrorKind {
    match byte {
        b'\r' => ErrorKind::BareCr,
        b'\n' => ErrorKind::BareLf,
        _ => ErrorKind::ControlByte,
    }
}

/// Without optional white space (SP, HTAB) at either end, and how much was cut in front.
#[inline]
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
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

    /// Every byte at every place of values of many lengths, against one byte after the other.
    #[test]
    fn a_bad_byte_is_found_wherever_it_is() {
        let is_good = |b: u8| (b >= 0x20 && b != 0x7f) || b == b'\t';
        for len in 0..80 {
            for at in 0..len {
                for byte in 0..=255 {
                    let mut value = [0x80_u8, b'x', b'\t', b'~'].repeat(20);
                    value.truncate(len);
                    value[at] = byte;
                    assert_eq!(bad_value_byte(&value), (!is_good(byte)).then_some(at), "{byte} at {at} of {len}");
                    if let Some(next) = value.get_mut(at + 1) {
                        *next = b'\n';
                        let first = if is_good(byte) { at + 1 } else { at };
                        assert_eq!(bad_value_byte(&value), Some(first), "{byte} and a line feed at {at} of {len}");
                    }
                }
            }
        }
    }
}
