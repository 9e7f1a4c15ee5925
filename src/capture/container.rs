//! Cuts a capture's bytes into packets: pcap and pcapng in all their forms, over pcap-parser's slice parsers.
//!
//! Bytes come in windows. What must be known to read on (byte order, interfaces, packet numbers) is kept from one to
//! the next. A length that can't be true is damage: the next sound record is searched for, and the skip is told. Opens,
//! reads and decompresses nothing, and doesn't look into the packets.

mod pcap;
mod pcapng;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::diagnostic::{DiagnosticKind, Diagnostics, Origin, SourceId};
use crate::limits;
use crate::text::Text;
use crate::time::Timestamp;

const NOTHING_SOUND: &str = "nothing sound follows a damaged record; the rest was not read";

/// A number of four bytes, of either byte order.
fn number(bytes: &[u8], at: usize, big: bool) -> Option<u32> {
    let bytes = *bytes.get(at..)?.first_chunk()?;
    Some(if big {
        u32::from_be_bytes(bytes)
    } else {
        u32::from_le_bytes(bytes)
    })
}

/// The two families of capture files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// A file header, then packets.
    Pcap,
    /// Blocks.
    Pcapng,
}

impl Flavour {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcap => "pcap",
            Self::Pcapng => "pcapng",
        }
    }

    /// Tells a capture by its first bytes: four for pcap, twelve for pcapng.
    pub fn sniff(head: &[u8]) -> Option<Self> {
        if pcap::is_magic(head) {
            Some(Self::Pcap)
        } else if pcapng::is_section_header(head) {
            Some(Self::Pcapng)
        } else {
            None
        }
    }
}

/// A packet as it was captured, not looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    /// When it was captured; a simple packet block has no time.
    pub(crate) at: Option<Timestamp>,
    /// The LINKTYPE number of what its bytes begin with.
    pub(crate) link: i32,
    /// Where it lies within the bytes that were cut.
    pub(crate) data: Range<usize>,
    /// Its length on the wire.
    pub(crate) wire_length: u32,
    /// Its number, from 1.
    pub(crate) record: u64,
    /// Bytes before its record in the source.
    pub(crate) offset: u64,
}

/// What a record says of its packet.
struct Frame {
    at: Option<Timestamp>,
    link: i32,
    /// Counted from the start of the record.
    data: Range<usize>,
    wire_length: u32,
}

/// What stands at the start of some bytes.
enum Step {
    /// A record of this many bytes with a packet.
    Packet(usize, Frame),
    /// A record of this many bytes without a packet.
    Other(usize),
    /// A record of this many bytes that can be stepped over, but not used.
    Unusable {
        size: usize,
        is_packet: bool,
        kind: DiagnosticKind,
        reason: &'static str,
    },
    /// A record that needs more bytes than there are.
    Short,
    /// No record, or one whose length can't be true.
    Damaged(&'static str),
}

/// Whether a place in damaged bytes is the start of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Soundness {
    Sound,
    Unsound,
    /// More bytes are needed to tell.
    Short,
}

#[derive(Debug)]
enum Layout {
    Pcap(pcap::Records),
    Pcapng(pcapng::Blocks),
    /// Nothing more can be read; all further bytes are used up.
    Spent,
}

impl Layout {
    fn step(&mut self, bytes: &[u8], last: bool) -> Step {
        match self {
            Self::Pcap(records) => records.step(bytes, last),
            Self::Pcapng(blocks) => blocks.step(bytes),
            Self::Spent => Step::Other(bytes.len()),
        }
    }

    fn soundness(&self, bytes: &[u8], last: bool) -> Soundness {
        let found = match self {
            Self::Pcap(records) => records.soundness(bytes, last),
            Self::Pcapng(blocks) => blocks.soundness(bytes),
            Self::Spent => Soundness::Unsound,
        };
        match found {
            Soundness::Short if last => Soundness::Unsound,
            found => found,
        }
    }
}

/// A search for the next sound record.
#[derive(Debug)]
struct Search {
    /// The damaged record.
    from: Origin,
    reason: &'static str,
    /// The file ends inside this record if no sound one follows.
    at_end: bool,
    skipped: usize,
}

/// Cuts one source; see the module.
#[derive(Debug)]
pub(crate) struct Container {
    source: SourceId,
    layout: Layout,
    search: Option<Search>,
    records: u64,
    offset: u64,
}

impl Container {
    /// For a source from its first byte on.
    pub(crate) fn new(flavour: Flavour, source: SourceId) -> Self {
        Self {
            source,
            layout: match flavour {
                Flavour::Pcap => Layout::Pcap(pcap::Records::default()),
                Flavour::Pcapng => Layout::Pcapng(pcapng::Blocks::default()),
            },
            search: None,
            records: 0,
            offset: 0,
        }
    }

