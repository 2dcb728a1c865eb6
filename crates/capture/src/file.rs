//! The file: pcap or pcapng, read block by block, never as a whole.

use std::fmt;
use std::io::Read;
use std::time::Duration;

use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};

/// Bytes read at once. Grows for a larger block.
const BUFFER: usize = 64 * 1024;
/// A block larger than this is damage: no link carries such packets.
const LARGEST_BLOCK: usize = 16 * 1024 * 1024;

/// Why a file cannot be read as a capture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// It begins as neither pcap nor pcapng, or ends inside its first header.
    NotACapture,
    /// Reading failed.
    Read,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotACapture => "no packet capture: it begins as neither pcap nor pcapng, or ends before it says more",
            Self::Read => "reading failed",
        })
    }
}

impl std::error::Error for Error {}

/// How the file ended.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum FileEnd {
    /// Behind a whole packet.
    #[default]
    Whole,
    /// Inside a packet: the program that wrote it did not finish, or a part was copied.
    Cut,
    /// What follows is no packet.
    Damaged,
}

/// One packet as it was recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    /// Since 1970.
    pub(crate) time: Duration,
    /// What its first bytes are, by the registry of link types.
    pub(crate) link: i32,
    pub(crate) data: &'a [u8],
    /// Bytes that it had and that were not recorded.
    pub(crate) missing: u32,
}

/// What the file itself says, beside its packets.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct FileFacts {
    pub(crate) end: FileEnd,
    /// Packets that the recording machine says it lost.
    pub(crate) dropped: u64,
}

/// True if `start`, the first bytes of a file, is how a capture begins; four bytes are enough.
pub fn is_capture(start: &[u8]) -> bool {
    matches!(
        start.get(..4),
        Some(
            [0x0a, 0x0d, 0x0d, 0x0a]
                | [0xa1, 0xb2, 0xc3, 0xd4]
                | [0xd4, 0xc3, 0xb2, 0xa1]
                | [0xa1, 0xb2, 0x3c, 0x4d]
                | [0x4d, 0x3c, 0xb2, 0xa1]
                | [0x34, 0xcd, 0xb2, 0xa1]
        )
    )
}

/// Gives every packet of `source` to `each`.
///
/// # Errors
/// It is no capture, or reading failed before the first packet.
pub(crate) fn read(source: impl Read + Send, mut each: impl FnMut(Record<'_>)) -> Result<FileFacts, Error> {
    let mut reader = create_reader(BUFFER, Whole(source)).map_err(|error| match error {
        PcapError::ReadError => Error::Read,
        _ => Error::NotACapture,
    })?;
    let mut file = Blocks::default();
    let mut capacity = BUFFER;
    loop {
        match reader.next() {
            Ok((used, block)) => {
                file.block(block, &mut each);
                reader.consume(used);
            }
            Err(PcapError::Eof) => return Ok(file.facts),
            Err(PcapError::Incomplete(_)) => {
                if reader.refill().is_err() {
                    return Err(Error::Read);
                }
            }
            Err(PcapError::BufferTooSmall) if capacity < LARGEST_BLOCK => {
                capacity *= 2;
                reader.grow(capacity);
                if reader.refill().is_err() {
                    return Err(Error::Read);
                }
            }
            Err(PcapError::UnexpectedEof) => {
                file.facts.end = FileEnd::Cut;
                return Ok(file.facts);
            }
            Err(_) => {
                file.facts.end = FileEnd::Damaged;
                return Ok(file.facts);
            }
        }
    }
}

/// Reads until the buffer is full or the source ends: the parser takes a short read for all there is.
struct Whole<R>(R);

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.0.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

/// One interface of a pcapng section.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: i32,
    /// Ticks in a second.
    ticks: u128,
    offset: i64,
    /// Packets it says it lost. Later statistics replace earlier ones.
    dropped: u64,
}

#[derive(Default)]
struct Blocks {
    facts: FileFacts,
    link: i32,
    nanoseconds: bool,
    interfaces: Vec<Interface>,
    /// For packets that carry no time.
    last: Duration,
}

impl Blocks {
    fn block(&mut self, block: PcapBlockOwned<'_>, each: &mut impl FnMut(Record<'_>)) {
        match block {
            PcapBlockOwned::LegacyHeader(header) => {
                // The upper bits say whether frames end with a checksum.
                self.link = header.network.0 & 0x03ff_ffff;
                self.nanoseconds = header.is_nanosecond_precision();
            }
            PcapBlockOwned::Legacy(packet) => {
                let fraction = if self.nanoseconds { 1 } else { 1_000 };
                let time = Duration::from_secs(packet.ts_sec.into())
                    + Duration::from_nanos(u64::from(packet.ts_usec) * fraction);
                let missing = packet.origlen.saturating_sub(packet.caplen);
                self.packet(Record { time, link: self.link, data: packet.data, missing }, each);
            }
            PcapBlockOwned::NG(Block::SectionHeader(_)) => self.interfaces.clear(),
            PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => self.interfaces.push(Interface {
                link: interface.linktype.0,
                ticks: ticks(interface.if_tsresol),
                offset: interface.if_tsoffset,
                dropped: 0,
            }),
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                let Some(interface) = self.interface(packet.if_id) else { return };
                let Interface { link, ticks, offset, .. } = *interface;
                let time = time((u64::from(packet.ts_high) << 32) | u64::from(packet.ts_low), ticks, offset);
                let captured = usize::try_from(packet.caplen).unwrap_or(usize::MAX).min(packet.data.len());
                let missing = packet.origlen.saturating_sub(packet.caplen);
                self.packet(Record { time, link, data: &packet.data[..captured], missing }, each);
            }
            PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
                let Some(link) = self.interface(0).map(|interface| interface.link) else { return };
                let whole = usize::try_from(packet.origlen).unwrap_or(usize::MAX);
                let data = &packet.data[..whole.min(packet.data.len())];
                let missing = packet.origlen.saturating_sub(u32::try_from(data.len()).unwrap_or(u32::MAX));
                self.packet(Record { time: self.last, link, data, missing }, each);
            }
            PcapBlockOwned::NG(Block::InterfaceStatistics(statistics)) => {
                let dropped = [statistics.isb_ifdrop(), statistics.isb_osdrop()];
                let dropped: u64 = dropped.into_iter().flatten().filter_map(Result::ok).fold(0, u64::saturating_add);
                if let Some(interface) = self.interface(statistics.if_id) {
                    let more = dropped.saturating_sub(interface.dropped);
                    interface.dropped += more;
                    self.facts.dropped = self.facts.dropped.saturating_add(more);
                }
            }
            PcapBlockOwned::NG(_) => {}
        }
    }

    fn interface(&mut self, id: u32) -> Option<&mut Interface> {
        self.interfaces.get_mut(usize::try_from(id).ok()?)
    }

    fn packet(&mut self, record: Record<'_>, each: &mut impl FnMut(Record<'_>)) {
        self.last = record.time;
        each(record);
    }
}

/// `if_tsresol`: a power of ten, or of two if the highest bit is set.
fn ticks(resolution: u8) -> u128 {
    let power = u32::from(resolution & 0x7f).min(63);
    if resolution & 0x80 == 0 { 10_u128.pow(power.min(19)) } else { 1 << power }
}

fn time(stamp: u64, ticks: u128, offset: i64) -> Duration {
    let nanoseconds =
        u128::from(stamp) * 1_000_000_000 / ticks + 1_000_000_000 * u128::from(offset.max(0).unsigned_abs());
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}
