//! The blocks of a pcapng file: sections of either byte order, their interfaces and packets.
//!
//! A block is first framed by its two lengths, then pcap-parser reads it. What the capturing machine dropped is added up
//! from statistics and packets. Names, comments and hashes are passed over; decryption secrets are told and not read.
//!
//! What pcap-parser has no parser for or refuses is here ([`Blocks::take_unparsed`]), and so are numbers that it reads
//! wrongly: those in options of big-endian sections ([`count`]) and resolutions that are powers of two ([`units_of`]).

use pcap_parser::{
    BOM_MAGIC, Block, CB_MAGIC, DCB_MAGIC, DSB_MAGIC, EPB_MAGIC, EnhancedPacketBlock, IDB_MAGIC,
    ISB_MAGIC, InterfaceDescriptionBlock, InterfaceStatisticsBlock, NRB_MAGIC, OptionCode,
    PcapNGOption, SHB_MAGIC, SJE_MAGIC, SPB_MAGIC, SecretsType, build_ts_resolution,
    parse_block_be, parse_block_le,
};

use super::{Frame, Soundness, Step, number};
use crate::diagnostic::DiagnosticKind;
use crate::limits;
use crate::time::Timestamp;

/// The packet block of before 2007; pcap-parser has no parser for it.
const OLD_PACKET: u32 = 2;
/// `epb_dropcount`, which pcap-parser has no name for.
const DROPPED_BEFORE: OptionCode = OptionCode(4);

/// Type, length, and the length again at the end.
const BLOCK_BYTES_MIN: usize = 12;
/// Longer blocks are not parsed: an option takes ten times its bytes in memory.
const PARSED_BYTES: usize = limits::PACKET_BYTES + limits::BLOCK_OPTION_BYTES;
/// Where the packet begins in an enhanced packet block and in the packet block that it replaced.
const PACKET_AT: usize = 28;
const SIMPLE_PACKET_AT: usize = 12;
const NANOS: u64 = 1_000_000_000;

const TOO_SHORT: &str = "a block too short for its kind";

/// True when the bytes begin like a section: its type and the byte-order magic behind the length.
pub(super) fn is_section_header(head: &[u8]) -> bool {
    number(head, 0, false) == Some(SHB_MAGIC) && section_order(head).is_some()
}

/// True for a section in big-endian order.
fn section_order(bytes: &[u8]) -> Option<bool> {
    match number(bytes, 8, false)? {
        BOM_MAGIC => Some(false),
        order if order == BOM_MAGIC.swap_bytes() => Some(true),
        _ => None,
    }
}

fn parse(block: &[u8], big: bool) -> Option<Block<'_>> {
    if block.len() > PARSED_BYTES {
        return None;
    }
    let parsed = if big {
        parse_block_be(block)
    } else {
        parse_block_le(block)
    };
    parsed.ok().map(|(_, block)| block)
}

