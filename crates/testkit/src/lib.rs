//! What the tests of this workspace share: the runner of the conformance cases, two connections
//! back to back, a clock that only moves when told, reproducible randomness, and an address that
//! answers no handshake.
//!
//! Nothing here but the last opens a socket or waits, and nothing reads a file other than the cases it is given.
#![forbid(unsafe_code)]

pub mod clock;
mod dead;
pub mod fixture;
mod log;

pub mod pair;
pub mod random;
mod text;

pub use dead::Dead;
pub use log::Side;
pub use text::escape;
