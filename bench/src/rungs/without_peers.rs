//! In place of [`peers`](self) where this program is built without them.

use std::io;
use std::net::TcpListener;

use bytes::Bytes;
use http::Uri;
use tokio::runtime;

use super::Peer;

/// Says that it cannot.
pub(super) fn run(
    peer: Peer,
    _: runtime::Builder,
    _: TcpListener,
    _: impl Fn(&Uri) -> Bytes + Copy + Send + Sync + 'static,
) -> io::Result<()> {
    Err(io::Error::other(format!("{peer:?}: this program was built without the feature `peers`")))
}
