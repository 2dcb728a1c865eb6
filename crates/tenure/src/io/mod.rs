//! What both sides share: the transport with its buffers, bodies, fields, deadlines.

mod body;
#[cfg(not(test))]
pub(crate) mod clock;
#[cfg(test)]
#[path = "clock_in_tests.rs"]
pub(crate) mod clock;
mod deadline;
pub(crate) mod fields;
pub(crate) mod file;
mod head_copy;
pub(crate) mod incoming;
mod jitter;
pub(crate) mod known_fields;
mod names;
mod probes;
mod scratch;
#[cfg(target_os = "linux")]
mod send_file;
#[cfg(not(target_os = "linux"))]
#[path = "send_file_off.rs"]
mod send_file;
mod send_queue;
mod socket;
mod transport;
mod wire;

pub use body::Body;
pub(crate) use body::Receiving;
pub(crate) use deadline::{Deadline, now};
pub(crate) use head_copy::HeadCopy;
pub(crate) use jitter::Jitter;
pub(crate) use probes::Probes;
pub(crate) use send_queue::COPY;
pub(crate) use socket::Socket;
pub(crate) use transport::{Tap, Transport};
pub(crate) use wire::Wire;
