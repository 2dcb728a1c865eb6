//! The buffers that connections of one thread share: while a connection waits between messages it
//! owns none, so an idle one costs no buffer and a busy one finds a warm one.

use std::cell::Cell;

use bytes::BytesMut;

/// What a shared buffer for input has room for.
pub(super) const INPUT: usize = 8 * 1024;
/// Output buffers that grew beyond this are not kept.
const OUTPUT: usize = 64 * 1024;

thread_local! {
    static FREE: Cell<(Option<BytesMut>, Option<Vec<u8>>)> = const { Cell::new((None, None)) };
}

/// A buffer to read into, empty.
pub(super) fn input() -> BytesMut {
    let (input, output) = FREE.take();
    FREE.set((None, output));
    input.unwrap_or_else(|| BytesMut::with_capacity(INPUT))
}

/// A buffer to write from, empty.
pub(super) fn output() -> Vec<u8> {
    let (input, output) = FREE.take();
    FREE.set((input, None));
    output.unwrap_or_default()
}

/// Takes buffers back for the next connection; both must be empty. What cannot be used again is
/// freed: an input buffer of which content is still held, an output buffer that is too large.
pub(super) fn give_back(mut input: BytesMut, output: Vec<u8>) {
    let (free_input, free_output) = FREE.take();
    let input = (input.capacity() > 0 && input.try_reclaim(INPUT)).then_some(input);
    let output = (1..=OUTPUT).contains(&output.capacity()).then_some(output);
    FREE.set((input.or(free_input), output.or(free_output)));
}
