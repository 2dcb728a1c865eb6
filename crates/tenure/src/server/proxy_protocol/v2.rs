//! Version 2, binary (section 2.2): signature, command, family, length, addresses, extensions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Header, MAX_LEN, Parsed, ProxyError};

pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Bytes before the addresses.
const FIXED: usize = 16;

const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;

/// `input` begins with [`SIGNATURE`], as far as it goes.
pub(super) fn parse(input: &[u8]) -> Result<Parsed, ProxyError> {
    // Each byte is judged as soon as it is there: a stranger's connection ends early.
    let Some(&command) = input.get(SIGNATURE.len()) else { return Ok(Parsed::NeedMore) };
    if !matches!(command, LOCAL | PROXY) {
        return Err(ProxyError::Command(command));
    }
    let Some(&family) = input.get(SIGNATURE.len() + 1) else { return Ok(Parsed::NeedMore) };
    // LOCAL: "discard the protocol block including the family which is ignored".
    let family = if command == LOCAL { Family::Unspecified } else { Family::of(family)? };
    let Some(&[high, low]) = input.get(FIXED - 2..FIXED) else { return Ok(Parsed::NeedMore) };
    let length = u16::from_be_bytes([high, low]);
    let used = FIXED + usize::from(length);
    if used > MAX_LEN {
        return Err(ProxyError::Long { length });
    }
    if usize::from(length) < family.addresses_len() {
        return Err(ProxyError::Short { length });
    }
    let Some(rest) = input.get(FIXED..used) else { return Ok(Parsed::NeedMore) };
    let (addresses, extensions) = rest.split_at_checked(family.addresses_len()).ok_or(ProxyError::Short { length })?;
    if !matches!(family, Family::Unspecified) {
        check_extensions(extensions, FIXED + addresses.len())?;
    }
    Ok(Parsed::Done { used, header: family.header(addresses) })
}

/// The 14th byte, as far as it matters here.
#[derive(Clone, Copy)]
enum Family {
    Tcp4,
    Tcp6,
    /// Valid, but not TCP over IP; its addresses are skipped.
    Other {
        addresses_len: usize,
    },
    /// The layout of what follows is not known: all of it is skipped.
    Unspecified,
}

impl Family {
    /// "Other values are unspecified and must be rejected as invalid by receivers."
    const fn of(byte: u8) -> Result<Self, ProxyError> {
        match byte {
            0x11 => Ok(Self::Tcp4),
            0x21 => Ok(Self::Tcp6),
            0x12 => Ok(Self::Other { addresses_len: 12 }),
            0x22 => Ok(Self::Other { addresses_len: 36 }),
            0x31 | 0x32 => Ok(Self::Other { addresses_len: 216 }),
            // One half unspecified, the other assigned.
            0x00..=0x02 | 0x10 | 0x20 | 0x30 => Ok(Self::Unspecified),
            _ => Err(ProxyError::Family(byte)),
        }
    }

    const fn addresses_len(self) -> usize {
        match self {
            Self::Tcp4 => 12,
            Self::Tcp6 => 36,
            Self::Other { addresses_len } => addresses_len,
            Self::Unspecified => 0,
        }
    }

    /// What `addresses`, of [`Self::addresses_len`] bytes, say.
    fn header(self, addresses: &[u8]) -> Header {
        let header = match self {
            Self::Tcp4 => endpoints::<4, Ipv4Addr>(addresses),
            Self::Tcp6 => endpoints::<16, Ipv6Addr>(addresses),
            Self::Other { .. } | Self::Unspecified => None,
        };
        header.unwrap_or(Header::Local)
    }
}

/// Two addresses of `N` bytes, then two ports. `None` if there are too few bytes for them.
fn endpoints<const N: usize, A: From<[u8; N]> + Into<IpAddr>>(bytes: &[u8]) -> Option<Header> {
    let (source, rest) = bytes.split_first_chunk::<N>()?;
    let (destination, rest) = rest.split_first_chunk::<N>()?;
    let (source_port, rest) = rest.split_first_chunk()?;
    let (destination_port, _) = rest.split_first_chunk()?;
    let endpoint =
        |address: &[u8; N], port: &[u8; 2]| SocketAddr::new(A::from(*address).into(), u16::from_be_bytes(*port));
    Some(Header::Addresses {
        source: endpoint(source, source_port),
        destination: endpoint(destination, destination_port),
    })
}

/// Type-length-value vectors are not used here, but one that reaches beyond the header shows that
/// sender and receiver disagree about where HTTP begins. `offset` is where they begin.
fn check_extensions(mut rest: &[u8], mut offset: usize) -> Result<(), ProxyError> {
    while !rest.is_empty() {
        let next = match *rest {
            [_, high, low, ref value @ ..] => value.get(usize::from(u16::from_be_bytes([high, low]))..),
            _ => None,
        };
        let next = next.ok_or(ProxyError::Extension { offset })?;
        offset += rest.len() - next.len();
        rest = next;
    }
    Ok(())
}
