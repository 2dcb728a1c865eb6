//! Arbitrary start lines and fields through `send_head`: if the core accepts them, the other side
//! receives exactly those, and nothing else. So header injection and response splitting, by CR, LF
//! or NUL in a name, value, target or trailer, are impossible.
//!
//! Input: a [`Message`], by the crate `arbitrary`.

mod lines;
mod request;
mod response;

use arbitrary::{Arbitrary, Unstructured};

/// Runs one input.
///
/// # Panics
/// As [`Message::check`].
pub fn check(data: &[u8]) {
    if let Ok(message) = Message::arbitrary_take_rest(Unstructured::new(data)) {
        message.check();
    }
}

/// What a program asks the core to send.
#[derive(Arbitrary, Debug)]
pub struct Message<'a>(Kind<'a>);

impl Message<'_> {
    /// Sends and receives it.
    ///
    /// # Panics
    /// What was accepted is not what was received.
    pub fn check(&self) {
        match &self.0 {
            Kind::Request(request) => request::check(request),
            Kind::Response(response) => response::check(response),
        }
    }
}

#[derive(Arbitrary, Debug)]
enum Kind<'a> {
    Request(request::Request<'a>),
    Response(response::Response<'a>),
}
