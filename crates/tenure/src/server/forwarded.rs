//! Who the client is behind trusted proxies: `Forwarded` (RFC 7239) and `X-Forwarded-For`.
//!
//! Each proxy on the way appends whom it got the request from, so the list is only as true as its
//! writers: the last entry is the word of the peer, the one before it the word of whoever the last
//! entry names. [`client_address`] therefore walks from the right, from the peer on, for as long as
//! the one who speaks is trusted, and stops at the first who is not: that one is the client. What
//! stands to the left of it is the client's own claim and is not even parsed.

mod element;

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, header};

use super::network::TrustedPeer;
use element::{Hop, from_right};

/// The field that the trusted proxies write.
///
/// Only this one is read, never "the other one if it is missing" and never both: a proxy passes on
/// the field that it does not write, so there stands whatever the client put into it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ForwardedField {
    /// `X-Forwarded-For`: what nearly every proxy and load balancer writes unless told otherwise.
    #[default]
    XForwardedFor,
    /// `Forwarded` of RFC 7239.
    Forwarded,
}

/// The address of the client that made a request, as far as trusted proxies tell it.
///
/// `peer` is who sent the request: the address of the connection, or the source that a
/// [PROXY protocol header](super::proxy_protocol) names; `None` is a peer on a Unix socket.
///
/// - A peer that is not trusted is the client, whatever its request says.
/// - A trusted peer that forwards for nobody (no field) is the client itself: a health check.
/// - If all hops are trusted, the client is the first of them.
///
/// `None`: not known, because a trusted hop did not tell (`unknown`, an obfuscated `_name`, an
/// element without `for`, something malformed), or since a client on a Unix socket has no address.
/// It must not be read as "the proxy": that would lend the proxy's address, and what it is allowed,
/// to somebody hidden behind it.
///
/// IPv4 addresses written as IPv6 come back as IPv4; ports are left out.
///
/// ```
/// # use http::HeaderMap;
/// # use tenure::server::forwarded::{ForwardedField, client_address};
/// let mut headers = HeaderMap::new();
/// headers.insert("x-forwarded-for", "6.6.6.6, 192.0.2.60".parse()?);
/// let trusted = ["10.0.0.0/8".parse()?];
/// let client = |peer| client_address(Some(peer), &headers, ForwardedField::XForwardedFor, &trusted);
/// // By way of the balancer: what the client itself claims (6.6.6.6) does not count.
/// assert_eq!(client("10.0.0.1".parse()?), Some("192.0.2.60".parse()?));
/// // Past the balancer: nothing that it says counts.
/// assert_eq!(client("203.0.113.9".parse()?), Some("203.0.113.9".parse()?));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub fn client_address(
    peer: Option<IpAddr>,
    headers: &HeaderMap,
    field: ForwardedField,
    trusted: &[TrustedPeer],
) -> Option<IpAddr> {
    let is_trusted = |hop| trusted.iter().any(|t| t.matches(hop));
    let mut hop = peer.map(|address| address.to_canonical());
    for said in hops(headers, field) {
        if !is_trusted(hop) {
            break;
        }
        match said {
            Hop::Address(address) => hop = Some(address.to_canonical()),
            Hop::Unknown => return None,
        }
    }
    hop
}

/// What the hops say, the last one first. RFC 9110 section 5.3: several lines are one list.
fn hops(headers: &HeaderMap, field: ForwardedField) -> impl Iterator<Item = Hop> {
    let (name, read): (_, fn(&[u8]) -> Hop) = match field {
        ForwardedField::XForwardedFor => (X_FORWARDED_FOR, element::x_forwarded_for),
        ForwardedField::Forwarded => (header::FORWARDED, element::forwarded),
    };
    headers.get_all(name).iter().rev().flat_map(|line| from_right(line.as_bytes())).map(read)
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

#[cfg(test)]
mod tests;
