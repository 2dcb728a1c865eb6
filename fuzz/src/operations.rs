//! Two connections back to back, and a sequence of operations on both: what one side accepts to
//! send, the other receives equal, message by message, however the bytes travel; a refused
//! operation changes nothing; and every connection ends in the end.
//!
//! Input: a [`Scenario`], by the crate `arbitrary`.

mod client;
mod endpoint;
mod message;
mod pair;
mod server;

use arbitrary::{Arbitrary, Unstructured};

use pair::Pair;

/// Runs one input.
///
/// # Panics
/// As [`Scenario::check`].
pub fn check(data: &[u8]) {
    if let Ok(scenario) = Scenario::arbitrary_take_rest(Unstructured::new(data)) {
        scenario.check();
    }
}

/// Operations of one input; more prove nothing new.
const LONGEST: usize = 100;

/// Two programs at work.
#[derive(Arbitrary, Debug)]
pub struct Scenario {
    settings: Settings,
    operations: Vec<Operation>,
}

impl Scenario {
    /// Runs it.
    ///
    /// # Panics
    /// The two sides disagree, a refused operation left a trace, or a connection never ends.
    pub fn check(&self) {
        let mut pair = Pair::new(self.settings);
        for &operation in self.operations.iter().take(LONGEST) {
            pair.apply(operation);
        }
        pair.finish();
    }
}

#[derive(Arbitrary, Clone, Copy, Debug)]
struct Settings {
    /// Requests the client may have outstanding.
    pipeline: u8,
    client_persists_10: bool,
    server_persists_10: bool,
    announce_idle: bool,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Operation {
    /// Bytes travel to one side; 0 is all of them, and then the close if there was one.
    Deliver {
        to: Side,
        bytes: u8,
    },
    /// The client sends a request's head.
    Request(Head),
    /// The server sends a final response's head.
    Respond(Head),
    /// The server sends an interim response.
    Interim(Head),
    /// Some content.
    Content {
        by: Side,
        length: u8,
    },
    /// The message's end, with trailers.
    End {
        by: Side,
        trailers: u8,
    },
    /// The client stops sending its content.
    Abandon,
    CloseAfterCurrent(Side),
    /// At once, whatever is under way.
    Close(Side),
    /// The client closes its sending side, and goes on receiving.
    HalfClose,
    TimePasses {
        seconds: u8,
    },
}

/// What a head says, as places in the tables of [`message`].
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Head {
    start: u8,
    http10: bool,
    fields: [u8; 3],
    /// The length of the content, if the head says it.
    content: Option<u8>,
}

#[derive(Arbitrary, Clone, Copy, PartialEq, Debug)]
enum Side {
    Client,
    Server,
}
