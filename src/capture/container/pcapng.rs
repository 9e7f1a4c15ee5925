//! The blocks of a pcapng file: sections of either byte order, their interfaces and packets.
//!
//! A block is first framed by its two lengths, then what it says is read. What the capturing machine dropped is added up
//! from statistics and packets. Names, comments and hashes are passed over; decryption secrets are told and not read.

use super::{Frame, Soundness, Step, number};
use crate::diagnostic::DiagnosticKind;
use crate::limits;
use crate::time::Timestamp;

const SECTION: u32 = 0x0a0d_0d0a;
const ORDER: u32 = 0x1a2b_3c4d;
const INTERFACE: u32 = 1;
/// The packet block of before 2007.
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const NAMES: u32 = 4;
const STATISTICS: u32 = 5;
const PACKET: u32 = 6;
const SECRETS: u32 = 10;

/// Type, length, and the length again at the end.
const BLOCK_BYTES_MIN: usize = 12;
/// Where the packet begins in an enhanced packet block and in the packet block that it replaced.
const PACKET_AT: usize = 28;
const SIMPLE_PACKET_AT: usize = 12;
const NANOS: u64 = 1_000_000_000;

const TOO_SHORT: &str = "a block too short for its kind";

/// True when the bytes begin like a section: its type and the byte-order magic behind the length.
pub(super) fn is_section_header(head: &[u8]) -> bool {
    number(head, 0, false) == Some(SECTION) && section_order(head).is_some()
}

/// True for a section in big-endian order.
fn section_order(bytes: &[u8]) -> Option<bool> {
    match number(bytes, 8, false)? {
        ORDER => Some(false),
        order if order == ORDER.swap_bytes() => Some(true),
        _ => None,
    }
}

/// The options of a block: a number, a length and a value each, padded to four bytes. Ends at the first that can't be.
struct Options<'b> {
    bytes: &'b [u8],
    big: bool,
}

impl<'b> Iterator for Options<'b> {
    type Item = (u16, &'b [u8]);

    fn next(&mut self) -> Option<(u16, &'b [u8])> {
        let (&[a, b, c, d], rest) = self.bytes.split_first_chunk()?;
        let word = |bytes| {
            if self.big {
                u16::from_be_bytes(bytes)
            } else {
                u16::from_le_bytes(bytes)
            }
        };
        let (code, length) = (word([a, b]), usize::from(word([c, d])));
        let value = rest.get(..length)?;
        self.bytes = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        (code != 0).then_some((code, value))
    }
}

impl Options<'_> {
    /// The number of eight bytes in the first option with this code.
    fn count(self, code: u16) -> Option<u64> {
        let big = self.big;
        self.filter(|(it, _)| *it == code)
            .find_map(|(_, value)| long(value, big))
    }
}

