//! Packet captures become events.
//!
//! A capture's bytes are cut into packets ([`container`]), packets are decoded
//! to TCP segments side by side ([`mod@decode`]), fragments of IP packets are put
//! together ([`fragments`]), and segments, in order, become connections ([`table`]), streams ([`stream`]) and, where a connection speaks
//! FTP, events ([`control`], [`data`]). Knows no logs and judges nothing.

mod clocks;
mod connection;
mod container;
mod control;
mod data;
mod decode;
mod ears;
mod ends;
mod expect;
mod extent;
mod fragments;
mod lru;
mod order;
mod pace;
mod probe;
mod recent;
mod secure;
mod stream;
mod survey;
mod table;
mod tls;
mod undecided;
mod waiting;

use std::collections::BTreeMap;

use self::container::{Container, Packet};
use self::decode::{Decoded, common, decode, decode_part};
use self::fragments::Fragments;
use self::stream::Place;
use self::table::Table;
use crate::diagnostic::{DiagnosticKind, Diagnostics, Occurrences, Origin, SourceId};
use crate::ftp::Event;
use crate::input::{Cut, Decode, Window};
use crate::limits;
use crate::time::Timestamp;

pub use self::clocks::{Shift, shifts};
pub use self::container::Flavour;
pub use self::order::{Open, Outcome, Part, read_in_order};
pub use self::survey::{Survey, Surveyed, Track, together};

/// The link type of IP packets without anything before them.
const LINKTYPE_RAW: i32 = 101;

const SET_BACK: &str = "the time goes back by a second or more: a clock was set, or captures were put together out of order; waits and durations across it are wrong";

/// Cuts one capture file into windows of whole packets.
#[derive(Debug)]
pub struct Cutter {
    container: Container,
    /// Packets of the window before, and some more.
    expected: usize,
    /// Nanoseconds by which the capture's clock is behind.
    behind: i64,
    /// The time of the packet before.
    before: Option<Timestamp>,
}

impl Cutter {
    /// For a file of this family.
    pub fn new(flavour: Flavour, source: SourceId) -> Self {
        Self {
            container: Container::new(flavour, source),
            expected: 0,
            behind: 0,
            before: None,
        }
    }

    /// Sets the clock of a capture right: these nanoseconds are added to its times.
    #[must_use]
    pub fn behind(self, nanos: i64) -> Self {
        Self {
            behind: nanos,
            ..self
        }
    }

    /// Packets met.
    pub fn records(&self) -> u64 {
        self.container.records()
    }

    /// When the first packet was captured, if it lies in these first bytes of a capture.
    pub fn first_time(flavour: Flavour, head: &[u8]) -> Option<Timestamp> {
        let mut cutter = Self::new(flavour, SourceId::default());
        let (_, notes) = cutter.cut(head, 0, false);
        notes.packets.iter().find_map(|packet| packet.at)
    }
}

/// The packets of a window, and what was wrong between them.
#[derive(Debug, Default)]
pub struct Packets {
    packets: Vec<Packet>,
    diagnostics: Diagnostics,
}

impl Cut for Cutter {
    type Notes = Packets;

    fn cut(&mut self, bytes: &[u8], _offset: u64, last: bool) -> (usize, Packets) {
        let mut notes = Packets {
            packets: Vec::with_capacity(self.expected),
            ..Packets::default()
        };
        let used = self
            .container
            .cut(bytes, last, &mut notes.packets, &mut notes.diagnostics);
        self.expected = notes.packets.len() * 9 / 8;
        if self.behind != 0 {
            for packet in &mut notes.packets {
                packet.at = packet.at.map(|at| at.later(self.behind));
            }
        }
        for packet in &notes.packets {
            if let (Some(at), Some(before)) = (packet.at, self.before)
                && at < before
                && before.since(at).as_secs() >= limits::CLOCK_BACK_SECONDS
            {
                let origin = self.container.origin(packet);
                notes
                    .diagnostics
                    .add(DiagnosticKind::Malformed, origin, SET_BACK);
            }
            self.before = packet.at.or(self.before);
        }
        (used, notes)
    }
}

/// A packet, decoded.
#[derive(Debug)]
struct Frame<'w> {
    place: Place,
    decoded: Decoded<'w>,
}

/// Decodes packets down to TCP.
#[derive(Debug, Clone, Copy)]
pub struct Decoder {
    source: SourceId,
}

