//! One copy of a received head, which the values of its `http::Request` share: no allocation for
//! each of them, and mostly none for the copy.

use std::cell::RefCell;

use bytes::{Bytes, BytesMut};

/// Heads are copied into blocks of this size. A block is used again once nobody holds a value in it.
const BLOCK: usize = 8 * 1024;

thread_local! {
    static FREE: RefCell<Option<BytesMut>> = const { RefCell::new(None) };
}

/// A head as received, and its copy.
pub(crate) struct HeadCopy<'b> {
    received: &'b [u8],
    copy: Bytes,
}

impl<'b> HeadCopy<'b> {
    pub(crate) fn new(received: &'b [u8]) -> Self {
        let copy = FREE.with_borrow_mut(|free| {
            let block = free.get_or_insert_default();
            if block.capacity() < received.len() {
                block.reserve(received.len().max(BLOCK));
            }
            block.extend_from_slice(received);
            block.split().freeze()
        });
        Self { received, copy }
    }

    /// A copy that shares its memory with no other: it may be kept for long.
    pub(crate) fn apart(received: &'b [u8]) -> Self {
        Self { received, copy: Bytes::copy_from_slice(received) }
    }

    /// A part of the received head, as the same part of the copy.
    pub(crate) fn share(&self, part: &[u8]) -> Bytes {
        let start = part.as_ptr().addr().wrapping_sub(self.received.as_ptr().addr());
        match start.checked_add(part.len()) {
            Some(end) if end <= self.copy.len() => self.copy.slice(start..end),
            // Not of this head.
            _ => Bytes::copy_from_slice(part),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_shared_and_anything_else_copied() {
        let head = b"GET /path HTTP/1.1\r\n\r\n".to_vec();
        let copy = HeadCopy::new(&head);
        let path = copy.share(&head[4..9]);
        assert_eq!(&path[..], b"/path");
        assert_eq!(path.as_ptr(), copy.copy[4..].as_ptr());
        assert_eq!(&copy.share(b"other")[..], b"other");
        assert_eq!(&copy.share(&head)[..], &head[..]);
    }

    #[test]
    fn a_block_is_used_again_once_it_is_free() {
        let head = [b'x'; 100];
        let first = HeadCopy::new(&head).copy.as_ptr();
        let later = (0..2 * BLOCK / 100).filter(|_| HeadCopy::new(&head).copy.as_ptr() == first).count();
        assert!(later > 0, "the block was never used again");
        let kept = HeadCopy::new(&head).share(&head);
        for _ in 0..2 * BLOCK / 100 {
            HeadCopy::new(&[b'y'; 100]);
        }
        assert_eq!(&kept[..], &head[..], "what is held stays");
    }
}
