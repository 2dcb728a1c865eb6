//! What the tests of this workspace share: the runner of the conformance cases, two connections
//! back to back, a clock that only moves when told, and reproducible randomness.
//!
//! Nothing here opens a socket, sleeps or reads a file other than the cases it is given.
#![forbid(unsafe_code)]

pub mod clock;
pub mod fixture;
mod log;

pub mod pair;
pub mod random;
mod text;

pub use log::Side;
pub use text::escape;
