//! Message bodies: where they end (RFC 9112 section 6) and the chunked coding (section 7.1).

pub(crate) mod chunked;
mod framing;

pub use framing::{Framing, FramingRule};
pub(crate) use framing::{of_request, of_response};
