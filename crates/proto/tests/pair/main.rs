//! Two connections back to back under a clock that only the tests move: what one side sends, the
//! other receives, and each obeys the other's close.

mod closing;
mod exchanges;
mod expectation;
mod handover;
mod keep_alive;
mod pace;
mod timeouts;

use tenure_proto::Config;
use tenure_testkit::pair::{EMPTY, Pair};

/// Two connections with default settings.
fn pair() -> Pair {
    Pair::new(Config::default(), Config::default())
}

/// A client that may have `n` requests outstanding, and a server.
fn pipeline(n: u8) -> Pair {
    let mut client = Config::default();
    client.limits.outstanding = n;
    Pair::new(client, Config::default())
}

/// One request and its answer, without content.
fn exchange(pair: &mut Pair) {
    pair.client.request("GET", "/", &[], EMPTY).unwrap();
    pair.run();
    pair.server.respond(204, &[], EMPTY).unwrap();
    pair.run();
}
