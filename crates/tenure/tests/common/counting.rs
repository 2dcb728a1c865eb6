//! An allocator that counts, for programs of one test: what is live is one figure for the whole process.
#![allow(unsafe_code, reason = "a counting allocator can only be written so")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

static LIVE: AtomicIsize = AtomicIsize::new(0);

thread_local! {
    static TAKEN: Cell<Option<&'static AtomicUsize>> = const { Cell::new(None) };
    static LEFT_OUT: Cell<bool> = const { Cell::new(false) };
}

/// The system's allocator; a program that counts makes it its `#[global_allocator]`.
pub(crate) struct Counting;

/// From now on `taken` says how often this thread allocates, and no other: the test runner's own thread does so too,
/// whenever it is its turn.
pub(crate) fn count_this_thread(taken: &'static AtomicUsize) {
    TAKEN.set(Some(taken));
}

/// Bytes that are allocated now.
pub(crate) fn live() -> isize {
    LIVE.load(Ordering::Relaxed)
}

/// From now on what this thread allocates is not among what is live: it plays the other side.
pub(crate) fn leave_out_this_thread() {
    LEFT_OUT.set(true);
}

fn note(taken: usize, bytes: isize) {
    if let Some(count) = TAKEN.get() {
        count.fetch_add(taken, Ordering::Relaxed);
    }
    if !LEFT_OUT.get() {
        LIVE.fetch_add(bytes, Ordering::Relaxed);
    }
}

// SAFETY: every call is passed on to the system's allocator as it is; reallocation is the default
// one, of both.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(0, -(layout.size() as isize));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}
