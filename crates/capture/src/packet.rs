//! One packet: from the link layer down to the TCP segment in it.

use std::net::{IpAddr, SocketAddr};

use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, LenSource, TransportSlice, ip_number};

use crate::file::Record;

/// No segment is longer, offloading included: what claims more is damage.
const LARGEST: u32 = 1024 * 1024;

/// A TCP segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Segment<'a> {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) seq: u32,
    /// `None` without the ACK flag.
    pub(crate) ack: Option<u32>,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
    /// As far as it was recorded.
    pub(crate) payload: &'a [u8],
    /// Bytes of payload that it carried.
    pub(crate) len: u32,
    /// How many more hops it might have gone (TTL, hop limit).
    pub(crate) ttl: u8,
}

/// Why a packet is none of those looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Skipped {
    /// A protocol other than TCP.
    Other,
    /// Of a fragmented IP packet, which nobody puts together here.
    Fragment,
    /// TCP, but its header was not recorded as a whole.
    Cut,
    /// Its link type is not known here.
    Link,
}

/// The TCP segment in `record`.
pub(crate) fn segment<'a>(record: &Record<'a>) -> Result<Segment<'a>, Skipped> {
    let packet = slice(record.link, record.data)?;
    let (from, to, ttl, ip_len, payload) = match &packet.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            let header = ip.header();
            let len = header.total_len().saturating_sub(u16::from(header.ihl()) * 4);
            let (from, to) = (IpAddr::V4(header.source_addr()), IpAddr::V4(header.destination_addr()));
            (from, to, header.ttl(), len, ip.payload())
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            let header = ip.header();
            let extensions = u16::try_from(ip.extensions().slice().len()).unwrap_or(0);
            let len = header.payload_length().saturating_sub(extensions);
            let (from, to) = (IpAddr::V6(header.source_addr()), IpAddr::V6(header.destination_addr()));
            (from, to, header.hop_limit(), len, ip.payload())
        }
        _ => return Err(Skipped::Other),
    };
    if payload.ip_number != ip_number::TCP {
        return Err(Skipped::Other);
    }
    if payload.fragmented {
        return Err(Skipped::Fragment);
    }
    let Some(TransportSlice::Tcp(tcp)) = &packet.transport else { return Err(Skipped::Cut) };
    let captured = u32::try_from(tcp.payload().len()).unwrap_or(u32::MAX);
    let len = if payload.incomplete {
        u32::from(ip_len).saturating_sub(u32::from(tcp.data_offset()) * 4).max(captured)
    } else if payload.len_source == LenSource::Slice {
        // The machine recorded its own packet before the length was set.
        captured.saturating_add(record.missing.min(LARGEST))
    } else {
        captured
    };
    Ok(Segment {
        from: SocketAddr::new(from, tcp.source_port()),
        to: SocketAddr::new(to, tcp.destination_port()),
        seq: tcp.sequence_number(),
        ack: tcp.ack().then(|| tcp.acknowledgment_number()),
        syn: tcp.syn(),
        fin: tcp.fin(),
        rst: tcp.rst(),
        // What follows a reset's header is a remark for people (RFC 9293 section 3.5.3).
        payload: if tcp.rst() { &[] } else { tcp.payload() },
        len: if tcp.rst() { 0 } else { len },
        ttl,
    })
}

/// By the registry of link types, <https://www.tcpdump.org/linktypes.html>.
fn slice(link: i32, data: &[u8]) -> Result<LaxSlicedPacket<'_>, Skipped> {
    let at = |from: usize| data.get(from..).ok_or(Skipped::Cut);
    let ip = |data| LaxSlicedPacket::from_ip(data).map_err(|_| Skipped::Other);
    let by_type = |type_at: usize, data| {
        let number = at(type_at)?.first_chunk().ok_or(Skipped::Cut)?;
        Ok(LaxSlicedPacket::from_ether_type(EtherType(u16::from_be_bytes(*number)), data))
    };
    match link {
        // Ethernet
        1 => LaxSlicedPacket::from_ethernet(data).map_err(|_| Skipped::Cut),
        // BSD loopback: four bytes of address family, whose order depends on the machine
        0 | 108 => ip(at(4)?),
        // raw IP
        12 | 14 | 101 | 228 | 229 => ip(data),
        // Linux cooked, versions 1 and 2
        113 => by_type(14, at(16)?),
        276 => by_type(0, at(20)?),
        _ => Err(Skipped::Link),
    }
}
