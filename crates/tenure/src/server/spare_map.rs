//! The field maps of responses that were sent, for the requests to come: one of them on a thread
//! keeps its memory, so that it need not be taken from the heap for each request.

use std::cell::RefCell;

use http::HeaderMap;

/// Maps that grew beyond this are not kept: 20 KiB.
const LARGEST: usize = 192;

thread_local! {
    static SPARE: RefCell<Option<HeaderMap>> = const { RefCell::new(None) };
}

/// Makes room in `map`, which is new, for so many fields, if the one that was kept has it.
pub(super) fn take(map: &mut HeaderMap, fields: usize) {
    SPARE.with_borrow_mut(|spare| {
        if let Some(spare) = spare.as_mut().filter(|spare| spare.capacity() >= fields) {
            std::mem::swap(spare, map);
        }
    });
}

/// Keeps the memory of a map that is needed no more, if it is more than what is kept already.
pub(super) fn keep(map: &mut HeaderMap) {
    // Before the borrow: what is dropped may be anybody's.
    map.clear();
    SPARE.with_borrow_mut(|spare| {
        let room = spare.as_ref().map_or(0, HeaderMap::capacity);
        if (room + 1..=LARGEST).contains(&map.capacity()) {
            *spare = Some(std::mem::take(map));
        }
    });
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    #[test]
    fn the_memory_of_one_is_taken_by_the_next_that_it_is_enough_for() {
        let mut sent = HeaderMap::with_capacity(10);
        sent.insert(header::SERVER, HeaderValue::from_static("a"));
        let (room, place) = (sent.capacity(), std::ptr::from_ref(&sent[header::SERVER]).addr());
        keep(&mut sent);

        let (mut large, mut small) = (HeaderMap::new(), HeaderMap::new());
        take(&mut large, room + 1);
        take(&mut small, room);
        assert_eq!((large.capacity(), small.capacity(), small.len()), (0, room, 0));
        small.insert(header::SERVER, HeaderValue::from_static("b"));
        assert_eq!(std::ptr::from_ref(&small[header::SERVER]).addr(), place);

        keep(&mut HeaderMap::with_capacity(2 * LARGEST));
        let mut next = HeaderMap::new();
        take(&mut next, 1);
        assert_eq!(next.capacity(), 0, "one that large is not kept");
    }
}
