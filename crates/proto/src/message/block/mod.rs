//! Sixteen bytes looked at together, which is how most of a head is judged.
//!
//! Two ways to do the same: SSE2, which every x86-64 processor has, and 128-bit arithmetic for all others.

#[cfg(any(test, not(target_arch = "x86_64")))]
mod arithmetic;
#[cfg(target_arch = "x86_64")]
mod sse2;

#[cfg(not(target_arch = "x86_64"))]
pub(super) use arithmetic::{Block, Places};
#[cfg(target_arch = "x86_64")]
pub(super) use sse2::{Block, Places};

/// The block of the bytes from `at` on, which are fewer than 16: NUL stands for those that are not there.
#[inline]
pub(super) fn partial(bytes: &[u8], at: usize) -> Block {
    Block::new(&rest(bytes, at).to_le_bytes())
}

/// The same as a number, the first byte lowest.
#[inline(never)]
fn rest(bytes: &[u8], at: usize) -> u128 {
    let rest = bytes.get(at..).unwrap_or_default();
    let Some(last) = bytes.last_chunk() else { return short(rest).into() };
    let last = u64::from_le_bytes(*last);
    match rest.first_chunk() {
        // The last word without what is in the first already.
        Some(first) => u128::from(u64::from_le_bytes(*first)) | u128::from(last >> 8 >> (8 * (15 - rest.len()))) << 64,
        None if rest.is_empty() => 0,
        None => u128::from(last >> (8 * (8 - rest.len()))),
    }
}

/// Fewer than 8 bytes as a number, the first of them lowest.
#[inline(never)]
fn short(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => {
            let behind = u64::from(u32::from_le_bytes(*last)) << (8 * (bytes.len() - 4));
            u64::from(u32::from_le_bytes(*first)) | behind
        }
        _ => bytes.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks both kinds of block about every byte, at every place among bytes that answer otherwise.
    macro_rules! agrees {
        ($block:ty, $name:expr) => {
            for byte in 0..=255u8 {
                for (place, other) in (0..16).zip([0x00, 0x1f, 0x20, b'-', b'a', 0x7f, 0x80, 0xff].into_iter().cycle())
                {
                    let mut bytes = [other; 16];
                    bytes[place] = byte;
                    let block = <$block>::new(&bytes);
                    let first = |is: &dyn Fn(u8) -> bool| bytes.iter().position(|&b| is(b));
                    let what = format!("{}: {byte:#x} at {place} among {other:#x}", $name);
                    assert_eq!(block.is(b'-').first(), first(&|b| b == b'-'), "{what}");
                    assert_eq!((!block.is(b'-')).first(), first(&|b| b != b'-'), "{what}");
                    assert_eq!(block.below(0x20).first(), first(&|b| b < 0x20), "{what}");
                    assert_eq!(block.between(b'!', b'~').first(), first(&|b| b.is_ascii_graphic()), "{what}");
                    assert_eq!(block.lower().is(b'a').first(), first(&|b| b | 0x20 == b'a'), "{what}");
                    let either = block.below(0x20) | block.is(0x7f);
                    assert_eq!(either.first(), first(&|b| b.is_ascii_control()), "{what}");
                }
            }
        };
    }

    #[test]
    fn blocks_are_judged_as_their_bytes_are() {
        agrees!(Block, "this machine's");
        agrees!(arithmetic::Block, "any machine's");
    }

    #[test]
    fn what_is_not_there_is_nul() {
        for len in 0..40 {
            let bytes: Vec<u8> = (1..=len).collect();
            for from in bytes.len().saturating_sub(15)..=bytes.len() {
                let rest = &bytes[from..];
                for place in 0..16 {
                    let expected = rest.get(place).copied().unwrap_or(0);
                    let found = partial(&bytes, from).is(expected).first();
                    assert!(found.is_some_and(|first| first <= place), "{place} from {from} of {len}");
                }
            }
        }
    }
}
