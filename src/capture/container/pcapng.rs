//! The blocks of a pcapng file: sections of either byte order, their interfaces and packets.
//!
//! A block is first framed by its two lengths, then pcap-parser reads those that matter here; the others are stepped
//! over unread. Name resolution, decryption secrets and statistics are not used.

use pcap_parser::{
    BOM_MAGIC, Block, EPB_MAGIC, EnhancedPacketBlock, IDB_MAGIC, InterfaceDescriptionBlock,
    SHB_MAGIC, SPB_MAGIC, parse_block_be, parse_block_le,
};

use super::{Frame, Soundness, Step};
use crate::diagnostic::DiagnosticKind;
use crate::limits;
use crate::time::Timestamp;

/// The packet block of before 2007; pcap-parser has no parser for it.
const PACKET_BLOCK: u32 = 2;
/// Type, length, and the length again at the end.
const BLOCK_BYTES_MIN: usize = 12;
/// Where the packet begins in an enhanced packet block and in the packet block that it replaced.
const PACKET_AT: usize = 28;
const SIMPLE_PACKET_AT: usize = 12;
const NANOS: u64 = 1_000_000_000;

/// True when the bytes begin like a section: its type and the byte-order magic behind the length.
pub(super) fn is_section_header(head: &[u8]) -> bool {
    number(head, 0, false) == Some(SHB_MAGIC) && section_order(head).is_some()
}

/// True for a section in big-endian order.
fn section_order(bytes: &[u8]) -> Option<bool> {
    match number(bytes, 8, false)? {
        BOM_MAGIC => Some(false),
        bom if bom == BOM_MAGIC.swap_bytes() => Some(true),
        _ => None,
    }
}

fn number(bytes: &[u8], at: usize, big: bool) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(if big {
        u32::from_be_bytes(*bytes)
    } else {
        u32::from_le_bytes(*bytes)
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
}

impl Interface {
    fn new(block: &InterfaceDescriptionBlock<'_>, big: bool) -> Self {
        let exponent = u32::from(block.if_tsresol & 0x7f);
        Self {
            link: block.linktype.0,
            snap_length: block.snaplen,
            // pcap-parser 0.17 refuses every resolution that is a power of two, and reads the offset as little-endian.
            units: if block.if_tsresol & 0x80 == 0 {
                10u64.checked_pow(exponent)
            } else {
                1u64.checked_shl(exponent)
            },
            offset: if big {
                block.if_tsoffset.swap_bytes()
            } else {
                block.if_tsoffset
            },
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

    /// Of a packet block's body; its interface number has 16 bits.
    fn old(body: &[u8], big: bool) -> Option<Self> {
        let interface = *body.first_chunk()?;
        let interface = if big {
            u16::from_be_bytes(interface)
        } else {
            u16::from_le_bytes(interface)
        };
        Some(Self {
            interface: usize::from(interface),
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
        if is_section {
            self.big = Some(big);
            self.interfaces.clear();
        }
        self.take(kind, block, big)
    }

    /// Takes a block whose frame is sound.
    fn take(&mut self, kind: u32, block: &[u8], big: bool) -> Step {
        if !matches!(kind, IDB_MAGIC | PACKET_BLOCK | SPB_MAGIC | EPB_MAGIC) {
            return Step::Other(block.len());
        }
        let parsed = if big {
            parse_block_be(block)
        } else {
            parse_block_le(block)
        };
        let step = match parsed.map(|(_, parsed)| parsed) {
            Ok(Block::InterfaceDescription(it)) => return self.describe(&it, block.len(), big),
            Ok(Block::EnhancedPacket(it)) => self.frame(&Fields::enhanced(&it)),
            Ok(Block::SimplePacket(it)) => self.simple(it.data.len(), it.origlen),
            Ok(Block::Unknown(it)) => {
                let fields = Fields::old(it.data, big).ok_or("a block too short for its kind");
                fields.and_then(|fields| self.frame(&fields))
            }
            _ => Err("a block that contradicts itself"),
        };
        let step = step.and_then(|frame| {
            // The four bytes at the end are the length again.
            if frame.data.len() > limits::PACKET_BYTES || frame.data.end > block.len() - 4 {
                return Err("a packet longer than its block");
            }
            Ok(frame)
        });
        match step {
            Ok(frame) => Step::Packet(block.len(), frame),
            Err(reason) => Step::Unusable {
                size: block.len(),
                is_packet: kind != IDB_MAGIC,
                kind: DiagnosticKind::Damaged,
                reason,
            },
        }
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

    fn frame(&self, fields: &Fields) -> Result<Frame, &'static str> {
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

    /// A block of a packet's size whose leading and trailing lengths agree.
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
        if !(BLOCK_BYTES_MIN..=size_max(EPB_MAGIC)).contains(&size) || !size.is_multiple_of(4) {
            return Soundness::Unsound;
        }
        match bytes.get(..size).map(|block| number(block, size - 4, big)) {
            None => Soundness::Short,
            Some(trailing) if trailing == Some(length) => Soundness::Sound,
            Some(_) => Soundness::Unsound,
        }
    }
}

/// Blocks that are parsed are held to a packet's size, as an option takes ten times its bytes in memory.
fn size_max(kind: u32) -> usize {
    match kind {
        SHB_MAGIC | IDB_MAGIC | PACKET_BLOCK | SPB_MAGIC | EPB_MAGIC => {
            limits::PACKET_BYTES + limits::BLOCK_OPTION_BYTES
        }
        _ => limits::BLOCK_BYTES,
    }
}
