//! Counts what a thread takes from the heap. Adds two additions to a thread-local to each
//! allocation, in every rung alike.
#![allow(unsafe_code, reason = "a global allocator cannot be had without; it passes on to the system's")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::Sub;

/// The system's allocator, counted.
pub(crate) struct Counting;

/// Allocations of one thread since its start; moving a block to another size counts as one.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Allocations {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

thread_local! {
    static SO_FAR: Cell<Allocations> = const { Cell::new(Allocations { count: 0, bytes: 0 }) };
}

impl Allocations {
    /// By this thread.
    pub(crate) fn so_far() -> Self {
        SO_FAR.get()
    }
}

impl Sub for Allocations {
    type Output = Self;
    fn sub(self, earlier: Self) -> Self {
        Self { count: self.count - earlier.count, bytes: self.bytes - earlier.bytes }
    }
}

fn note(bytes: usize) {
    let Allocations { count, bytes: before } = SO_FAR.get();
    SO_FAR.set(Allocations { count: count + 1, bytes: before + bytes as u64 });
}

// SAFETY: every call goes to `System` with the caller's own arguments, so its guarantees are ours;
// counting touches a constant-initialised thread-local without a destructor, which allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller keeps `GlobalAlloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller keeps `GlobalAlloc`'s contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        // SAFETY: the caller keeps `GlobalAlloc`'s contract.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps `GlobalAlloc`'s contract.
        unsafe { System.dealloc(block, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_this_threads_allocations() {
        let before = Allocations::so_far();
        let mut bytes = std::hint::black_box(Vec::<u8>::with_capacity(100));
        bytes.reserve_exact(200);
        assert_eq!(Allocations::so_far() - before, Allocations { count: 2, bytes: 300 });
    }
}
