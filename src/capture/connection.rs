//! The facts of one TCP connection, told from its segments.
//!
//! Cheap for connections that are not FTP: a few numbers each. Direction 0 is
//! that of the opener (the first SYN's sender, else the first sender seen).

use std::net::SocketAddr;

use super::decode::Segment;
use super::stream::Place;
use crate::ftp::{End, Fate};
use crate::time::Timestamp;

/// Bytes that one direction sent, by its sequence numbers: what was lost by the capture counts too, what was sent again
/// does not.
#[derive(Debug, Clone, Copy, Default)]
struct Extent {
    /// The sequence number of the first byte.
    base: Option<u32>,
    /// Bytes from there to the highest seen.
    length: u64,
    /// True when all of them were acknowledged.
    acknowledged: bool,
    /// The sequence number behind its FIN, and whether that was acknowledged.
    fin: Option<u32>,
    fin_acknowledged: bool,
    /// Segments sent again since the last acknowledgment of all.
    repeated: u32,
}

impl Extent {
    fn end(&self) -> Option<u32> {
        // The length modulo 2^32 is what sequence numbers show.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "sequence numbers are modulo 2^32"
        )]
        self.base.map(|base| base.wrapping_add(self.length as u32))
    }

    fn send(&mut self, sequence: u32, length: u32) {
        let end = self.end().unwrap_or_else(|| {
            self.base = Some(sequence);
            sequence
        });
        let new = sequence
            .wrapping_add(length)
            .wrapping_sub(end)
            .cast_signed();
        if new > 0 {
            self.length += u64::from(new.unsigned_abs());
            self.acknowledged = false;
        } else if !self.acknowledged {
            self.repeated = self.repeated.saturating_add(1);
        }
    }

    /// The sender is done; its FIN takes one number of the sequence.
    fn finish(&mut self, sequence: u32) {
        let end = sequence.wrapping_add(1);
        if self.fin == Some(end) && !self.is_acknowledged() {
            self.repeated = self.repeated.saturating_add(1);
        }
        self.fin.get_or_insert(end);
    }

    fn acknowledge(&mut self, acknowledgment: u32) {
        let covers = |end: u32| acknowledgment.wrapping_sub(end).cast_signed() >= 0;
        self.acknowledged |= self.end().is_some_and(covers);
        self.fin_acknowledged |= self.fin.is_some_and(covers);
        if self.is_acknowledged() {
            self.repeated = 0;
        }
    }

    fn is_acknowledged(&self) -> bool {
        self.acknowledged && (self.fin.is_none() || self.fin_acknowledged)
    }
}

/// What is known of a connection.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// The opener, and its peer.
    pub(super) ends: [SocketAddr; 2],
    /// The first segment.
    pub(super) first: Place,
    /// When the last segment was captured.
    pub(super) last: Option<Timestamp>,
    /// SYNs of the opener.
    pub(super) attempts: u32,
    /// When the SYN was answered.
    pub(super) opened: Option<Place>,
    /// A RST or an ICMP error answered the SYN.
    refused: bool,
    /// True when the first segment seen was not a SYN.
    pub(super) mid_stream: bool,
    fin: [bool; 2],
    /// The first FIN or RST, and the direction that sent it.
    pub(super) ended: Option<(End, usize)>,
    reset: bool,
    sent: [Extent; 2],
    syn: Option<u32>,
}

impl Facts {
    /// From the first segment seen.
    pub(super) fn new(segment: &Segment<'_>, place: Place) -> Self {
        let answered = segment.flags.syn() && segment.flags.ack();
        let ends = if answered {
            [segment.destination, segment.source]
        } else {
            [segment.source, segment.destination]
        };
        Self {
            ends,
            first: place,
            last: place.at,
            attempts: 0,
            opened: None,
            refused: false,
            mid_stream: !segment.flags.syn(),
            fin: [false; 2],
            ended: None,
            reset: false,
            sent: [Extent::default(); 2],
            syn: None,
        }
    }

    /// The direction of a segment.
    pub(super) fn direction(&self, segment: &Segment<'_>) -> usize {
        usize::from(segment.source != self.ends[0])
    }

    /// True when this SYN begins another connection between the same ends.
    pub(super) fn is_succeeded_by(&self, segment: &Segment<'_>) -> bool {
        let opening = segment.flags.syn() && !segment.flags.ack();
        opening
            && self.syn != Some(segment.sequence)
            && (self.opened.is_some() || self.ended.is_some() || self.mid_stream)
    }

