//! The parking lot: connections that wait for nothing but bytes, each without a task, a timer or a
//! buffer. One nested epoll watches them all; the runtime sees a single descriptor.

#[cfg(target_os = "linux")]
mod lot;
#[cfg(target_os = "linux")]
mod queue;
mod slots;
// Elsewhere a connection waits in its task.
#[cfg(not(target_os = "linux"))]
#[path = "lot_off.rs"]
mod lot;

pub(crate) use lot::{Ends, Lot, Park};
pub(crate) use slots::Slots;