    /// Cuts the whole records at the start of `bytes`, and returns how many bytes were used; the next call begins with
    /// the rest.
    ///
    /// When nothing was used, more bytes are needed, at most [`limits::BLOCK_BYTES`]. With `last` set no bytes follow:
    /// a cut record at the end is told, and everything is used.
    pub(crate) fn cut(
        &mut self,
        bytes: &[u8],
        last: bool,
        packets: &mut Vec<Packet>,
        diagnostics: &mut Diagnostics,
    ) -> usize {
        let mut used = 0;
        while let Some(rest) = bytes.get(used..).filter(|rest| !rest.is_empty()) {
            let run = self.run(rest, used, packets);
            if run > 0 {
                used += run;
                continue;
            }
            let step = match &mut self.search {
                Some(_) => self.search(rest, last, diagnostics),
                None => self.take(rest, used, last, packets, diagnostics),
            };
            let Some(step) = step else { break };
            used += step;
            self.offset += step as u64;
        }
        if last {
            if let Some(search) = self.search.take() {
                give_up(&search, diagnostics);
            }
            self.tell_dropped(diagnostics);
        }
        used
    }

    /// Takes the records at the start of the bytes that are beyond doubt; gives the number of their bytes.
    fn run(&mut self, bytes: &[u8], base: usize, packets: &mut Vec<Packet>) -> usize {
        let (Layout::Pcap(layout), None) = (&mut self.layout, &self.search) else {
            return 0;
        };
        let (mut record, mut offset) = (self.records, self.offset);
        let mut start = base;
        let run = layout.run(bytes, |size, frame| {
            record += 1;
            packets.push(Packet {
                at: frame.at,
                link: frame.link,
                data: start + frame.data.start..start + frame.data.end,
                wire_length: frame.wire_length,
                record,
                offset,
            });
            start += size;
            offset += size as u64;
        });
        (self.records, self.offset) = (record, offset);
        run
    }

    fn tell_dropped(&mut self, diagnostics: &mut Diagnostics) {
        let Layout::Pcapng(blocks) = &self.layout else {
            return;
        };
        let dropped = blocks.dropped();
        if dropped > 0 {
            let reason =
                format!("the capturing machine dropped {dropped} packets, as the file says");
            let whole = Origin {
                source: self.source,
                ..Origin::default()
            };
            diagnostics.add(DiagnosticKind::Missing, whole, &reason);
        }
    }

    /// Where a packet stands.
    pub(crate) fn origin(&self, packet: &Packet) -> Origin {
        Origin {
            source: self.source,
            record: packet.record,
            offset: packet.offset,
        }
    }

    /// Packets met so far, also those that could not be used.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// Takes one record; `None` when more bytes are needed.
    fn take(
        &mut self,
        bytes: &[u8],
        base: usize,
        last: bool,
        packets: &mut Vec<Packet>,
        diagnostics: &mut Diagnostics,
    ) -> Option<usize> {
        match self.layout.step(bytes, last) {
            Step::Packet(size, frame) => {
                self.records += 1;
                packets.push(Packet {
                    at: frame.at,
                    link: frame.link,
                    data: base + frame.data.start..base + frame.data.end,
                    wire_length: frame.wire_length,
                    record: self.records,
                    offset: self.offset,
                });
                Some(size)
            }
            Step::Other(size) => Some(size),
            Step::Unusable {
                size,
                is_packet,
                kind,
                reason,
            } => {
                diagnostics.add(kind, self.here(), reason);
                self.records += u64::from(is_packet);
                Some(size)
            }
            Step::Short if last => Some(self.suspect("a record length that can't be true", true)),
            Step::Short => None,
            Step::Damaged(reason) => Some(self.suspect(reason, false)),
        }
    }

    /// Starts to search behind the first byte of a record that is none.
    fn suspect(&mut self, reason: &'static str, at_end: bool) -> usize {
        self.search = Some(Search {
            from: self.here(),
            reason,
            at_end,
            skipped: 1,
        });
        1
    }

    /// Skips to the next sound record; `None` when more bytes are needed.
    fn search(&mut self, bytes: &[u8], last: bool, diagnostics: &mut Diagnostics) -> Option<usize> {
        let search = self.search.as_mut()?;
        let most = limits::RESYNC_BYTES.saturating_sub(search.skipped);
        for place in 0..bytes.len().min(most) {
            let rest = bytes.get(place..).unwrap_or_default();
            match self.layout.soundness(rest, last) {
                Soundness::Unsound => {}
                Soundness::Short => {
                    search.skipped += place;
                    return (place > 0).then_some(place);
                }
                Soundness::Sound => {
                    let skipped = format!("{} bytes skipped", search.skipped + place);
                    diagnostics.add_sample(
                        DiagnosticKind::Damaged,
                        search.from,
                        search.reason,
                        Some(Text::cut(skipped.as_bytes(), skipped.len())),
                    );
                    self.search = None;
                    return Some(place);
                }
            }
        }
        if most <= bytes.len() {
            give_up(search, diagnostics);
            self.search = None;
            self.layout = Layout::Spent;
        } else {
            search.skipped += bytes.len();
        }
        Some(bytes.len())
    }

    fn here(&self) -> Origin {
        Origin {
            source: self.source,
            record: self.records + 1,
            offset: self.offset,
        }
    }
}

fn give_up(search: &Search, diagnostics: &mut Diagnostics) {
    if search.at_end {
        let reason = "the capture ends inside a record";
        diagnostics.add(DiagnosticKind::Truncated, search.from, reason);
    } else {
        diagnostics.add(DiagnosticKind::Damaged, search.from, search.reason);
        diagnostics.add(DiagnosticKind::Damaged, search.from, NOTHING_SOUND);
    }
}