/// The value of an option with this code; what stands behind the end of the options is none.
fn value<'o>(options: &'o [PcapNGOption<'_>], code: OptionCode) -> Option<&'o [u8]> {
    let options = options
        .iter()
        .take_while(|it| it.code != OptionCode::EndOfOpt);
    let mut values = options.filter(|it| it.code == code);
    values.next()?.as_bytes().ok()
}

/// The number of eight bytes in an option. pcap-parser reads it as little-endian whatever the section's order.
fn count(options: &[PcapNGOption<'_>], code: OptionCode, big: bool) -> Option<u64> {
    let bytes = *value(options, code)?.first_chunk()?;
    Some(if big {
        u64::from_be_bytes(bytes)
    } else {
        u64::from_le_bytes(bytes)
    })
}

/// What must be known of an interface to read its packets.
#[derive(Debug)]
struct Interface {
    link: i32,
    /// 0: no limit.
    snap_length: u32,
    /// Time units per second; `None` when the file gives a resolution that can't be.
    units: Option<u64>,
    /// Seconds to add to all its times.
    offset: i64,
    /// Packets dropped, as the newest statistics say, and as the packets themselves say.
    dropped: [u64; 2],
}

impl Interface {
    fn new(block: &InterfaceDescriptionBlock<'_>, big: bool) -> Self {
        let units = match value(&block.options, OptionCode::IfTsresol) {
            Some(&[resolution, ..]) => units_of(resolution),
            _ => Some(1_000_000),
        };
        let offset = count(&block.options, OptionCode::IfTsoffset, big).unwrap_or(0);
        Self {
            link: block.linktype.0,
            snap_length: block.snaplen,
            units,
            offset: offset.cast_signed(),
            dropped: [0; 2],
        }
    }

    fn at(&self, high: u32, low: u32) -> Option<Timestamp> {
        let ticks = u64::from(high) << 32 | u64::from(low);
        let units = self.units?;
        let (seconds, rest) = (ticks.checked_div(units)?, ticks.checked_rem(units)?);
        let nanos = if NANOS.is_multiple_of(units) {
            rest * (NANOS / units)
        } else {
            u64::try_from(u128::from(rest) * u128::from(NANOS) / u128::from(units)).ok()?
        };
        let seconds = i64::try_from(seconds).ok()?.checked_add(self.offset)?;
        Some(Timestamp::from_seconds(seconds, u32::try_from(nanos).ok()?))
    }
}

/// Powers of ten, or of two where the highest bit says so: pcap-parser refuses those.
fn units_of(resolution: u8) -> Option<u64> {
    if resolution & 0x80 == 0 {
        build_ts_resolution(resolution)
    } else {
        1u64.checked_shl(u32::from(resolution & 0x7f))
    }
}

/// What a packet block says, in whichever form it stands.
struct Fields {
    interface: usize,
    high: u32,
    low: u32,
    captured: usize,
    wire: u32,
}

impl Fields {
    fn enhanced(block: &EnhancedPacketBlock<'_>) -> Self {
        Self {
            interface: block.if_id as usize,
            high: block.ts_high,
            low: block.ts_low,
            captured: block.caplen as usize,
            wire: block.origlen,
        }
    }

    /// Of the body of a packet block that pcap-parser does not read; the old form's interface number has 16 bits.
    fn unparsed(kind: u32, body: &[u8], big: bool) -> Option<Self> {
        let interface = number(body, 0, big)?;
        let interface = match (kind, big) {
            (OLD_PACKET, true) => interface >> 16,
            (OLD_PACKET, false) => interface & 0xffff,
            _ => interface,
        };
        Some(Self {
            interface: interface as usize,
            high: number(body, 4, big)?,
            low: number(body, 8, big)?,
            captured: number(body, 12, big)? as usize,
            wire: number(body, 16, big)?,
        })
    }
}

/// The state of a pcapng file that is being read.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// The section's byte order, true for big-endian; `None` before the first section.
    big: Option<bool>,
    interfaces: Vec<Interface>,
    /// Packets dropped in sections before.
    dropped: u64,
}

impl Blocks {
    pub(super) fn step(&mut self, bytes: &[u8]) -> Step {
        if bytes.len() < BLOCK_BYTES_MIN {
            return Step::Short;
        }
        let is_section = number(bytes, 0, false) == Some(SHB_MAGIC);
        let order = if is_section {
            section_order(bytes)
        } else {
            self.big
        };
        let Some(big) = order else {
            return Step::Damaged("no byte order");
        };
        let (Some(kind), Some(length)) = (number(bytes, 0, big), number(bytes, 4, big)) else {
            return Step::Short;
        };
        let size = length as usize;
        if !(BLOCK_BYTES_MIN..=size_max(kind)).contains(&size) {
            return Step::Damaged("a block length that can't be true");
        }
        let Some(block) = bytes.get(..size) else {
            return Step::Short;
        };
        if number(block, size - 4, big) != Some(length) {
            return Step::Damaged("a block whose two lengths differ");
        }
        self.take(kind, block, big)
    }

    /// Packets that the capturing machine dropped, as far as the file says.
    pub(super) fn dropped(&self) -> u64 {
        let each = self.interfaces.iter();
        let of_section = each.map(|it| it.dropped.into_iter().max().unwrap_or(0));
        of_section.fold(self.dropped, u64::saturating_add)
    }

    /// Takes a block whose frame is sound.
    fn take(&mut self, kind: u32, block: &[u8], big: bool) -> Step {
        let size = block.len();
        match parse(block, big) {
            Some(Block::SectionHeader(it)) => self.begin(it.big_endian(), size),
            Some(Block::InterfaceDescription(it)) => self.describe(&it, size, big),
            Some(Block::EnhancedPacket(it)) => {
                let dropped = count(&it.options, DROPPED_BEFORE, big).unwrap_or(0);
                whole(size, self.packet(&Fields::enhanced(&it), dropped))
            }
            Some(Block::SimplePacket(it)) => whole(size, self.simple(it.data.len(), it.origlen)),
            Some(Block::InterfaceStatistics(it)) => {
                self.statistics(&it, big);
                Step::Other(size)
            }
            Some(Block::NameResolution(_)) => Step::Other(size),
            Some(Block::DecryptionSecrets(it)) => not_read(size, secrets(it.secrets_type)),
            Some(_) | None => self.take_unparsed(kind, block, big),
        }
    }

    /// Takes a block that pcap-parser has no parser for (the old packet block, unknown kinds), or that it refuses: for
    /// its length, or because a packet's padding is missing. What stands in its fixed part counts all the same.
    fn take_unparsed(&mut self, kind: u32, block: &[u8], big: bool) -> Step {
        let size = block.len();
        let body = block.get(8..size - 4).unwrap_or_default();
        match kind {
            SHB_MAGIC => self.begin(big, size),
            OLD_PACKET | EPB_MAGIC => {
                let fields = Fields::unparsed(kind, body, big).ok_or(TOO_SHORT);
                let dropped = old_dropped_before(kind, body, big);
                whole(size, fields.and_then(|it| self.packet(&it, dropped)))
            }
            SPB_MAGIC => whole(size, Err(TOO_SHORT)),
            IDB_MAGIC => Step::Unusable {
                size,
                is_packet: false,
                kind: DiagnosticKind::Damaged,
                reason: TOO_SHORT,
            },
            NRB_MAGIC | ISB_MAGIC => Step::Other(size),
            DSB_MAGIC => not_read(
                size,
                secrets(SecretsType(number(body, 0, big).unwrap_or(0))),
            ),
            kind => not_read(size, name(kind)),
        }
    }

    fn begin(&mut self, big: bool, size: usize) -> Step {
        self.dropped = self.dropped();
        self.big = Some(big);
        self.interfaces.clear();
        Step::Other(size)
    }

    fn describe(&mut self, block: &InterfaceDescriptionBlock<'_>, size: usize, big: bool) -> Step {
        let told = |kind, reason| Step::Unusable {
            size,
            is_packet: false,
            kind,
            reason,
        };
        if self.interfaces.len() >= limits::INTERFACES {
            return told(DiagnosticKind::LimitReached, "interfaces of a section");
        }
        let interface = Interface::new(block, big);
        let has_time = interface.units.is_some();
        self.interfaces.push(interface);
        if has_time {
            Step::Other(size)
        } else {
            let reason = "a time resolution that can't be true; its packets have no time";
            told(DiagnosticKind::Damaged, reason)
        }
    }

    fn interface(&self, number: usize) -> Result<&Interface, &'static str> {
        let interface = self.interfaces.get(number);
        interface.ok_or("a packet of an interface that is not described")
    }

    fn packet(&mut self, fields: &Fields, dropped: u64) -> Result<Frame, &'static str> {
        if dropped > 0
            && let Some(interface) = self.interfaces.get_mut(fields.interface)
        {
            let [_, by_packets] = &mut interface.dropped;
            *by_packets = by_packets.saturating_add(dropped);
        }
        let interface = self.interface(fields.interface)?;
        Ok(Frame {
            at: interface.at(fields.high, fields.low),
            link: interface.link,
            data: PACKET_AT..PACKET_AT.saturating_add(fields.captured),
            wire_length: fields.wire,
        })
    }

    /// A simple packet's captured length is not written down: the least of its length on the wire, the snap length of
    /// the first interface, and the room in the block.
    fn simple(&self, room: usize, wire: u32) -> Result<Frame, &'static str> {
        let interface = self.interface(0)?;
        let snap_length = match interface.snap_length {
            0 => u32::MAX,
            length => length,
        };
        let captured = room.min(wire.min(snap_length) as usize);
        Ok(Frame {
            at: None,
            link: interface.link,
            data: SIMPLE_PACKET_AT..SIMPLE_PACKET_AT + captured,
            wire_length: wire,
        })
    }

    /// Statistics count from the start of the capture, so the newest ones count: what the interface dropped and what the
    /// operating system did.
    fn statistics(&mut self, block: &InterfaceStatisticsBlock<'_>, big: bool) {
        let count = |code| count(&block.options, code, big).unwrap_or(0);
        if let Some(interface) = self.interfaces.get_mut(block.if_id as usize) {
            let [by_statistics, _] = &mut interface.dropped;
            *by_statistics = count(OptionCode::IsbIfDrop)
                .saturating_add(count(OptionCode::IsbOsDrop))
                .max(*by_statistics);
        }
    }

    /// A block of a known kind and of a packet's size whose leading and trailing lengths agree. Of others only the name
    /// would be told; and one byte before a block its kind stands where a length would, so that two kinds look like it.
    pub(super) fn soundness(&self, bytes: &[u8]) -> Soundness {
        if bytes.len() < BLOCK_BYTES_MIN {
            return Soundness::Short;
        }
        let order = if number(bytes, 0, false) == Some(SHB_MAGIC) {
            section_order(bytes)
        } else {
            self.big
        };
        let Some((big, length)) = order.and_then(|big| Some((big, number(bytes, 4, big)?))) else {
            return Soundness::Unsound;
        };
        let size = length as usize;
        let is_known = number(bytes, 0, big).is_some_and(is_known);
        let is_possible = (BLOCK_BYTES_MIN..=PARSED_BYTES).contains(&size);
        if !is_known || !is_possible || !size.is_multiple_of(4) {
            return Soundness::Unsound;
        }
        match bytes.get(..size).map(|block| number(block, size - 4, big)) {
            None => Soundness::Short,
            Some(trailing) if trailing == Some(length) => Soundness::Sound,
            Some(_) => Soundness::Unsound,
        }
    }
}

