//! Fragments of IP packets become whole packets again, in the order of the capture.
//!
//! Keeps what waits for its other parts within bounds of number, bytes and capture time, and counts every fragment as what
//! its packet turned out to be. Where two fragments tell different bytes for the same place the first is kept, and that
//! is told: receivers differ. Tunnels and VLANs are not told apart: two networks with the same addresses that use the same
//! identifications at the same time are mixed up.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;

use super::decode::{Fragment, Whole};
use super::stream::Place;
use super::{Class, Counts};
use crate::diagnostic::{DiagnosticKind, Diagnostics, Origin, SourceId};
use crate::limits;
use crate::lookup::Lookup;
use crate::time::Timestamp;

#[cfg(test)]
mod tests;

/// Content that an IP packet can have: its length has 16 bits, and IPv4's counts the header.
const CONTENT_BYTES_V4: usize = 65_535 - HEADER_V4;
const CONTENT_BYTES_V6: usize = 65_535;
const HEADER_V4: usize = 20;

const ALONE: &str = "an IP fragment, the others of its packet are not there";
const SENSELESS: &str = "an IP fragment that can't be a part of its packet";

/// Fragments by the source they stand in: the first one, and their number.
pub(super) type Tally = Vec<(Origin, u64)>;

/// An IP packet that was put together: a header without options, and its content.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reassembled {
    pub(super) packet: Vec<u8>,
    /// Its length on the wire; more than `packet` has when fragments were cut.
    pub(super) wire_length: u32,
    /// The fragments it was made of.
    pub(super) fragments: Tally,
}

/// A packet of which parts are still awaited.
#[derive(Debug)]
struct Partial {
    whole: Whole,
    since: Option<Timestamp>,
    /// Of the first fragment.
    protocol: Option<u8>,
    bytes: Vec<u8>,
    /// What is there, in order and apart.
    parts: Vec<Range<usize>>,
    length: Option<usize>,
    /// The first byte that the snap length cut off.
    cut: usize,
    fragments: Tally,
    /// True when a packet with this identification was whole not long ago: then these may be its fragments again.
    again: bool,
}

/// A packet, since when its parts come, and those; `None` remembers a packet that is whole.
type Waiting = (Whole, Option<Timestamp>, Option<Box<Partial>>);

/// All packets of which parts are awaited; see the module.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    /// The place of each in `waiting`.
    places: Lookup<Whole, u64>,
    /// By age.
    waiting: BTreeMap<u64, Waiting>,
    next: u64,
    bytes: usize,
    /// What became of fragments that are no longer waited for.
    pub(super) counts: BTreeMap<SourceId, Counts>,
    pub(super) diagnostics: Diagnostics,
}

impl Fragments {
    /// Takes a fragment that lies in one packet of the capture, or in several that were fragments themselves
    /// (`carriers`). Gives the packet that it completes.
    pub(super) fn take(
        &mut self,
        fragment: &Fragment<'_>,
        place: Place,
        carriers: &[(Origin, u64)],
    ) -> Option<Reassembled> {
        self.expire(place.at);
        let end = fragment.offset + fragment.bytes.len() + fragment.missing as usize;
        let most = match fragment.whole.source {
            IpAddr::V4(_) => CONTENT_BYTES_V4,
            IpAddr::V6(_) => CONTENT_BYTES_V6,
        };
        // All but the last have a multiple of eight bytes.
        if end > most || end == fragment.offset || fragment.more && !end.is_multiple_of(8) {
            self.count(carriers, Class::Unread(SENSELESS));
            return None;
        }
        let (age, mut partial) = self.partial(fragment, place);
        let fits = match partial.length {
            Some(length) => end <= length && (fragment.more || end == length),
            None => fragment.more || partial.parts.last().is_none_or(|last| last.end <= end),
        };
        if !fits {
            self.count(carriers, Class::Unread(SENSELESS));
            self.keep(age, partial);
            return None;
        }
        add(&mut partial.fragments, carriers);
        if partial.put(fragment, end) {
            let reason =
                "IP fragments that tell different bytes for the same place; the first were taken";
            self.diagnostics
                .add(DiagnosticKind::Assumed, place.origin, reason);
        }
        let is_whole = partial.is_whole();
        if let Some(reassembled) = is_whole.then(|| partial.assemble()).flatten() {
            self.waiting
                .insert(age, (partial.whole, partial.since, None));
            return Some(reassembled);
        }
        self.keep(age, partial);
        self.bound(place);
        None
    }

    /// Counts fragments as what became of them.
    pub(super) fn count(&mut self, fragments: &[(Origin, u64)], class: Class) {
        for (first, count) in fragments {
            let counts = self.counts.entry(first.source).or_default();
            match class {
                Class::Taken => counts.taken += count,
                Class::Ignored => counts.ignored += count,
                Class::Unread(reason) => counts.unread(reason, *first, *count),
                Class::Waiting => {}
            }
        }
    }

    /// No more fragments come.
    pub(super) fn finish(&mut self) {
        while self.give_up_oldest() {}
    }

    /// The packet of a fragment, out of the table, and its age.
    fn partial(&mut self, fragment: &Fragment<'_>, place: Place) -> (u64, Box<Partial>) {
        let known = self.places.get(&fragment.whole);
        let known = known.and_then(|age| self.waiting.remove_entry(age));
        let again = match known {
            Some((age, (.., Some(partial)))) => {
                self.bytes -= partial.bytes.len();
                return (age, partial);
            }
            Some((_, (.., None))) => true,
            None => false,
        };
        let age = self.next;
        self.next += 1;
        self.places.insert(fragment.whole, age);
        let partial = Partial {
            whole: fragment.whole,
            since: place.at,
            protocol: None,
            bytes: Vec::new(),
            parts: Vec::new(),
            length: None,
            cut: usize::MAX,
            fragments: Tally::new(),
            again,
        };
        (age, Box::new(partial))
    }