impl Decoder {
    /// For the packets of a source.
    pub fn new(source: SourceId) -> Self {
        Self { source }
    }

    fn place(self, packet: &Packet) -> Place {
        let origin = Origin {
            source: self.source,
            record: packet.record,
            offset: packet.offset,
        };
        Place {
            at: packet.at,
            origin,
        }
    }

    fn frame<'w>(self, window: &'w Window<Packets>, packet: &Packet) -> Frame<'w> {
        let bytes = window.bytes.get(packet.data.clone()).unwrap_or_default();
        Frame {
            place: self.place(packet),
            decoded: decode(packet.link, bytes, packet.wire_length),
        }
    }
}

impl Decode for Decoder {
    type Notes = Packets;
    type Part<'w> = Frames<'w>;

    fn decode<'w>(&self, window: &'w Window<Packets>) -> Frames<'w> {
        let packets = &window.notes.packets;
        let is_shared = rayon::current_num_threads() > 1;
        Frames {
            decoder: *self,
            window,
            ready: is_shared.then(|| packets.iter().map(|p| self.frame(window, p)).collect()),
        }
    }
}

/// The packets of a window, decoded: beforehand where other threads did it meanwhile, else one at a time when its turn
/// comes, which spares writing them all down.
#[derive(Debug)]
pub struct Frames<'w> {
    decoder: Decoder,
    window: &'w Window<Packets>,
    ready: Option<Vec<Frame<'w>>>,
}

impl<'w> Frames<'w> {
    fn each(&self, mut take: impl FnMut(&Frame<'w>)) {
        match &self.ready {
            Some(frames) => frames.iter().for_each(take),
            None => {
                for packet in &self.window.notes.packets {
                    take(&self.decoder.frame(self.window, packet));
                }
            }
        }
    }

    /// The time of the last packet.
    fn last(&self) -> Option<Timestamp> {
        self.window.notes.packets.last()?.at
    }
}

/// How many packets of a source were used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets with a TCP segment, or with an ICMP error that quotes one.
    pub taken: u64,
    /// Packets of other protocols.
    pub ignored: u64,
    /// Packets that could not be read, by reason.
    pub unread: BTreeMap<&'static str, (Origin, u64)>,
}

impl Counts {
    /// Packets that could not be read.
    pub fn unrecognised(&self) -> u64 {
        self.unread.values().map(|(_, count)| count).sum()
    }

    fn unread(&mut self, reason: &'static str, first: Origin, more: u64) {
        let (_, count) = self.unread.entry(reason).or_insert((first, 0));
        *count += more;
    }

    fn absorb(&mut self, other: Self) {
        self.taken += other.taken;
        self.ignored += other.ignored;
        for (reason, (first, count)) in other.unread {
            self.unread(reason, first, count);
        }
    }
}