/// True for the kinds of blocks that are met in captures of networks.
fn is_known(kind: u32) -> bool {
    matches!(
        kind,
        IDB_MAGIC..=DSB_MAGIC | SHB_MAGIC | CB_MAGIC | DCB_MAGIC
    )
}

/// A packet that lies within its block of `size` bytes.
fn whole(size: usize, frame: Result<Frame, &'static str>) -> Step {
    let reason = match frame {
        // The four bytes at the end are the length again.
        Ok(frame) if frame.data.len() > limits::PACKET_BYTES || frame.data.end > size - 4 => {
            "a packet longer than its block"
        }
        Ok(frame) => return Step::Packet(size, frame),
        Err(reason) => reason,
    };
    Step::Unusable {
        size,
        is_packet: true,
        kind: DiagnosticKind::Damaged,
        reason,
    }
}

fn not_read(size: usize, reason: &'static str) -> Step {
    Step::Unusable {
        size,
        is_packet: false,
        kind: DiagnosticKind::NotRead,
        reason,
    }
}

/// Packets that were dropped between a packet and the one before: a number of 16 bits in the old form.
fn old_dropped_before(kind: u32, body: &[u8], big: bool) -> u64 {
    let both = number(body, 0, big).unwrap_or(0);
    match if big { both & 0xffff } else { both >> 16 } {
        _ if kind != OLD_PACKET => 0,
        0xffff => 0, // not known
        dropped => u64::from(dropped),
    }
}