fn long(value: &[u8], big: bool) -> Option<u64> {
    let bytes = *value.first_chunk()?;
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
    /// Of a block's body.
    fn new(body: &[u8], big: bool) -> Option<Self> {
        let link = number(body, 0, big)?;
        let link = if big { link >> 16 } else { link & 0xffff };
        let bytes = body.get(8..)?;
        let mut units = Some(1_000_000);
        let mut offset = 0;
        for (code, value) in (Options { bytes, big }) {
            match (code, value) {
                (9, [resolution, ..]) => units = units_of(*resolution),
                (14, value) => offset = long(value, big).unwrap_or(0).cast_signed(),
                _ => {}
            }
        }
        Some(Self {
            link: i32::try_from(link).ok()?,
            snap_length: number(body, 4, big)?,
            units,
            offset,
            dropped: [0; 2],
        })
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

/// Powers of ten, or of two where the highest bit says so.
fn units_of(resolution: u8) -> Option<u64> {
    let exponent = u32::from(resolution & 0x7f);
    if resolution & 0x80 == 0 {
        10u64.checked_pow(exponent)
    } else {
        1u64.checked_shl(exponent)
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
    /// Of a packet block's body; the old form's interface number has 16 bits.
    fn read(kind: u32, body: &[u8], big: bool) -> Option<Self> {
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
        let is_section = number(bytes, 0, false) == Some(SECTION);
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
            self.dropped = self.dropped();
            self.big = Some(big);
            self.interfaces.clear();
            return Step::Other(size);
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
        let body = block.get(8..size - 4).unwrap_or_default();
        let passed_over = |kind, reason| Step::Unusable {
            size,
            is_packet: false,
            kind,
            reason,
        };
        let step = match kind {
            INTERFACE => return self.describe(body, size, big),
            PACKET | OLD_PACKET => self.packet(kind, body, big),
            SIMPLE_PACKET => self.simple(body, big),
            STATISTICS => {
                self.statistics(body, big);
                return Step::Other(size);
            }
            NAMES => return Step::Other(size),
            SECRETS => return passed_over(DiagnosticKind::NotRead, secrets(body, big)),
            kind => return passed_over(DiagnosticKind::NotRead, name(kind)),
        };
        let step = step.and_then(|frame| {
            // The four bytes at the end are the length again.
            if frame.data.len() > limits::PACKET_BYTES || frame.data.end > size - 4 {
                return Err("a packet longer than its block");
            }
            Ok(frame)
        });
        match step {
            Ok(frame) => Step::Packet(size, frame),
            Err(reason) => Step::Unusable {
                size,
                is_packet: true,
                kind: DiagnosticKind::Damaged,
                reason,
            },
        }
    }

    fn describe(&mut self, body: &[u8], size: usize, big: bool) -> Step {
        let told = |kind, reason| Step::Unusable {
            size,
            is_packet: false,
            kind,
            reason,
        };
        if self.interfaces.len() >= limits::INTERFACES {
            return told(DiagnosticKind::LimitReached, "interfaces of a section");
        }
        let Some(interface) = Interface::new(body, big) else {
            return told(DiagnosticKind::Damaged, TOO_SHORT);
        };
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

    fn packet(&mut self, kind: u32, body: &[u8], big: bool) -> Result<Frame, &'static str> {
        let fields = Fields::read(kind, body, big).ok_or(TOO_SHORT)?;
        let dropped = dropped_before(kind, &fields, body, big);
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
    fn simple(&self, body: &[u8], big: bool) -> Result<Frame, &'static str> {
        let wire = number(body, 0, big).ok_or(TOO_SHORT)?;
        let interface = self.interface(0)?;
        let snap_length = match interface.snap_length {
            0 => u32::MAX,
            length => length,
        };
        let captured = (body.len() - 4).min(wire.min(snap_length) as usize);
        Ok(Frame {
            at: None,
            link: interface.link,
            data: SIMPLE_PACKET_AT..SIMPLE_PACKET_AT + captured,
            wire_length: wire,
        })
    }

    /// Statistics count from the start of the capture, so the newest ones count: what the interface dropped and what the
    /// operating system did.
    fn statistics(&mut self, body: &[u8], big: bool) {
        let interface = number(body, 0, big).map_or(usize::MAX, |it| it as usize);
        let bytes = body.get(12..).unwrap_or_default();
        let count = |code| Options { bytes, big }.count(code).unwrap_or(0);
        if let Some(interface) = self.interfaces.get_mut(interface) {
            let [by_statistics, _] = &mut interface.dropped;
            *by_statistics = count(5).saturating_add(count(7)).max(*by_statistics);
        }
    }

    /// A block of a known kind and of a packet's size whose leading and trailing lengths agree. Of others only the name
    /// would be told; and one byte before a block its kind stands where a length would, so that two kinds look like it.
    pub(super) fn soundness(&self, bytes: &[u8]) -> Soundness {
        if bytes.len() < BLOCK_BYTES_MIN {
            return Soundness::Short;
        }
        let order = if number(bytes, 0, false) == Some(SECTION) {
            section_order(bytes)
        } else {
            self.big
        };
        let Some((big, length)) = order.and_then(|big| Some((big, number(bytes, 4, big)?))) else {
            return Soundness::Unsound;
        };
        let size = length as usize;
        let is_known = number(bytes, 0, big).is_some_and(is_known);
        let is_possible = (BLOCK_BYTES_MIN..=size_max(PACKET)).contains(&size);
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
    matches!(kind, INTERFACE..=SECRETS | SECTION | 0xbad | 0x4000_0bad)
}

/// Packets that were dropped between a packet and the one before: an option, and in the old form a number of 16 bits.
fn dropped_before(kind: u32, fields: &Fields, body: &[u8], big: bool) -> u64 {
    if kind == OLD_PACKET {
        let both = number(body, 0, big).unwrap_or(0);
        return match if big { both & 0xffff } else { both >> 16 } {
            0xffff => 0, // not known
            dropped => u64::from(dropped),
        };
    }
    let options = (PACKET_AT - 8).saturating_add(fields.captured.next_multiple_of(4));
    match body.get(options..) {
        // Most packets have none.
        None | Some([]) => 0,
        Some(bytes) => Options { bytes, big }.count(4).unwrap_or(0),
    }
}

/// What is told of blocks that are not read, by their kind.
fn name(kind: u32) -> &'static str {
    match kind {
        7 | 8 => "blocks that are not looked into: times of an analyzer, ARINC 429",
        9 => "blocks that are not looked into: a journal of systemd",
        0x101..=0x102 => "blocks that are not looked into: processes (Hone)",
        0x201..=0x213 => "blocks that are not looked into: system calls",
        0xbad | 0x4000_0bad => "blocks that are not looked into: custom ones",
        _ => "blocks that are not looked into: an unknown kind",
    }
}

/// What is told of a block with secrets. Nothing of them is kept.
fn secrets(body: &[u8], big: bool) -> &'static str {
    match number(body, 0, big) {
        Some(0x544c_534b) => {
            "the file holds keys of TLS sessions; they are not used, and whoever gets the file can use them"
        }
        Some(0x5353_484b) => {
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
        SECTION | INTERFACE | OLD_PACKET | SIMPLE_PACKET | PACKET => {
            limits::PACKET_BYTES + limits::BLOCK_OPTION_BYTES
        }
        _ => limits::BLOCK_BYTES,
    }
}
