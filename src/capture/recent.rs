//! Segments that were captured more than once: by a mirror port, on several interfaces, by two captures.
//!
//! A copy is the same packet, a retransmission is another one: copies have the identification of their IP packet in
//! common, or come too soon for any sender to have repeated itself. Remembers the last few thousand segments of
//! connections that speak FTP or may. A copy may bring bytes (the first one was cut), so it is only told, not dropped.

use std::collections::BTreeMap;

use super::decode::Segment;
use super::ends::Socket;
use super::stream::Place;
use crate::diagnostic::{DiagnosticKind, Diagnostics, Occurrences, Origin, SourceId};

/// Segments remembered; a power of two.
const SLOTS: usize = 4096;
/// Senders repeat after 200 ms at the soonest (Linux; RFC 6298 asks for a second).
const SAME_CAPTURE_NANOS: u64 = 150_000_000;
/// Without an identification to go by: soon enough for a copy, too soon for most senders.
const UNNAMED_NANOS: u64 = 3_000_000;
/// Two captures of the same time differ by their clocks.
const OTHER_CAPTURE_NANOS: u64 = 5_000_000_000;

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    hash: u64,
    nanos: i64,
    source: SourceId,
}

/// What a segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Novelty {
    New,
    /// The same capture holds it already.
    Repeated,
    /// Another capture holds it already.
    HeardElsewhere,
}

/// The segments that were taken last.
#[derive(Debug)]
pub(super) struct Recent {
    slots: Vec<Slot>,
    copies: BTreeMap<(SourceId, bool), (Origin, u64)>,
    /// Segments looked at, by source; those of the last source are counted beside.
    all: BTreeMap<SourceId, u64>,
    last: (SourceId, u64),
}

impl Default for Recent {
    fn default() -> Self {
        Self {
            slots: vec![Slot::default(); SLOTS],
            copies: BTreeMap::new(),
            all: BTreeMap::new(),
            last: (SourceId::default(), 0),
        }
    }
}

impl Recent {
    /// Whether a segment was taken already. `overlaps`: other captures of the same time are read beside this one.
    pub(super) fn take(&mut self, segment: &Segment<'_>, place: Place, overlaps: bool) -> Novelty {
        let (Some(at), hash) = (place.at, hash(segment)) else {
            return Novelty::New;
        };
        let source = place.origin.source;
        self.count(source);
        // The lowest bits choose the place.
        let index = usize::try_from(hash).unwrap_or(0) % SLOTS;
        let Some(slot) = self.slots.get_mut(index) else {
            return Novelty::New;
        };
        if slot.hash != hash {
            *slot = Slot {
                hash,
                nanos: at.nanos(),
                source,
            };
            return Novelty::New;
        }
        let apart = at.nanos().abs_diff(slot.nanos);
        let same = slot.source == source;
        let most = match (same, segment.id) {
            (true, 0) => UNNAMED_NANOS,
            (true, _) => SAME_CAPTURE_NANOS,
            (false, _) if overlaps => OTHER_CAPTURE_NANOS,
            (false, _) => 0,
        };
        if apart >= most {
            (slot.nanos, slot.source) = (at.nanos(), source);
            return Novelty::New;
        }
        let (_, count) = self
            .copies
            .entry((source, same))
            .or_insert((place.origin, 0));
        *count += 1;
        if same {
            Novelty::Repeated
        } else {
            Novelty::HeardElsewhere
        }
    }

    fn count(&mut self, source: SourceId) {
        if self.last.0 != source {
            let (before, count) = std::mem::replace(&mut self.last, (source, 0));
            *self.all.entry(before).or_default() += count;
        }
        self.last.1 += 1;
    }

    /// Tells of the copies that were met.
    pub(super) fn tell(&mut self, diagnostics: &mut Diagnostics) {
        let (source, count) = std::mem::take(&mut self.last);
        *self.all.entry(source).or_default() += count;
        for ((source, same), (first, count)) in &self.copies {
            let all = self.all.get(source).copied().unwrap_or(0);
            let reason = match same {
                // Nine tenths of the copies there can be: some first ones stand before the capture's beginning.
                true if count * 20 >= all * 9 => {
                    "every packet was captured twice or more (a mirror port, or several interfaces); each counts once"
                }
                true => {
                    "packets that were captured twice (a mirror port, or several interfaces); each counts once"
                }
                false => "packets that another of the captures holds as well; each counts once",
            };
            let met = Occurrences {
                first: *first,
                count: *count,
                sample: None,
            };
            diagnostics.add_many(DiagnosticKind::HeardTwice, reason, met);
        }
    }
}

/// Of all that makes a segment: a copy has it all in common. No defence against segments that are made up to look like
/// others: all that these would change is what is counted as repeated.
fn hash(segment: &Segment<'_>) -> u64 {
    let numbers = u64::from(segment.sequence) << 32 | u64::from(segment.acknowledgment);
    let length = segment.payload.len() as u64 + u64::from(segment.missing);
    let form = length << 40
        | u64::from(segment.flags.0) << 32
        | u64::from(segment.window) << 16
        | u64::from(segment.id);
    let ends = digest(segment.source) ^ digest(segment.destination).rotate_left(24);
    let mixed = folded(
        numbers ^ 0xcbf2_9ce4_8422_2325,
        form ^ 0x9e37_79b9_7f4a_7c15,
    );
    folded(mixed ^ ends, 0xd6e8_feb8_6659_fd93)
}

/// Both halves of a product.
fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    #[expect(clippy::cast_possible_truncation, reason = "it is cut in two")]
    let [high, low] = [(product >> 64) as u64, product as u64];
    high ^ low
}

fn digest(end: Socket) -> u64 {
    let [high, low] = end.halves();
    high.rotate_left(32) ^ low << 16 ^ u64::from(end.port())
}