    /// Takes the next segment.
    pub(super) fn take(&mut self, segment: &Segment<'_>, place: Place) {
        let direction = self.direction(segment);
        self.last = place.at.or(self.last);
        let flags = segment.flags;
        let mut sequence = segment.sequence;
        if flags.syn() {
            sequence = sequence.wrapping_add(1);
            if flags.ack() {
                self.opened.get_or_insert(place);
            } else {
                self.attempts = self.attempts.saturating_add(1);
                if self.opened.is_none() {
                    // Another attempt after a refusal.
                    (self.ended, self.reset, self.refused) = (None, false, false);
                }
                self.syn = Some(segment.sequence);
            }
            if let Some(sent) = self.sent.get_mut(direction) {
                sent.base.get_or_insert(sequence);
            }
        }
        let length = u32::try_from(segment.payload.len())
            .unwrap_or(u32::MAX)
            .saturating_add(segment.missing);
        if length > 0 || self.mid_stream && flags.ack() {
            self.opened.get_or_insert(place);
        }
        if length > 0
            && let Some(sent) = self.sent.get_mut(direction)
        {
            sent.send(sequence, length);
        }
        if flags.ack()
            && let Some(received) = self.sent.get_mut(1 - direction)
        {
            received.acknowledge(segment.acknowledgment);
        }
        if flags.fin()
            && let Some(fin) = self.fin.get_mut(direction)
        {
            *fin = true;
            if let Some(sent) = self.sent.get_mut(direction) {
                sent.finish(sequence.wrapping_add(length));
            }
            self.ended.get_or_insert((End::Fin, direction));
        }
        if flags.rst() && self.is_in_reach(direction, sequence) {
            self.reset = true;
            self.refused |= self.opened.is_none() && direction == 1;
            self.ended.get_or_insert((End::Reset, direction));
        }
    }

    /// A RST counts only near what its sender sent (RFC 9293 section 3.10.7.4): middleboxes and attackers make them up.
    fn is_in_reach(&self, direction: usize, sequence: u32) -> bool {
        let end = self.sent.get(direction).and_then(Extent::end);
        let distance = end.map_or(0, |end| sequence.wrapping_sub(end).cast_signed());
        self.opened.is_none() || (-65_536..=1 << 20).contains(&distance)
    }

    /// An ICMP error tells that the peer can't be reached, and quotes the segment with this number. One that quotes
    /// anything but the SYN is made up (RFC 5927 section 4.1).
    pub(super) fn refuse(&mut self, sequence: u32) {
        self.refused |= self.opened.is_none() && self.syn.is_none_or(|syn| syn == sequence);
    }

    /// What became of the attempt to open it.
    pub(super) fn fate(&self) -> Fate {
        match (self.opened, self.refused) {
            (Some(_), _) => Fate::Opened,
            (None, true) => Fate::Refused,
            (None, false) => Fate::Unanswered,
        }
    }

    /// True when nothing more can come.
    pub(super) fn is_over(&self) -> bool {
        self.reset || self.fin == [true; 2]
    }

    /// Payload bytes by direction.
    pub(super) fn bytes(&self) -> [u64; 2] {
        self.sent.map(|sent| sent.length)
    }

    /// A direction whose bytes were sent again and never acknowledged, and how often.
    pub(super) fn unacknowledged(&self) -> Option<(usize, u32)> {
        let lost = |(_, sent): &(usize, &Extent)| !sent.is_acknowledged() && sent.repeated >= 3;
        self.sent
            .iter()
            .enumerate()
            .find(lost)
            .map(|(direction, sent)| (direction, sent.repeated))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::decode::Flags;
    use crate::diagnostic::Origin;

    #[test]
    fn only_an_icmp_error_about_the_syn_refuses() {
        let place = Place {
            at: None,
            origin: Origin::default(),
        };
        let syn = Segment {
            source: "192.0.2.2:40000".parse().unwrap(),
            destination: "192.0.2.1:50000".parse().unwrap(),
            sequence: 1000,
            acknowledgment: 0,
            flags: Flags(2),
            window: 8192,
            payload: &[],
            missing: 0,
        };
        let mut facts = Facts::new(&syn, place);
        facts.take(&syn, place);
        facts.refuse(77);
        assert_eq!(facts.fate(), Fate::Unanswered);
        facts.refuse(1000);
        assert_eq!(facts.fate(), Fate::Refused);
    }
}
