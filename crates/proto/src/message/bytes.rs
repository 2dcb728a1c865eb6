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
    prefix_len(bytes, is_token_byte, |word| {
        // Letters and hyphens, which almost all names are made of; the others are looked at one by one.
        let lower = word | (EACH * 0x20);
        let letter = at_least(lower, b'a') & !at_least(lower, b'{');
        !(letter | at_zero(word ^ (EACH * b'-' as u64))) | word
    })
}

/// The length of what may be a target at the start: visible ASCII but `#`, which begins a fragment.
#[inline]
pub(crate) fn target_len(bytes: &[u8]) -> usize {
    prefix_len(
        bytes,
        |b| b.is_ascii_graphic() && b != b'#',
        |word| !at_least(word, b'!') | at_least(word, 0x7f) | at_zero(word ^ (EACH * b'#' as u64)) | word,
    )
}

/// Position of the first byte that is not allowed in a field value: HTAB, SP, VCHAR, obs-text are.
#[inline]
pub(crate) fn bad_value_byte(value: &[u8]) -> Option<usize> {
    let clean = |block: &&[u8; 16]| block.iter().fold(true, |clean, &b| clean & (b >= 0x20) & (b != 0x7f));
    let clean = 16 * value.as_chunks::<16>().0.iter().take_while(clean).count();
    let at = clean
        + prefix_len(&value[clean..], is_value_byte, |word| (!at_least(word, b' ') | at_least(word, 0x7f)) & !word);
    (at < value.len()).then_some(at)
}

/// True for a byte that a field value may hold.
#[inline]
const fn is_value_byte(byte: u8) -> bool {
    (byte >= 0x20 && byte != 0x7f) || byte == b'\t'
}

/// How many bytes at the start are good. `doubtful` looks at eight at once: the highest bit of each of
/// its bytes says whether that one is to be looked at by itself.
#[inline]
fn prefix_len(bytes: &[u8], is_good: impl Fn(u8) -> bool, doubtful: impl Fn(u64) -> u64) -> usize {
    let mut at = 0;
    while let Some(word) = bytes[at..].first_chunk::<8>() {
        let doubts = doubtful(u64::from_le_bytes(*word)) & (EACH * 0x80);
        if doubts == 0 {
            at += 8;
            continue;
        }
        at += doubts.trailing_zeros() as usize / 8;
        if !is_good(bytes[at]) {
            return at;
        }
        at += 1;
    }
    // The last word again, in which some were looked at already.
    match bytes.last_chunk::<8>() {
        Some(word) if doubtful(u64::from_le_bytes(*word)) & (EACH * 0x80) == 0 => bytes.len(),
        _ => at + bytes[at..].iter().take_while(|&&b| is_good(b)).count(),
    }
}

/// 1 in each byte.
const EACH: u64 = u64::from_le_bytes([1; 8]);

/// Sets the highest bit of each byte that is at least `least`, where it is below 0x80; else it says nothing.
#[inline]
const fn at_least(word: u64, least: u8) -> u64 {
    // Without the highest bits no byte carries into the next.
    (word & (EACH * 0x7f)) + EACH * (0x80 - least as u64)
}

/// Sets the highest bit of each byte that is 0 or 0x80.
#[inline]
const fn at_zero(word: u64) -> u64 {
    !at_least(word, 1)
}

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
        agrees(&b"/~!@Z{\"$".repeat(3), |b| b.is_ascii_graphic() && b != b'#', target_len);
    }
}
