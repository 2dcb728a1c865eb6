//! Memory for what lives only as long as an exchange: a connection that waits holds none, and the
//! next exchange on the same thread takes what the last one left.

use std::any::Any;
use std::cell::RefCell;

/// So many are kept for each thread; requests under way may hold any number more.
const KEPT: usize = 32;

thread_local! {
    static FREE: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
}

/// What was kept last, if it is of this type; else a new one.
#[inline]
pub(super) fn take<T: Default + 'static>() -> Box<T> {
    let free = FREE.with_borrow_mut(Vec::pop).and_then(|place| place.downcast().ok());
    free.unwrap_or_default()
}

/// Keeps what is needed no more. It holds nothing of the exchange that it was for.
#[inline]
pub(super) fn keep<T: 'static>(place: Box<T>) {
    FREE.with_borrow_mut(|free| {
        if free.len() < KEPT {
            free.push(place);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As nothing else in this program.
    #[derive(Default)]
    struct Room([u64; 20]);

    fn place<T>(room: &T) -> usize {
        std::ptr::from_ref(room).addr()
    }

    #[test]
    fn the_memory_of_one_is_taken_by_the_next_of_its_type() {
        let first = take::<Room>();
        let at = place(&*first);
        keep(first);
        let again = take::<Room>();
        assert_eq!(place(&*again), at);
        let beside = take::<Room>();
        assert_ne!(place(&*beside), at, "it is in use");
        keep(again);
        assert_eq!(*take::<u128>(), 0, "another type's memory is not taken");
    }

    #[test]
    fn no_more_are_kept_than_may_be() {
        let many: Vec<_> = (0..2 * KEPT).map(|_| take::<Room>()).collect();
        many.into_iter().for_each(keep);
        assert_eq!(FREE.with_borrow(Vec::len), KEPT);
        assert_eq!(take::<Room>().0, [0; 20]);
    }
}
