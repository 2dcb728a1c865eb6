//! An allocator that counts, for programs of one test: the counters are one for the whole process.
#![allow(unsafe_code, reason = "a counting allocator can only be written so")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering};

static TAKEN: AtomicIsize = AtomicIsize::new(0);
static LIVE: AtomicIsize = AtomicIsize::new(0);

thread_local! {
    static LEFT_OUT: Cell<bool> = const { Cell::new(false) };
}

/// The system's allocator; a program that counts makes it its `#[global_allocator]`.
pub(crate) struct Counting;

/// How often something was allocated.
pub(crate) fn taken() -> isize {
    TAKEN.load(Ordering::Relaxed)
}

/// Bytes that are allocated now.
pub(crate) fn live() -> isize {
    LIVE.load(Ordering::Relaxed)
}

/// From now on this thread's allocations are not counted: it plays the other side.
pub(crate) fn leave_out_this_thread() {
    LEFT_OUT.set(true);
}

fn note(taken: isize, bytes: isize) {
    // At a thread's end there may be no flag any more.
    if LEFT_OUT.try_with(Cell::get) != Ok(true) {
        TAKEN.fetch_add(taken, Ordering::Relaxed);
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
