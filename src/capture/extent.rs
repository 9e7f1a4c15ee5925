//! What one direction of a TCP connection sent, by its sequence numbers.
//!
//! Bytes lost by the capture count too, bytes sent again do not. A few numbers a segment and no memory, but for holes: of
//! those some are remembered, to see them filled. Knows nothing of what the bytes are.

use std::time::Duration;

use crate::ftp::Sent;
use crate::limits;
use crate::time::Timestamp;

/// A time within which no sender repeats itself; what comes again earlier was captured twice, or took another way.
pub(super) const SOON: Duration = Duration::from_millis(1);
/// The same for what comes late: within it, segments overtook one another.
const OVERTAKEN: Duration = Duration::from_millis(3);

/// Bytes that were sent and have not been captured yet.
#[derive(Debug, Clone, Copy)]
struct Gap {
    from: u64,
    to: u64,
    since: Option<Timestamp>,
}

/// What one direction sent.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent observations")]
pub(super) struct Extent {
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
    /// A segment of any kind was captured.
    heard: bool,
    /// The other side acknowledged bytes, captured or not.
    spoke: bool,
    counts: Sent,
    gaps: Vec<Gap>,
    /// Sequence number, length and time of the last segment with bytes.
    newest: (u32, u32, Option<Timestamp>),
    /// Since when the window is zero.
    closed: Option<Timestamp>,
}

fn time_between(now: Option<Timestamp>, before: Option<Timestamp>) -> Option<Duration> {
    Some(now?.since(before?))
}

impl Extent {
    /// A segment was captured.
    pub(super) fn hear(&mut self) {
        self.heard = true;
    }

    /// The first byte will have this number: a SYN says so. One sent again with another number counts while no byte came.
    pub(super) fn begin(&mut self, sequence: u32) {
        if self.length == 0 {
            self.base = Some(sequence);
        }
    }

    /// A segment with bytes was captured once more.
    pub(super) fn copied(&mut self) {
        self.counts.duplicates += 1;
    }

    /// The sequence number of the first byte.
    pub(super) fn first(&self) -> Option<u32> {
        self.base
    }

