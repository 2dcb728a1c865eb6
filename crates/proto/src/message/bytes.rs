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

/// True for a byte that a field value may hold: HTAB, SP, VCHAR, obs-text.
#[inline]
const fn is_value_byte(byte: u8) -> bool {
    (byte >= 0x20 && byte != 0x7f) || byte == b'\t'
}

/// Position of the first byte that is not allowed in a field value.
#[inline]
pub(crate) fn bad_value_byte(value: &[u8]) -> Option<usize> {
    // Without an early exit the compiler checks many bytes at once; almost every value is good.
    if value.iter().fold(true, |good, &b| good & is_value_byte(b)) {
        return None;
    }
    value.iter().position(|&b| !is_value_byte(b))
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