    fn keep(&mut self, age: u64, partial: Box<Partial>) {
        self.bytes += partial.bytes.len();
        let entry = (partial.whole, partial.since, Some(partial));
        self.waiting.insert(age, entry);
    }

    /// Gives up what has waited for too long; the identification may be used for another packet by now.
    fn expire(&mut self, now: Option<Timestamp>) {
        while let Some((_, (_, since, _))) = self.waiting.first_key_value() {
            let waited = now.zip(*since).map(|(now, since)| now.since(since));
            if waited.is_none_or(|waited| waited.as_secs() < limits::FRAGMENT_SECONDS) {
                return;
            }
            self.give_up_oldest();
        }
    }

    fn bound(&mut self, place: Place) {
        while self.waiting.len() > limits::FRAGMENTED_PACKETS || self.bytes > limits::FRAGMENT_BYTES
        {
            let oldest = self.waiting.first_key_value();
            if oldest.is_some_and(|(_, (.., partial))| partial.is_some()) {
                let reason = "more IP fragments than are put together at a time; those of the oldest packet were given up";
                self.diagnostics
                    .add(DiagnosticKind::LimitReached, place.origin, reason);
            }
            if !self.give_up_oldest() {
                return;
            }
        }
    }

    fn give_up_oldest(&mut self) -> bool {
        let Some((_, (whole, _, partial))) = self.waiting.pop_first() else {
            return false;
        };
        self.places.remove(&whole);
        if let Some(partial) = partial {
            self.bytes -= partial.bytes.len();
            let class = if partial.again {
                Class::Ignored
            } else {
                Class::Unread(ALONE)
            };
            self.count(&partial.fragments, class);
        }
        true
    }
}

impl Partial {
    fn is_whole(&self) -> bool {
        matches!((self.parts.as_slice(), self.length), ([part], Some(length)) if part.start == 0 && part.end == length)
    }

    /// Puts a fragment in its place; true when other bytes were there.
    fn put(&mut self, fragment: &Fragment<'_>, end: usize) -> bool {
        let Fragment { offset, bytes, .. } = *fragment;
        if offset == 0 {
            self.protocol.get_or_insert(fragment.protocol);
        }
        if !fragment.more {
            self.length = Some(end);
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        if fragment.missing > 0 {
            self.cut = self.cut.min(offset + bytes.len());
        }
        let captured = offset + bytes.len();
        let mut differs = false;
        let mut at = offset;
        let mut merged = offset..end;
        for part in &self.parts {
            if part.end < offset || part.start > end {
                continue;
            }
            merged = merged.start.min(part.start)..merged.end.max(part.end);
            copy(&mut self.bytes, bytes, offset, at..part.start);
            let same = at.max(part.start)..captured.min(part.end);
            differs |= same.start < same.end
                && self.bytes.get(same.clone())
                    != bytes.get(same.start - offset..same.end - offset);
            at = at.max(part.end);
        }
        copy(&mut self.bytes, bytes, offset, at..captured);
        self.parts
            .retain(|part| part.end < offset || part.start > end);
        let index = self.parts.partition_point(|part| part.start < merged.start);
        self.parts.insert(index, merged);
        differs
    }

    /// The whole packet behind a new header; `None` when no first fragment says what it is.
    fn assemble(&mut self) -> Option<Reassembled> {
        let (protocol, length) = (self.protocol?, self.length?);
        let mut packet = header(&self.whole, protocol, length);
        let wire_length = packet.len() + length;
        let captured = self.bytes.get(..length.min(self.cut))?;
        packet.extend_from_slice(captured);
        Some(Reassembled {
            packet,
            wire_length: u32::try_from(wire_length).unwrap_or(u32::MAX),
            fragments: std::mem::take(&mut self.fragments),
        })
    }
}

/// Copies what belongs in `place` out of bytes that begin at `offset`.
fn copy(to: &mut [u8], bytes: &[u8], offset: usize, place: Range<usize>) {
    let place = place.start..place.end.min(offset + bytes.len());
    if place.start < place.end
        && let Some(to) = to.get_mut(place.clone())
        && let Some(bytes) = bytes.get(place.start - offset..place.end - offset)
    {
        to.copy_from_slice(bytes);
    }
}

/// An IP header for content of this length; its checksum is nobody's concern.
fn header(whole: &Whole, protocol: u8, length: usize) -> Vec<u8> {
    match (whole.source, whole.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let total = u16::try_from(HEADER_V4 + length).unwrap_or(u16::MAX);
            let [high, low] = total.to_be_bytes();
            let begin = [0x45, 0, high, low, 0, 0, 0, 0, 64, protocol, 0, 0];
            [&begin[..], &source.octets(), &destination.octets()].concat()
        }
        (source, destination) => {
            let octets = |ip| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                IpAddr::V6(ip) => ip.octets(),
            };
            let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
            let begin = [0x60, 0, 0, 0, high, low, protocol, 64];
            [&begin[..], &octets(source), &octets(destination)].concat()
        }
    }
}

/// Adds up; one entry for each source.
fn add(to: &mut Tally, more: &[(Origin, u64)]) {
    for (first, count) in more {
        match to
            .iter_mut()
            .find(|(known, _)| known.source == first.source)
        {
            Some((_, known)) => *known += count,
            None => to.push((*first, *count)),
        }
    }
}
