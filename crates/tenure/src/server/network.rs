//! Which peers are trusted to speak for others: proxies, named by network or as "whoever reaches the Unix socket".
//!
//! An IPv4 address written as IPv6 (`::ffff:192.0.2.1`, as dual-stack sockets show it) is its IPv4
//! address here, in networks and in what is compared with them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A peer, or a network of peers, that may speak for others.
///
/// Written `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.7` (that one address) or `unix`.
///
/// ```
/// # use tenure::server::network::TrustedPeer;
/// let balancers: TrustedPeer = "10.0.0.0/8".parse()?;
/// assert!(balancers.matches(Some("10.1.2.3".parse()?)));
/// assert!(balancers.matches(Some("::ffff:10.1.2.3".parse()?)));
/// assert!(!balancers.matches(None));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrustedPeer {
    /// Peers whose address is in this network.
    Network(Network),
    /// Peers on a Unix socket. They have no address: who may connect is decided by the permissions
    /// of the socket's file.
    Unix,
}

impl TrustedPeer {
    /// Whether this means the peer of that address; `None` is a peer on a Unix socket.
    pub fn matches(&self, peer: Option<IpAddr>) -> bool {
        match (self, peer) {
            (Self::Network(network), Some(address)) => network.contains(address),
            (Self::Unix, None) => true,
            (Self::Network(_), None) | (Self::Unix, Some(_)) => false,
        }
    }
}

impl FromStr for TrustedPeer {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        if text == "unix" { Ok(Self::Unix) } else { text.parse().map(Self::Network) }
    }
}

impl fmt::Display for TrustedPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

/// The addresses that begin with the same bits: `10.0.0.0/8`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Network {
    /// Its bits behind the prefix are zero; never an IPv4 address written as IPv6.
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// The addresses whose first `prefix` bits are those of `address`.
    ///
    /// # Errors
    /// More bits than the address has, or bits set behind the prefix: `10.1.2.3/8` is as likely a
    /// slip for `/32` as for `10.0.0.0/8`, and too wide a network trusts strangers.
    pub fn new(address: IpAddr, prefix: u8) -> Result<Self, NetworkError> {
        let (address, prefix) = match (address, address.to_canonical()) {
            (IpAddr::V6(_), short @ IpAddr::V4(_)) if (96..=128).contains(&prefix) => (short, prefix - 96),
            _ => (address, prefix),
        };
        let bits = if address.is_ipv4() { 32 } else { 128 };
        if prefix > bits {
            return Err(NetworkError { kind: Kind::TooLong { bits } });
        }
        let first = first_bits(address, prefix);
        if first != address {
            return Err(NetworkError { kind: Kind::BitsBehind { meant: Self { address: first, prefix } } });
        }
        Ok(Self { address, prefix })
    }

    /// Whether the address is one of the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        // The families are apart: 0.0.0.0/0 has no IPv6 address in it.
        address.is_ipv4() == self.address.is_ipv4() && first_bits(address, self.prefix) == self.address
    }
}

/// The address with its bits behind the prefix cleared. `prefix` is at most its length.
fn first_bits(address: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(u32::BITS.saturating_sub(prefix)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(u128::BITS.saturating_sub(prefix)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = NetworkError { kind: Kind::Form };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong)?;
        let prefix = match prefix {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().map_err(|_| wrong)?,
            Some(_) => return Err(wrong),
            None if address.is_ipv4() => 32,
            None => 128,
        };
        Self::new(address, prefix)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// What is written is no network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NetworkError {
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Form,
    TooLong { bits: u8 },
    BitsBehind { meant: Network },
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Form => f.write_str("not a network: write 10.0.0.0/8, 2001:db8::/32 or an address"),
            Kind::TooLong { bits } => write!(f, "the prefix of a network of this family has at most {bits} bits"),
            Kind::BitsBehind { meant } => {
                write!(f, "the address has bits set behind the prefix: write {meant}, or the address alone")
            }
        }
    }
}

impl std::error::Error for NetworkError {}

#[cfg(test)]
mod tests;
