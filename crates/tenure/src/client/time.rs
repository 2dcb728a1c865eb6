//! The clock of the pool.

use std::time::Instant;

use crate::io;

/// The time by which connections grow old.
pub(super) fn now() -> Instant {
    io::now()
}
