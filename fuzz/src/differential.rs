//! The same bytes to `tenure-proto` and to `httparse`, a parser by other people: whatever tenure
//! accepts, httparse must read in the same way. Chunked content against a decoder built on
//! `httparse::parse_chunk_size`.
//!
//! Input: one byte (bit 0: the role that receives, bit 1: chunked content instead of a head), then the bytes.
//!
//! # Where the two differ on purpose
//!
//! tenure is stricter than httparse, and may refuse what httparse reads: see `stricter_head` and
//! `stricter_chunks`. It is laxer only here:
//!
//! - any minor version above 1 is read as HTTP/1.1 (RFC 9110 section 2.5); httparse knows 1.0 and 1.1;
//! - a response's folded field line becomes one line, each fold one space (RFC 9112 section 5.2);
//!   httparse, asked to accept folds, leaves them in the value.

mod chunks;
mod heads;

/// Runs one input.
///
/// # Panics
/// The two parsers see different things.
pub fn check(data: &[u8]) {
    let Some((&selector, bytes)) = data.split_first() else { return };
    match selector & 3 {
        0 => heads::request(bytes),
        1 => heads::response(bytes),
        2 => chunks::request(bytes),
        _ => chunks::response(bytes),
    }
}
