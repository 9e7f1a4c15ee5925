//! Segments of one connection become bytes in order, both directions in step.
//!
//! When bytes are missing, everything of the connection waits in the order it
//! was captured, until the bytes come (a retransmission may be captured after
//! the answer to it) or are given up as lost: then a hole is told, never glued
//! over. Of bytes that were sent twice the first count, also where the second
//! ones are others; then a conflict is told. Time is the capture's. Knows
//! sequence numbers, not what the bytes mean.

use super::waiting::Queue;
use crate::diagnostic::Origin;
use crate::limits;
use crate::time::Timestamp;

/// When and where a segment was captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) at: Option<Timestamp>,
    pub(super) origin: Origin,
}

/// What a stream hands over.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Delivery<'b> {
    /// The next bytes.
    Bytes(&'b [u8]),
    /// This many bytes were sent and are not in the capture.
    Hole(u64),
    /// Bytes that are sent already were sent again, but others.
    Conflict,
    /// The sender is done.
    Fin,
}

impl<'b> Delivery<'b> {
    /// The bytes, if it is some.
    pub(super) fn bytes(&self) -> &'b [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Hole(_) | Self::Fin | Self::Conflict => &[],
        }
    }
}

/// The part of a segment that counts here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'b> {
    pub(super) sequence: u32,
    pub(super) bytes: &'b [u8],
    /// Bytes after `bytes` that were on the wire but were not captured.
    pub(super) missing: u32,
    pub(super) fin: bool,
    pub(super) place: Place,
}

impl Piece<'_> {
    pub(super) fn length(&self) -> u32 {
        let captured = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        captured.saturating_add(self.missing)
    }
}

/// The bytes of a direction that were handed over last: what they are compared with when they come again. Twice as many as
/// are compared at most, so that they move up seldom.
#[derive(Debug, Default)]
struct Tail(Vec<u8>);

impl Tail {
    fn keep(&mut self, bytes: &[u8]) {
        const ROOM: usize = limits::COMPARED_BYTES;
        let bytes = bytes
            .get(bytes.len().saturating_sub(ROOM)..)
            .unwrap_or(bytes);
        if self.0.capacity() == 0 {
            self.0.reserve_exact(ROOM);
        }
        if self.0.len() + bytes.len() > 2 * ROOM {
            self.0.drain(..self.0.len().saturating_sub(ROOM));
        }
        self.0.extend_from_slice(bytes);
    }

    /// True when `again`, which begins `back` bytes before the next byte, is not what was kept.
    fn differs(&self, back: usize, again: &[u8]) -> bool {
        let first = self.0.len().saturating_sub(limits::COMPARED_BYTES);
        let kept = self.0.get(first..).unwrap_or_default();
        let unknown = back.saturating_sub(kept.len());
        let again = again.get(..back.min(again.len())).unwrap_or(again);
        let again = again.get(unknown..).unwrap_or_default();
        let kept = kept
            .get(kept.len().saturating_sub(back)..)
            .unwrap_or_default();
        kept.get(..again.len()) != Some(again)
    }
}

/// One direction.
#[derive(Debug, Default, Clone, Copy)]
struct Half {
    /// The sequence number of the next byte.
    next: Option<u32>,
    /// Bytes before that one.
    offset: i64,
    /// The highest acknowledgment that the other side sent.
    acknowledged: Option<u32>,
    finished: bool,
    /// Bytes or a FIN were handed over.
    started: bool,
    /// Bytes were.
    spoke: bool,
}

/// Both directions of a connection; direction 0 and 1 are the caller's.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    halves: [Half; 2],
    tails: [Tail; 2],
    waiting: Queue,
    /// The direction that misses bytes, and since when.
    hole: Option<(usize, Option<Timestamp>)>,
}

