//! The first bytes of a connection that comes through a proxy: the PROXY protocol header, read off
//! the socket and not a byte more, since TLS or HTTP follows.

use std::io;
use std::time::Duration;

use tokio::io::AsyncReadExt;

use super::drive::broken;
use super::entry::{Ends, Entry};
use super::proxy_protocol::{Header, MAX_LEN, Parsed, ProxyError, parse};
use super::shared::Shared;
use crate::CloseReason;
use crate::io::Socket;

/// Whose connection it is; within the time for the first byte, and while the server is not drained.
///
/// # Errors
/// The connection is to be closed without a word: its peer is no HTTP client.
pub(super) async fn introduce(shared: &Shared, id: u64, socket: &mut Socket) -> Result<Entry, CloseReason> {
    let first = shared.config.timeouts.first;
    let header = tokio::select! {
        biased;
        read = read_header(socket) => read.map_err(|error| broken(&error))?,
        () = sleep(first) => return Err(CloseReason::TimedOut),
        () = drained(shared) => return Err(CloseReason::Shutdown),
    };
    let header = header.map_err(|error| {
        tracing::warn!(connection = id, %error, "refused");
        CloseReason::Malformed
    })?;
    let Header::Addresses { source, destination } = header else { return Ok(Entry::default()) };
    // Who sleeps is the acceptor's to know; here nobody can be asked to make room.
    let place = shared.addresses.as_ref().map(|addresses| addresses.enter(source.ip()));
    let place = place.transpose().map_err(|_| CloseReason::AddressLimit)?;
    Ok(Entry { place, proxied: Some(Box::new(Ends { source, destination })) })
}

async fn read_header(socket: &mut Socket) -> io::Result<Result<Header, ProxyError>> {
    let mut input = vec![0; MAX_LEN];
    let mut taken = 0;
    loop {
        // A look only: what follows the header is not ours.
        let come = socket.peek(&mut input[taken..]).await?;
        if come == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (used, header) = match parse(&input[..taken + come]) {
            Ok(Parsed::NeedMore) => (taken + come, None),
            Ok(Parsed::Done { used, header }) => (used, Some(header)),
            Err(error) => return Ok(Err(error)),
        };
        socket.read_exact(&mut input[taken..used]).await?;
        if let Some(header) = header {
            return Ok(Ok(header));
        }
        taken = used;
    }
}

async fn sleep(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

/// The server drains, and the grace for idle connections is over.
async fn drained(shared: &Shared) {
    let begins = shared.drain.notified();
    if !shared.is_draining() {
        begins.await;
    }
    tokio::time::sleep(shared.drain_grace).await;
}