fn take(
    table: &mut Table,
    fragments: &mut Fragments,
    counts: &mut Counts,
    frame: &Frame<'_>,
    out: &mut dyn FnMut(Event<'_>),
) {
    let Frame { place, ref decoded } = *frame;
    if let Decoded::Tcp(segment) = decoded {
        counts.taken += 1;
        return table.take(segment, place, out);
    }
    let carriers = [(place.origin, 1)];
    let mut merging = Merging {
        table,
        fragments,
        place,
        out,
    };
    match merging.take(*decoded, &carriers, limits::NESTED_HEADERS) {
        Class::Taken => counts.taken += 1,
        Class::Ignored => counts.ignored += 1,
        Class::Unread(reason) => counts.unread(reason, place.origin, 1),
        Class::Waiting => {}
    }
}

/// Reads the captures of one series, in order.
#[derive(Debug, Default)]
pub struct Reader {
    table: Table,
    fragments: Fragments,
    counts: BTreeMap<SourceId, Counts>,
}

impl Reader {
    /// Takes the next window's packets.
    pub fn merge(&mut self, frames: &Frames<'_>, out: &mut dyn FnMut(Event<'_>)) {
        self.begin_window(frames.window);
        let Frames {
            decoder,
            window,
            ref ready,
        } = *frames;
        let counts = self.counts.entry(decoder.source).or_default();
        let (table, fragments) = (&mut self.table, &mut self.fragments);
        if let Some(frames) = ready {
            for frame in frames {
                take(table, fragments, counts, frame, out);
            }
            return;
        }
        for packet in &window.notes.packets {
            let bytes = window.bytes.get(packet.data.clone()).unwrap_or_default();
            if let Some(segment) = common(packet.link, bytes) {
                counts.taken += 1;
                table.take(&segment, decoder.place(packet), out);
            } else {
                take(
                    table,
                    fragments,
                    counts,
                    &decoder.frame(window, packet),
                    out,
                );
            }
        }
    }

    /// The packets of a window come next, one by one.
    fn begin_window(&mut self, window: &Window<Packets>) {
        let diagnostics = window.notes.diagnostics.clone();
        self.table.diagnostics.absorb(diagnostics);
    }

    /// Takes the next packet.
    fn take(&mut self, frame: &Frame<'_>, out: &mut dyn FnMut(Event<'_>)) {
        let counts = self.counts.entry(frame.place.origin.source).or_default();
        take(&mut self.table, &mut self.fragments, counts, frame, out);
    }

    /// Whether other captures of the same time are read between the packets of this one.
    fn overlaps(&mut self, overlaps: bool) {
        self.table.overlaps = overlaps;
    }

    fn tell(&mut self, kind: DiagnosticKind, at: Origin, reason: &str) {
        self.table.diagnostics.add(kind, at, reason);
    }

    /// All captures of the series were read: ends what is open.
    pub fn finish(&mut self, out: &mut dyn FnMut(Event<'_>)) {
        self.fragments.finish();
        for (source, counts) in std::mem::take(&mut self.fragments.counts) {
            self.counts.entry(source).or_default().absorb(counts);
        }
        self.table.finish(out);
    }

    /// What was counted, by source.
    pub fn counts(&self) -> &BTreeMap<SourceId, Counts> {
        &self.counts
    }

    /// What a person should know; the reader forgets it.
    pub fn take_diagnostics(&mut self) -> Diagnostics {
        let mut diagnostics = std::mem::take(&mut self.table.diagnostics);
        diagnostics.absorb(std::mem::take(&mut self.fragments.diagnostics));
        self.table.recent.tell(&mut diagnostics);
        for counts in self.counts.values() {
            for (reason, (first, count)) in &counts.unread {
                let reason = format!("packets that are not looked into: {reason}");
                let occurrences = Occurrences {
                    first: *first,
                    count: *count,
                    sample: None,
                };
                diagnostics.add_many(DiagnosticKind::NotRead, &reason, occurrences);
            }
        }
        diagnostics
    }
}

/// What a packet is counted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Taken,
    Ignored,
    Unread(&'static str),
    /// It is a part of a packet, and counted with it.
    Waiting,
}

/// One packet of the capture while it is taken.
struct Merging<'m> {
    table: &'m mut Table,
    fragments: &'m mut Fragments,
    place: Place,
    out: &'m mut dyn FnMut(Event<'_>),
}

impl Merging<'_> {
    /// Takes what the packet is, or what fragments (`carriers`) became together: that may be a fragment again, of a packet
    /// in a tunnel, so `depth` says how often it may.
    fn take(&mut self, decoded: Decoded<'_>, carriers: &[(Origin, u64)], depth: usize) -> Class {
        match decoded {
            Decoded::Tcp(segment) => {
                self.table.take(&segment, self.place, self.out);
                Class::Taken
            }
            Decoded::Unreachable(quoted) => {
                self.table.unreachable(&quoted, self.place);
                Class::Taken
            }
            Decoded::NotTcp => Class::Ignored,
            Decoded::Unread(reason) => Class::Unread(reason),
            Decoded::Aggregate(aggregate) => {
                let mut class = Class::Ignored;
                for packet in aggregate.packets() {
                    // A fragment in there is counted with the frame.
                    class = match (class, self.take(decode_part(packet), &[], depth)) {
                        (Class::Taken, _) | (_, Class::Taken | Class::Waiting) => Class::Taken,
                        (class, Class::Ignored) => class,
                        (_, unread) => unread,
                    };
                }
                class
            }
            Decoded::Fragment(fragment) => {
                if let Some(it) = self.fragments.take(&fragment, self.place, carriers) {
                    let class = match depth.checked_sub(1) {
                        Some(depth) => {
                            let inner = decode(LINKTYPE_RAW, &it.packet, it.wire_length);
                            self.take(inner, &it.fragments, depth)
                        }
                        None => Class::Unread("too many nested headers"),
                    };
                    self.fragments.count(&it.fragments, class);
                }
                Class::Waiting
            }
        }
    }
}