/// Receives what is in order.
pub(super) type Deliver<'d> = &'d mut dyn FnMut(usize, Place, Delivery<'_>);

/// Where a piece stands against the next byte.
#[derive(Clone, Copy)]
enum Standing {
    Old,
    /// Its bytes from this index on are the next ones.
    Next(usize),
    Ahead,
    /// No honest sender is that far ahead.
    Wild,
}

impl Reassembly {
    /// The first byte of a direction will have this number (from its SYN).
    pub(super) fn begin(&mut self, direction: usize, sequence: u32) {
        if let Some(half) = self.halves.get_mut(direction) {
            half.next = Some(sequence);
        }
    }

    /// True when the number of the next byte is known.
    pub(super) fn has_begun(&self, direction: usize) -> bool {
        self.halves.get(direction).is_some_and(|h| h.next.is_some())
    }

    /// True when the direction sent something, be it that only the acknowledgment of it was captured.
    pub(super) fn was_spoken(&self, direction: usize) -> bool {
        self.halves.get(direction).is_some_and(|half| {
            // More than the one number that a FIN takes.
            let acknowledged = half.next.zip(half.acknowledged);
            half.spoke || acknowledged.is_some_and(|(next, ack)| ahead(ack, next) > 1)
        })
    }

    /// The first byte of a direction will have this number, unless bytes of it were taken already: a SYN sent again or made
    /// up changes nothing then.
    pub(super) fn begin_if_fresh(&mut self, direction: usize, sequence: u32) {
        let fresh = self.halves.get(direction).is_some_and(|h| !h.started);
        if fresh && self.hole.is_none() {
            self.begin(direction, sequence);
        }
    }

    /// True while bytes are missing and waited for.
    pub(super) fn is_waiting(&self) -> bool {
        self.hole.is_some()
    }

    /// The other side acknowledged a direction's bytes up to here.
    pub(super) fn acknowledge(&mut self, direction: usize, acknowledgment: u32) {
        if let Some(half) = self.halves.get_mut(direction) {
            let newer = half
                .acknowledged
                .is_none_or(|known| ahead(acknowledgment, known) > 0);
            if newer {
                half.acknowledged = Some(acknowledgment);
            }
        }
    }

    /// Takes the next piece of a direction.
    pub(super) fn push(&mut self, direction: usize, piece: Piece<'_>, deliver: Deliver<'_>) {
        if self.is_next(direction, &piece) {
            return self.hand_over(direction, piece, 0, deliver);
        }
        let standing = self.standing(direction, &piece);
        if matches!(standing, Standing::Wild) {
            return;
        }
        self.compare(direction, &piece, deliver);
        let offset = self.offset(direction, &piece);
        let before = self.waiting.as_sent_before(direction, offset, &piece);
        if before.is_some() {
            deliver(direction, piece.place, Delivery::Conflict);
        }
        let piece = Piece {
            bytes: before.as_deref().unwrap_or(piece.bytes),
            ..piece
        };
        match (standing, self.hole) {
            (Standing::Old | Standing::Wild, _) => {}
            (Standing::Next(from), None) => self.hand_over(direction, piece, from, deliver),
            (Standing::Next(from), Some((lacking, _))) if lacking == direction => {
                self.hand_over(direction, piece, from, deliver);
                self.replay(deliver);
            }
            (Standing::Next(_) | Standing::Ahead, Some(_)) => self.wait(direction, piece, deliver),
            (Standing::Ahead, None) => {
                self.hole = Some((direction, piece.place.at));
                self.wait(direction, piece, deliver);
            }
        }
    }

    /// True where a piece is just what comes next, as most are: nothing is missing, and nothing of it was heard before.
    fn is_next(&self, direction: usize, piece: &Piece<'_>) -> bool {
        self.hole.is_none()
            && piece.length() > 0
            && self.halves.get(direction).is_some_and(|half| {
                half.next == Some(piece.sequence)
                    && !half.finished
                    && !self.waiting.reaches(direction, half.offset)
            })
    }

    /// Tells when a piece repeats bytes that were handed over, but not the same. One byte below the window is a keep-alive
    /// (RFC 9293 section 3.8.4): what it holds means nothing.
    fn compare(&self, direction: usize, piece: &Piece<'_>, deliver: Deliver<'_>) {
        let next = self.halves.get(direction).and_then(|h| h.next);
        let back = next.map_or(0, |next| ahead(next, piece.sequence));
        let Some(back) = usize::try_from(back).ok().filter(|back| *back > 0) else {
            return;
        };
        let keep_alive = back == 1 && piece.bytes.len() == 1;
        let tail = self.tails.get(direction);
        if !keep_alive && tail.is_some_and(|t| t.differs(back, piece.bytes)) {
            deliver(direction, piece.place, Delivery::Conflict);
        }
    }

    /// Bytes of its direction before a piece.
    fn offset(&self, direction: usize, piece: &Piece<'_>) -> i64 {
        let half = self.halves.get(direction).copied().unwrap_or_default();
        let distance = half.next.map_or(0, |next| ahead(piece.sequence, next));
        half.offset + i64::from(distance)
    }

    /// Time went on: gives up what has been waited for too long.
    pub(super) fn age(&mut self, now: Option<Timestamp>, deliver: Deliver<'_>) {
        while self.is_overdue(now) {
            self.give_up(deliver);
        }
    }

    /// The connection is over: what is still missing is lost.
    pub(super) fn finish(&mut self, deliver: Deliver<'_>) {
        while self.hole.is_some() {
            self.give_up(deliver);
        }
    }

    fn is_overdue(&self, now: Option<Timestamp>) -> bool {
        let Some((direction, since)) = self.hole else {
            return false;
        };
        let waited = now
            .zip(since)
            .map(|(now, since)| now.since(since).as_secs())
            .unwrap_or_default();
        let half = self.halves.get(direction).copied().unwrap_or_default();
        let received = half
            .next
            .zip(half.acknowledged)
            .is_some_and(|(next, ack)| ahead(ack, next) > 0);
        let patience = if received {
            limits::HOLE_SECONDS
        } else {
            limits::HOLE_UNACKNOWLEDGED_SECONDS
        };
        waited > patience
            || self.waiting.bytes() > limits::OUT_OF_ORDER_BYTES
            || self.waiting.len() > limits::OUT_OF_ORDER_SEGMENTS
    }

    fn standing(&self, direction: usize, piece: &Piece<'_>) -> Standing {
        let half = self.halves.get(direction).copied().unwrap_or_default();
        let Some(next) = half.next else {
            return Standing::Next(0);
        };
        let distance = ahead(piece.sequence, next);
        let end = ahead(piece.sequence.wrapping_add(piece.length()), next);
        if half.finished || !(-limits::SEQUENCE_REACH..=limits::SEQUENCE_REACH).contains(&distance)
        {
            return Standing::Wild;
        }
        match distance {
            1.. => Standing::Ahead,
            _ if end > 0 || (end == 0 && piece.fin) => {
                Standing::Next(usize::try_from(-i64::from(distance)).unwrap_or(0))
            }
            _ => Standing::Old,
        }
    }

    fn hand_over(&mut self, direction: usize, piece: Piece<'_>, from: usize, deliver: Deliver<'_>) {
        let captured = piece.bytes.get(from..).unwrap_or_default();
        let beyond = from.saturating_sub(piece.bytes.len());
        let missing = piece
            .missing
            .saturating_sub(u32::try_from(beyond).unwrap_or(u32::MAX));
        if !captured.is_empty() {
            deliver(direction, piece.place, Delivery::Bytes(captured));
            if let Some(tail) = self.tails.get_mut(direction) {
                tail.keep(captured);
            }
        }
        if missing > 0 {
            deliver(direction, piece.place, Delivery::Hole(u64::from(missing)));
            self.forget(direction);
        }
        let end = self.offset(direction, &piece) + i64::from(piece.length());
        if let Some(half) = self.halves.get_mut(direction) {
            half.next = Some(piece.sequence.wrapping_add(piece.length()));
            half.offset = end;
            half.finished |= piece.fin;
            half.started = true;
            half.spoke |= !captured.is_empty() || missing > 0;
        }
        if piece.fin {
            deliver(direction, piece.place, Delivery::Fin);
        }
    }

    fn wait(&mut self, direction: usize, piece: Piece<'_>, deliver: Deliver<'_>) {
        if !self.has_begun(direction) {
            self.begin(direction, piece.sequence);
        }
        let offset = self.offset(direction, &piece);
        self.waiting.push(direction, offset, piece);
        self.age(piece.place.at, deliver);
    }

    /// The hole is closed: what waited goes on in the order it was captured, up to the next hole that nothing waiting
    /// closes.
    fn replay(&mut self, deliver: Deliver<'_>) {
        self.hole = None;
        loop {
            let turn = match self.hole {
                None => self.waiting.oldest(),
                Some((lacking, _)) => self.waiting.lowest(lacking),
            };
            let Some((ticket, waiting)) = turn else {
                return;
            };
            let standing = self.standing(waiting.direction, &waiting.piece());
            match (standing, self.hole) {
                (Standing::Ahead, None) => {
                    self.hole = Some((waiting.direction, waiting.place.at));
                    continue;
                }
                (Standing::Ahead, Some(_)) => return,
                _ => {}
            }
            let Some(waiting) = self.waiting.remove(ticket) else {
                return;
            };
            if let Standing::Next(from) = standing {
                self.hand_over(waiting.direction, waiting.piece(), from, deliver);
                self.hole = None;
            }
        }
    }

    /// What comes next does not follow on what was kept.
    fn forget(&mut self, direction: usize) {
        if let Some(tail) = self.tails.get_mut(direction) {
            tail.0.clear();
        }
    }

    /// The missing bytes are lost: goes on behind them.
    fn give_up(&mut self, deliver: Deliver<'_>) {
        let Some((direction, _)) = self.hole else {
            return;
        };
        let Some((_, nearest)) = self.waiting.lowest(direction) else {
            return self.replay(deliver);
        };
        let (offset, place) = (nearest.offset, nearest.place);
        let sequence = nearest.piece().sequence;
        let before = self.halves.get(direction).map_or(0, |half| half.offset);
        let lost = u64::try_from(offset - before).unwrap_or(0);
        deliver(direction, place, Delivery::Hole(lost));
        self.forget(direction);
        self.begin(direction, sequence);
        if let Some(half) = self.halves.get_mut(direction) {
            half.offset = offset;
        }
        self.replay(deliver);
    }
}

/// How far `a` is ahead of `b`; sequence numbers wrap (RFC 9293 section 3.4).
fn ahead(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces of direction 0 starting at `first`: (offset, bytes); `None` bytes is a FIN.
    fn deliver_all(first: u32, pieces: &[(u32, &str)]) -> Vec<String> {
        let mut reassembly = Reassembly::default();
        reassembly.begin(0, first);
        let mut got = Vec::new();
        let mut deliver = |_: usize, _: Place, delivery: Delivery<'_>| {
            got.push(match delivery {
                Delivery::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                Delivery::Hole(bytes) => format!("<{bytes} lost>"),
                Delivery::Conflict => "<conflict>".to_owned(),
                Delivery::Fin => "<fin>".to_owned(),
            });
        };
        for (offset, text) in pieces {
            let fin = *text == "FIN";
            let bytes = if fin { &[][..] } else { text.as_bytes() };
            let place = Place {
                at: None,
                origin: Origin::default(),
            };
            let sequence = first.wrapping_add(*offset);
            reassembly.push(
                0,
                Piece {
                    sequence,
                    bytes,
                    missing: 0,
                    fin,
                    place,
                },
                &mut deliver,
            );
        }
        reassembly.finish(&mut deliver);
        got
    }

    #[test]
    fn out_of_order_and_wrapped() {
        assert_eq!(
            deliver_all(u32::MAX - 1, &[(3, "def"), (0, "abc"), (6, "FIN")]),
            ["abc", "def", "<fin>"]
        );
    }

    #[test]
    fn repeated_and_overlapping_bytes_count_once() {
        assert_eq!(
            deliver_all(
                7,
                &[(0, "abc"), (0, "abc"), (1, "bcd"), (3, "d"), (3, "de")]
            ),
            ["abc", "d", "e"]
        );
    }

    #[test]
    fn of_bytes_sent_twice_the_first_count_and_others_are_told() {
        assert_eq!(
            deliver_all(7, &[(0, "abc"), (1, "XXd"), (0, "abcd")]),
            ["abc", "<conflict>", "d"]
        );
        // Before they are handed over, too: who was captured first counts, not who fits first.
        assert_eq!(
            deliver_all(7, &[(4, "ef"), (2, "cdEF"), (0, "abc"), (6, "g")]),
            ["<conflict>", "abc", "def", "g"]
        );
        assert_eq!(
            deliver_all(7, &[(2, "c"), (0, "abC")]),
            ["<conflict>", "abc"]
        );
        // Behind a hole nothing is known of what was sent before it.
        assert_eq!(
            deliver_all(7, &[(0, "a"), (2, "c"), (9, "FIN"), (1, "x")]),
            ["a", "x", "c", "<6 lost>", "<fin>"]
        );
    }

    #[test]
    fn long_repetitions_are_compared_as_far_as_bytes_are_kept() {
        let long = "0123456789".repeat(40);
        let mut other = long.clone();
        other.replace_range(399..400, "x");
        assert_eq!(deliver_all(7, &[(0, &long), (0, &long)]), [long.as_str()]);
        assert_eq!(
            deliver_all(7, &[(0, &long), (0, &other)]),
            [long.as_str(), "<conflict>"]
        );
        let mut tail = Tail::default();
        for part in long.as_bytes().chunks(7) {
            tail.keep(part);
        }
        for back in 1..=256 {
            let again = &long.as_bytes()[400 - back..];
            assert!(!tail.differs(back, again), "{back}");
            assert!(tail.differs(back, &vec![b'-'; back]), "{back}");
        }
    }

    #[test]
    fn a_keep_alive_is_no_byte_and_no_conflict() {
        assert_eq!(
            deliver_all(7, &[(0, "abc"), (2, "\0"), (3, "d")]),
            ["abc", "d"]
        );
    }

    /// Each segment that waited was copied again at every hole: eight thousand took most of a second.
    #[test]
    fn steady_holes_cost_no_more_than_their_segments() {
        let pieces: Vec<(u32, &str)> = (0..50_000).map(|n| (n * 3, "ab")).collect();
        let got = deliver_all(u32::MAX - 70_000, &pieces);
        assert_eq!(got.len(), 99_999);
        assert_eq!(got.iter().filter(|g| *g == "<1 lost>").count(), 49_999);
    }

    #[test]
    fn a_loss_is_told_once_and_what_follows_is_kept() {
        assert_eq!(
            deliver_all(7, &[(0, "a"), (4, "e"), (5, "f")]),
            ["a", "<3 lost>", "e", "f"]
        );
        assert_eq!(
            deliver_all(7, &[(4, "e"), (9, "FIN")]),
            ["<4 lost>", "e", "<4 lost>", "<fin>"]
        );
    }

    #[test]
    fn a_wild_sequence_number_is_ignored() {
        assert_eq!(
            deliver_all(7, &[(0, "a"), (1 << 30, "x"), (1, "b")]),
            ["a", "b"]
        );
    }
}
