//! The facts of one TCP connection, told from its segments.
//!
//! Cheap for connections that are not FTP: a few numbers each. Direction 0 is
//! that of the opener (the first SYN's sender, else the first sender seen).

mod times;

use std::time::Duration;

use self::times::{Handshake, Progress};
use super::decode::{Flags, Segment, Unreachable};
use super::ends::Socket;
use super::extent::Extent;
use super::stream::Place;
use crate::ftp::{End, Fate, Icmp, Sent, Side, TcpRecord};
use crate::limits;
use crate::time::Timestamp;

/// What is known of a connection.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent observations")]
pub(super) struct Facts {
    /// The opener, and its peer.
    pub(super) ends: [Socket; 2],
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
    /// True when an earlier connection had the same ends.
    pub(super) reused: bool,
    fin: [bool; 2],
    /// The first FIN or RST, and the direction that sent it.
    pub(super) ended: Option<(End, usize)>,
    reset: bool,
    resets_ignored: u64,
    sent: [Extent; 2],
    syn: Option<u32>,
    handshake: Handshake,
    progress: Progress,
    icmp: Option<Icmp>,
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
            reused: false,
            fin: [false; 2],
            ended: None,
            reset: false,
            resets_ignored: 0,
            sent: [Extent::default(), Extent::default()],
            syn: None,
            handshake: Handshake::default(),
            progress: Progress::default(),
            icmp: None,
        }
    }

    /// Seconds since it was heard of.
    pub(super) fn unheard_for(&self, now: Option<Timestamp>) -> u64 {
        let quiet = now.zip(self.last).map(|(now, last)| now.since(last));
        quiet.unwrap_or_default().as_secs()
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
    pub(super) fn take(&mut self, direction: usize, segment: &Segment<'_>, place: Place) {
        self.last = place.at.or(self.last);
        let flags = segment.flags;
        let mut sequence = segment.sequence;
        if flags.syn() {
            sequence = sequence.wrapping_add(1);
            self.synchronize(segment, direction, place);
        }
        let length = u32::try_from(segment.payload.len())
            .unwrap_or(u32::MAX)
            .saturating_add(segment.missing);
        if length > 0 || self.mid_stream && flags.ack() {
            self.open(place);
        }
        let [first, second] = &mut self.sent;
        let (sent, received) = if direction == 0 {
            (first, second)
        } else {
            (second, first)
        };
        sent.hear();
        if length > 0 {
            if sent.send(sequence, length, place.at) {
                self.progress.go_on(place.at);
            }
        } else if !flags.begins_or_ends() {
            sent.probe(sequence);
        }
        if !flags.syn() && !flags.rst() {
            sent.offer(segment.window, place.at);
        }
        if flags.ack() {
            received.acknowledge(segment.acknowledgment);
            if !self.handshake.taken_up && direction == 0 && !flags.rst() {
                self.handshake.take_up(place.at);
            }
        }
        if flags.begins_or_ends() {
            self.end_by(direction, flags, (sequence, length), place);
        }
    }

    /// Takes the FIN or RST of a segment that begins at a number and has so many bytes.
    fn end_by(
        &mut self,
        direction: usize,
        flags: Flags,
        (sequence, length): (u32, u32),
        place: Place,
    ) {
        if flags.fin()
            && let Some(fin) = self.fin.get_mut(direction)
        {
            *fin = true;
            if let Some(sent) = self.sent.get_mut(direction) {
                sent.finish(sequence.wrapping_add(length));
            }
            self.end(End::Fin, direction, place);
        }
        if flags.rst() {
            self.reset(direction, sequence, place);
        }
    }

    /// A SYN, be it the first, a repetition, or the answer.
    fn synchronize(&mut self, segment: &Segment<'_>, direction: usize, place: Place) {
        if segment.flags.ack() {
            self.answer(place.at);
            self.open(place);
        } else if !self.is_captured_twice(segment, place) {
            if self.attempts > 0
                && self.opened.is_none()
                && self.handshake.retries.len() < limits::SYN_TIMES
                && let (Some(now), Some(first)) = (place.at, self.first.at)
            {
                self.handshake.retries.push(now.since(first));
            }
            self.attempts = self.attempts.saturating_add(1);
            if self.opened.is_none() {
                // Another attempt after a refusal.
                (self.ended, self.reset, self.refused) = (None, false, false);
                self.handshake.asked = place.at;
                self.handshake.answered_after = None;
            }
            self.syn = Some(segment.sequence);
        }
        if let Some(sent) = self.sent.get_mut(direction) {
            sent.begin(segment.sequence.wrapping_add(1));
        }
    }

    /// The SYN just seen, again, sooner than anybody would send it.
    fn is_captured_twice(&self, segment: &Segment<'_>, place: Place) -> bool {
        let since = place.at.zip(self.handshake.asked);
        self.syn == Some(segment.sequence)
            && since.is_some_and(|(now, asked)| now.since(asked) < super::extent::SOON)
    }

    fn open(&mut self, place: Place) {
        if self.opened.is_none() {
            self.opened = Some(place);
            self.progress.since = place.at;
        }
    }

    /// The SYN was answered.
    fn answer(&mut self, now: Option<Timestamp>) {
        if self.handshake.answered_after.is_none() {
            let asked = self.handshake.asked;
            self.handshake.answered_after = now.zip(asked).map(|(now, asked)| now.since(asked));
        }
    }

    /// The first FIN or RST counts.
    fn end(&mut self, end: End, direction: usize, place: Place) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some((end, direction));
        let quiet = self.quiet(place.at);
        let nanos = u64::try_from(quiet.as_nanos()).unwrap_or(u64::MAX);
        self.progress.silence = self.progress.silence.max(nanos);
        self.progress.before_end = Some(quiet);
    }

    /// How long no new byte has come.
    fn quiet(&self, now: Option<Timestamp>) -> Duration {
        let times = now.zip(self.progress.since);
        times
            .map(|(now, since)| now.since(since))
            .unwrap_or_default()
    }

    /// A RST counts only near what its sender sent (RFC 9293 section 3.10.7.4): middleboxes and attackers make them up.
    fn reset(&mut self, direction: usize, sequence: u32, place: Place) {
        let end = self.sent.get(direction).and_then(Extent::end);
        let distance = end.map_or(0, |end| sequence.wrapping_sub(end).cast_signed());
        if self.opened.is_some() && !(-65_536..=1 << 20).contains(&distance) {
            self.resets_ignored += 1;
            return;
        }
        self.reset = true;
        if self.opened.is_none() && direction == 1 {
            self.refused = true;
            self.answer(place.at);
        }
        self.end(End::Reset, direction, place);
    }

    /// Takes a segment that the same capture holds once more.
    pub(super) fn take_copy(&mut self, direction: usize, segment: &Segment<'_>) {
        if let Some(sent) = self.sent.get_mut(direction)
            && !segment.payload.is_empty()
        {
            sent.copied();
        }
    }

    /// The sequence number of the opener's SYN, if it was seen.
    pub(super) fn opening(&self) -> Option<u32> {
        self.syn
    }

    /// The numbers of the first bytes of the client and of the server, which is that direction.
    pub(super) fn first_sequences(&self, server: usize) -> Option<(u32, u32)> {
        let base = |direction: usize| self.sent.get(direction).and_then(Extent::first);
        Some((base(1 - server)?, base(server)?))
    }

    /// True when a segment's numbers are near those that were sent and acknowledged so far.
    pub(super) fn goes_on_with(&self, segment: &Segment<'_>) -> bool {
        let direction = self.direction(segment);
        let near = |direction: usize, number: u32| {
            let end = self.sent.get(direction).and_then(Extent::end);
            let distance = end.map_or(0, |end| number.wrapping_sub(end).cast_signed());
            (-limits::SEQUENCE_REACH..=limits::SEQUENCE_REACH).contains(&distance)
        };
        near(direction, segment.sequence)
            && (!segment.flags.ack() || near(1 - direction, segment.acknowledgment))
    }

    /// An ICMP error tells that a segment did not arrive, and quotes its number. One that quotes anything but the SYN ends
    /// no attempt to connect: it is made up (RFC 5927 section 4.1), or about one segment of many.
    pub(super) fn refuse(&mut self, quoted: &Unreachable, place: Place) {
        let direction = usize::from(quoted.source != self.ends[0]);
        let about_syn = self.opened.is_none() && self.syn.is_none_or(|syn| syn == quoted.sequence);
        let end = self.sent.get(direction).and_then(Extent::end);
        let near = end.is_some_and(|end| {
            quoted
                .sequence
                .wrapping_sub(end)
                .cast_signed()
                .unsigned_abs()
                <= 1 << 20
        });
        if !about_syn && !near {
            return;
        }
        self.icmp.get_or_insert(Icmp {
            why: quoted.why.id(),
            origin: place.origin,
        });
        if about_syn && quoted.why.refuses() {
            self.refused = true;
            self.answer(place.at);
        }
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

    /// True when nothing more can come and nothing before is still to be captured.
    pub(super) fn is_whole(&self) -> bool {
        self.reset || self.sent.iter().all(Extent::is_whole)
    }

    /// True when no byte was sent.
    pub(super) fn is_empty(&self) -> bool {
        self.progress.first.is_none()
    }

    /// A direction whose bytes were sent again and never acknowledged, and how often.
    pub(super) fn unacknowledged(&self) -> Option<(usize, u32)> {
        let lost = |(_, sent): &(usize, &Extent)| !sent.is_acknowledged() && sent.repeated() >= 3;
        self.sent
            .iter()
            .enumerate()
            .find(lost)
            .map(|(direction, sent)| (direction, sent.repeated()))
    }

    /// How TCP fared, up to now; `opener` is the side that opened it.
    pub(super) fn record(&self, opener: Side, now: Option<Timestamp>) -> TcpRecord {
        let now = now.max(self.last);
        let quiet = match self.progress.before_end {
            Some(quiet) => quiet,
            None if self.opened.is_some() => self.quiet(now),
            None => Duration::ZERO,
        };
        let [first, second]: [Sent; 2] = [self.sent[0].sent(now), self.sent[1].sent(now)];
        let (by_client, by_server) = match opener {
            Side::Client => (first, second),
            Side::Server => (second, first),
        };
        let only = match (self.sent[1].spoke_unheard(), self.sent[0].spoke_unheard()) {
            (true, _) => Some(opener),
            (_, true) => Some(opener.other()),
            _ => None,
        };
        TcpRecord {
            answered_after: self.handshake.answered_after,
            handshake: self.handshake.completed_after,
            retries: self.handshake.retries.clone(),
            first_byte: self.progress.first,
            last_byte: self.progress.last,
            silence: Duration::from_nanos(self.progress.silence).max(quiet),
            silence_at_end: quiet,
            by_client,
            by_server,
            resets_ignored: self.resets_ignored,
            icmp: self.icmp,
            mid_stream: self.mid_stream,
            half_open: self.handshake.answered_after.is_some()
                && self.fate() == Fate::Opened
                && !self.handshake.taken_up,
            only,
            reused: self.reused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::decode::Obstacle;
    use crate::diagnostic::Origin;

    const FIN: u8 = 0x01;
    const SYN: u8 = 0x02;
    const RST: u8 = 0x04;
    const ACK: u8 = 0x10;

    fn place(millis: i64) -> Place {
        Place {
            at: Some(Timestamp::from_nanos(millis * 1_000_000)),
            origin: Origin::default(),
        }
    }

    /// Direction, flags, sequence number, acknowledgment, bytes, milliseconds.
    type Row = (usize, u8, u32, u32, &'static [u8], i64);

    fn segment(row: Row) -> Segment<'static> {
        let ends = ["192.0.2.2:40000", "192.0.2.1:50000"].map(|end| end.parse().unwrap());
        let (direction, flags, sequence, acknowledgment, payload, _) = row;
        Segment {
            source: ends[direction],
            destination: ends[1 - direction],
            sequence,
            acknowledgment,
            flags: Flags(flags),
            id: 0,
            window: 8192,
            payload,
            missing: 0,
        }
    }

    fn facts(rows: &[Row]) -> Facts {
        let mut facts = Facts::new(&segment(rows[0]), place(rows[0].5));
        for row in rows {
            facts.take(row.0, &segment(*row), place(row.5));
        }
        facts
    }

    fn record(rows: &[Row]) -> TcpRecord {
        facts(rows).record(Side::Client, None)
    }

    fn quoting(sequence: u32) -> Unreachable {
        let syn = segment((0, SYN, sequence, 0, b"", 0));
        Unreachable {
            why: Obstacle::Prohibited,
            source: syn.source,
            destination: syn.destination,
            sequence,
        }
    }

    #[test]
    fn only_an_icmp_error_about_the_syn_refuses() {
        let mut facts = facts(&[(0, SYN, 1000, 0, b"", 0)]);
        facts.refuse(&quoting(77_000_000), place(3));
        assert_eq!((facts.fate(), facts.icmp), (Fate::Unanswered, None));
        facts.refuse(&quoting(1000), place(4));
        assert_eq!(facts.fate(), Fate::Refused);
        let record = facts.record(Side::Client, None);
        assert_eq!(record.icmp.unwrap().why, "prohibited");
        assert_eq!(record.answered_after, Some(Duration::from_millis(4)));
    }

    #[test]
    fn the_handshake_is_timed_from_the_syn_that_was_answered() {
        let told = record(&[
            (0, SYN, 100, 0, b"", 0),
            (0, SYN, 100, 0, b"", 1000),
            (1, SYN | ACK, 700, 101, b"", 1030),
            (0, ACK, 101, 701, b"", 1032),
            (1, ACK, 701, 101, b"220 hi", 1500),
        ]);
        assert_eq!(told.retries, [Duration::from_secs(1)]);
        assert_eq!(told.answered_after, Some(Duration::from_millis(30)));
        assert_eq!(told.handshake, Some(Duration::from_millis(32)));
        assert_eq!(told.silence, Duration::from_millis(470));
        assert_eq!(told.by_server.bytes, 6);
        assert!(!told.half_open && !told.mid_stream && told.only.is_none());
    }

    #[test]
    fn a_syn_that_was_captured_twice_is_one_attempt() {
        let syn = |millis| (0, SYN, 100, 0, &b""[..], millis);
        assert_eq!(facts(&[syn(0), syn(0), syn(1000)]).attempts, 2);
    }

    #[test]
    fn a_refusal_is_timed() {
        let told = record(&[(0, SYN, 1, 0, b"", 0), (1, RST | ACK, 0, 2, b"", 25)]);
        assert_eq!(told.answered_after, Some(Duration::from_millis(25)));
        assert_eq!(told.handshake, None);
    }

    #[test]
    fn an_answer_that_nobody_takes_up_is_half_open() {
        assert!(record(&[(0, SYN, 1, 0, b"", 0), (1, SYN | ACK, 9, 2, b"", 1)]).half_open);
    }

    #[test]
    fn a_syn_with_another_number_begins_anew() {
        let told = record(&[
            (0, SYN, 100, 0, b"", 0),
            (0, SYN, 5_000_000, 0, b"", 1000),
            (1, SYN | ACK, 700, 5_000_001, b"", 1001),
            (0, ACK, 5_000_001, 701, b"USER", 1002),
        ]);
        assert_eq!((told.by_client.bytes, told.by_client.missing), (4, 0));
    }

    #[test]
    fn resets_out_of_reach_are_counted_and_end_nothing() {
        let open = [
            (0, SYN, 100, 0, &b""[..], 0),
            (1, SYN | ACK, 700, 101, b"", 1),
            (0, ACK, 101, 701, b"", 2),
        ];
        let mut rows = open.to_vec();
        rows.push((1, RST, 900_000_000, 0, b"", 3));
        let told = facts(&rows);
        assert_eq!((told.ended, told.resets_ignored), (None, 1));
        rows.push((1, RST, 701, 0, b"", 4));
        assert_eq!(facts(&rows).ended, Some((End::Reset, 1)));
    }

    #[test]
    fn one_side_alone_is_told() {
        let told = record(&[
            (0, ACK, 100, 700, b"USER a", 0),
            (0, ACK, 106, 750, b"PASS", 9),
        ]);
        assert_eq!(told.only, Some(Side::Client));
        assert!(told.mid_stream);
    }

    #[test]
    fn silence_is_told_up_to_now_and_at_the_end() {
        let rows = [
            (0, SYN, 100, 0, &b""[..], 0),
            (1, SYN | ACK, 700, 101, b"", 1),
            (1, ACK, 701, 101, b"x", 11),
            (1, ACK, 701, 101, b"x", 500),
        ];
        let now = place(60_011).at;
        let told = facts(&rows).record(Side::Client, now);
        assert_eq!(told.silence_at_end, Duration::from_secs(60));
        let mut ended = rows.to_vec();
        ended.push((1, FIN | ACK, 702, 101, b"", 3011));
        let told = facts(&ended).record(Side::Client, now);
        assert_eq!(
            (told.silence, told.silence_at_end),
            (Duration::from_secs(3), Duration::from_secs(3))
        );
    }

    #[test]
    fn both_fins_are_not_the_end_while_bytes_lack() {
        let mut rows = vec![
            (0, SYN, 100, 0, &b""[..], 0),
            (1, SYN | ACK, 700, 101, b"", 1),
            (1, FIN | ACK, 705, 101, b"", 3),
            (0, FIN | ACK, 101, 706, b"", 4),
        ];
        let told = facts(&rows);
        assert!(told.is_over() && !told.is_whole());
        rows.push((1, ACK, 701, 101, b"late", 5));
        assert!(facts(&rows).is_whole());
    }
}