/// What is told of blocks that are not read, by their kind.
fn name(kind: u32) -> &'static str {
    match kind {
        7 | 8 => "blocks that are not looked into: times of an analyzer, ARINC 429",
        SJE_MAGIC => "blocks that are not looked into: a journal of systemd",
        0x101..=0x102 => "blocks that are not looked into: processes (Hone)",
        0x201..=0x213 => "blocks that are not looked into: system calls",
        CB_MAGIC | DCB_MAGIC => "blocks that are not looked into: custom ones",
        _ => "blocks that are not looked into: an unknown kind",
    }
}

/// What is told of a block with secrets. Nothing of them is kept.
fn secrets(kind: SecretsType) -> &'static str {
    match kind {
        SecretsType::TlsKeyLog => {
            "the file holds keys of TLS sessions; they are not used, and whoever gets the file can use them"
        }
        SecretsType(0x5353_484b) => {
            "the file holds keys of SSH sessions; they are not used, and whoever gets the file can use them"
        }
        _ => {
            "the file holds secrets for decryption; they are not used, and whoever gets the file can use them"
        }
    }
}

/// A packet's block is held to a packet's size.
fn size_max(kind: u32) -> usize {
    match kind {
        SHB_MAGIC | IDB_MAGIC | OLD_PACKET | SPB_MAGIC | EPB_MAGIC => PARSED_BYTES,
        _ => limits::BLOCK_BYTES,
    }
}