    /// The sequence number behind the highest byte.
    pub(super) fn end(&self) -> Option<u32> {
        // The length modulo 2^32 is what sequence numbers show.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "sequence numbers are modulo 2^32"
        )]
        self.base.map(|base| base.wrapping_add(self.length as u32))
    }

    /// A segment with bytes; true when some of them are new.
    pub(super) fn send(&mut self, sequence: u32, length: u32, at: Option<Timestamp>) -> bool {
        let end = self.end().unwrap_or_else(|| {
            self.base = Some(sequence);
            sequence
        });
        let first = sequence.wrapping_sub(end).cast_signed();
        let new = sequence
            .wrapping_add(length)
            .wrapping_sub(end)
            .cast_signed();
        if first == 0 && new > 0 {
            // In order, as most are.
            self.newest = (sequence, length, at);
            self.counts.segments += 1;
            self.length += u64::from(new.unsigned_abs());
            self.acknowledged = false;
            return true;
        }
        if first == -1 && length == 1 {
            self.counts.keep_alives += 1;
            return false;
        }
        let before = std::mem::replace(&mut self.newest, (sequence, length, at));
        self.counts.segments += 1;
        if new <= 0 {
            return self.send_again(before, first, length, at);
        }
        if first > 0 {
            self.leave_gap(u64::from(first.unsigned_abs()), at);
        } else if first < 0 {
            let old = u64::from(first.unsigned_abs());
            let filled = self.fill(self.length.saturating_sub(old), self.length);
            self.counts.resent_bytes += old.saturating_sub(filled);
        }
        self.length += u64::from(new.unsigned_abs());
        self.acknowledged = false;
        true
    }

    /// Nothing in the segment is beyond what was seen; `first` is where it begins, from the end on.
    fn send_again(
        &mut self,
        before: (u32, u32, Option<Timestamp>),
        first: i32,
        length: u32,
        at: Option<Timestamp>,
    ) -> bool {
        let (sequence, same_length, last) = before;
        let soon = time_between(at, last).is_some_and(|time| time < SOON);
        if soon && (sequence, same_length) == (self.newest.0, length) {
            self.counts.duplicates += 1;
            return false;
        }
        let back = u64::from(first.unsigned_abs());
        let from = self.length.saturating_sub(back);
        let to = from.saturating_add(u64::from(length)).min(self.length);
        let late = self.is_late(from, to, at);
        let filled = self.fill(from, to);
        if filled == 0 && !self.acknowledged {
            self.repeated = self.repeated.saturating_add(1);
        }
        if filled == 0 || late {
            self.counts.resent_segments += 1;
            self.counts.resent_bytes += u64::from(length);
        }
        filled > 0
    }

    /// Bytes were not captured; the oldest gap of too many is given up.
    fn leave_gap(&mut self, length: u64, at: Option<Timestamp>) {
        if self.gaps.len() >= limits::GAPS {
            self.gaps.remove(0);
        }
        self.gaps.push(Gap {
            from: self.length,
            to: self.length + length,
            since: at,
        });
        self.counts.missing += length;
    }

    /// True when these bytes fill a gap so late that they were sent a second time.
    fn is_late(&self, from: u64, to: u64, at: Option<Timestamp>) -> bool {
        let gap = self.gaps.iter().find(|g| g.from < to && from < g.to);
        gap.and_then(|gap| time_between(at, gap.since))
            .is_some_and(|time| time > OVERTAKEN)
    }

    /// Bytes came that may fill gaps; gives the number of those that did.
    fn fill(&mut self, from: u64, to: u64) -> u64 {
        if self.gaps.is_empty() {
            return 0;
        }
        let mut filled = 0;
        let mut left = Vec::with_capacity(self.gaps.len());
        for gap in &self.gaps {
            let (low, high) = (gap.from.max(from), gap.to.min(to));
            if low >= high {
                left.push(*gap);
                continue;
            }
            filled += high - low;
            for (from, to) in [(gap.from, low), (high, gap.to)] {
                if from < to && left.len() < limits::GAPS {
                    left.push(Gap { from, to, ..*gap });
                }
            }
        }
        self.gaps = left;
        self.counts.missing = self.counts.missing.saturating_sub(filled);
        filled
    }

    /// A segment without bytes that asks whether the other side is there.
    pub(super) fn probe(&mut self, sequence: u32) {
        if self.end() == Some(sequence.wrapping_add(1)) && self.length > 0 {
            self.counts.keep_alives += 1;
        }
    }

    /// The window that this side offers.
    pub(super) fn offer(&mut self, window: u16, at: Option<Timestamp>) {
        if window == 0 {
            if self.closed.is_none() {
                self.counts.zero_windows += 1;
                self.closed = at;
            }
        } else if self.closed.is_some() {
            self.open_window(at);
        }
    }

    #[cold]
    fn open_window(&mut self, at: Option<Timestamp>) {
        let time = time_between(at, self.closed.take()).unwrap_or_default();
        self.counts.zero_window_longest = self.counts.zero_window_longest.max(time);
    }

    /// The sender is done; its FIN takes one number of the sequence.
    pub(super) fn finish(&mut self, sequence: u32) {
        let end = sequence.wrapping_add(1);
        if self.fin == Some(end) && !self.is_acknowledged() {
            self.repeated = self.repeated.saturating_add(1);
        }
        self.fin.get_or_insert(end);
    }

    pub(super) fn acknowledge(&mut self, acknowledgment: u32) {
        let covers = |end: u32| acknowledgment.wrapping_sub(end).cast_signed() >= 0;
        let end = self.end();
        self.acknowledged |= end.is_some_and(covers);
        self.spoke |= end.is_none_or(|end| acknowledgment.wrapping_sub(end).cast_signed() > 1);
        self.fin_acknowledged |= self.fin.is_some_and(covers);
        if self.is_acknowledged() {
            self.repeated = 0;
        }
    }

    /// True when the other side acknowledged more than was captured.
    pub(super) fn spoke_unheard(&self) -> bool {
        self.spoke && !self.heard
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        self.acknowledged && (self.fin.is_none() || self.fin_acknowledged)
    }

    /// Segments sent again and never acknowledged.
    pub(super) fn repeated(&self) -> u32 {
        self.repeated
    }

    /// True when a FIN was seen and every byte before it.
    pub(super) fn is_whole(&self) -> bool {
        let fin = self.fin.map(|fin| fin.wrapping_sub(1));
        fin.is_some() && self.gaps.is_empty() && (self.base.is_none() || self.end() == fin)
    }

    /// The counts, up to now.
    pub(super) fn sent(&self, now: Option<Timestamp>) -> Sent {
        let open = time_between(now, self.closed).unwrap_or_default();
        Sent {
            bytes: self.length,
            unacknowledged: self.repeated,
            zero_window_longest: self.counts.zero_window_longest.max(open),
            zero_window_at_end: self.closed.is_some(),
            ..self.counts
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "as captures give it")]
    fn at(millis: i64) -> Option<Timestamp> {
        Some(Timestamp::from_nanos(millis * 1_000_000))
    }

    /// What is counted of segments: sequence number, length, milliseconds.
    fn counts(segments: &[(u32, u32, i64)]) -> Sent {
        let mut extent = Extent::default();
        for (sequence, length, millis) in segments {
            extent.send(*sequence, *length, at(*millis));
        }
        extent.sent(at(0))
    }

    #[test]
    fn bytes_count_once_across_the_wrap() {
        let start = u32::MAX - 5;
        let sent = counts(&[
            (start, 10, 0),
            (start.wrapping_add(10), 10, 5),
            (start, 10, 300),
        ]);
        assert_eq!((sent.bytes, sent.segments), (20, 3));
        assert_eq!((sent.resent_segments, sent.resent_bytes), (1, 10));
        assert_eq!((sent.missing, sent.duplicates), (0, 0));
    }

    #[test]
    fn a_copy_at_once_is_the_captures_and_not_the_senders() {
        let sent = counts(&[(7, 10, 0), (7, 10, 0), (17, 10, 4), (17, 10, 300)]);
        assert_eq!((sent.duplicates, sent.resent_segments), (1, 1));
        assert_eq!(sent.bytes, 20);
    }

    #[test]
    fn what_overtook_is_no_repetition_and_what_fills_late_is() {
        let soon = counts(&[(0, 10, 0), (20, 10, 1), (10, 10, 2)]);
        assert_eq!((soon.missing, soon.resent_segments, soon.bytes), (0, 0, 30));
        let late = counts(&[(0, 10, 0), (20, 10, 1), (10, 10, 200)]);
        assert_eq!((late.missing, late.resent_segments, late.bytes), (0, 1, 30));
        let never = counts(&[(0, 10, 0), (20, 10, 1)]);
        assert_eq!((never.missing, never.bytes), (10, 30));
        let partly = counts(&[(0, 10, 0), (20, 10, 1), (12, 4, 2)]);
        assert_eq!((partly.missing, partly.bytes), (6, 30));
    }

    #[test]
    fn an_overlap_counts_what_is_old_as_sent_again() {
        let sent = counts(&[(0, 10, 0), (5, 10, 250)]);
        assert_eq!((sent.bytes, sent.resent_bytes), (15, 5));
    }

    #[test]
    fn holes_without_end_take_no_memory() {
        let mut extent = Extent::default();
        for n in 0..100_000 {
            extent.send(n * 3, 2, at(i64::from(n)));
        }
        assert!(extent.gaps.len() <= limits::GAPS);
        assert_eq!(extent.sent(None).missing, 99_999);
    }

    #[test]
    fn a_keep_alive_moves_nothing() {
        let mut extent = Extent::default();
        extent.send(100, 10, at(0));
        extent.probe(109);
        extent.send(109, 1, at(60_000));
        extent.probe(110);
        let sent = extent.sent(None);
        assert_eq!((sent.bytes, sent.keep_alives, sent.segments), (10, 2, 1));
    }

    #[test]
    fn a_closed_window_is_timed() {
        let mut extent = Extent::default();
        for (window, millis) in [(8, 0), (0, 100), (0, 400), (9, 600), (0, 700)] {
            extent.offer(window, at(millis));
        }
        let sent = extent.sent(at(5700));
        assert_eq!(sent.zero_windows, 2);
        assert_eq!(sent.zero_window_longest, Duration::from_secs(5));
        assert!(sent.zero_window_at_end);
        assert_eq!(
            extent.sent(at(800)).zero_window_longest,
            Duration::from_millis(500)
        );
    }
}
