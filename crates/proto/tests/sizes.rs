//! What one connection holds. A server has one for each busy client, so growth is a decision.

use tenure_proto::{Client, Connection, Server};

/// Mostly the parser of a head that came in part (104 bytes); the configuration is shared.
#[test]
#[cfg(target_pointer_width = "64")]
fn a_connection_is_as_large_as_this() {
    assert_eq!(size_of::<Connection<Server>>(), 224);
    assert_eq!(size_of::<Connection<Client>>(), 224);
}
