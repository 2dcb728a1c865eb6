//! Who the client is behind trusted proxies: `Forwarded` (RFC 7239) and `X-Forwarded-For`.
//!
//! Each proxy on the way appends whom it got the request from, so the list is only as true as its
//! writers: the last entry is the word of the peer, the one before it the word of whoever the last
//! entry names. [`client_address`] therefore walks from the right, from the peer on, for as long as
//! the one who speaks is trusted, and stops at the first who is not: that one is the client. What
//! stands to the left of it is the client's own claim and is not even parsed.

mod element;

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use tenure_proto::Fields;

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
    walk(peer, headers.get_all(field.name()).iter().rev().map(HeaderValue::as_bytes), field, trusted)
}

/// `lines` are the field's, the last one first.
fn walk<'l>(
    peer: Option<IpAddr>,
    lines: impl Iterator<Item = &'l [u8]>,
    field: ForwardedField,
    trusted: &[TrustedPeer],
) -> Option<IpAddr> {
    let is_trusted = |hop| trusted.iter().any(|t| t.matches(hop));
    let read = match field {
        ForwardedField::XForwardedFor => element::x_forwarded_for,
        ForwardedField::Forwarded => element::forwarded,
    };
    let mut hop = peer.map(|address| address.to_canonical());
    // RFC 9110 section 5.3: several lines are one list.
    for said in lines.flat_map(from_right).map(read) {
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

impl ForwardedField {
    const fn name(self) -> HeaderName {
        match self {
            Self::XForwardedFor => X_FORWARDED_FOR,
            Self::Forwarded => header::FORWARDED,
        }
    }
}

/// Which field is believed, and from whom: [`Server::forwarded`](super::Server::forwarded).
#[derive(Clone, Debug)]
pub(super) struct Forwarding {
    pub(super) field: ForwardedField,
    pub(super) trusted: Vec<TrustedPeer>,
}

impl Forwarding {
    pub(super) fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        client_address(peer, headers, self.field, &self.trusted)
    }

    /// The same of fields that are borrowed.
    pub(super) fn client_raw(&self, peer: Option<IpAddr>, fields: Fields<'_>) -> Option<IpAddr> {
        let lines: Vec<_> = fields.get_all(self.field.name().as_str()).collect();
        walk(peer, lines.iter().rev().map(|line| &**line), self.field, &self.trusted)
    }
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

#[cfg(test)]
mod tests;
