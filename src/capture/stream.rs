//! Segments of one connection become bytes in order, both directions in step.
//!
//! When bytes are missing, everything of the connection waits in the order it
//! was captured, until the bytes come (a retransmission may be captured after
//! the answer to it) or are given up as lost: then a hole is told, never glued
//! over. Time is the capture's. Knows sequence numbers, not what the bytes mean.

use std::collections::VecDeque;

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
    /// The sender is done.
    Fin,
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
    fn length(&self) -> u32 {
        let captured = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        captured.saturating_add(self.missing)
    }
}

/// A piece that waits.
#[derive(Debug)]
struct Waiting {
    direction: usize,
    sequence: u32,
    bytes: Box<[u8]>,
    missing: u32,
    fin: bool,
    place: Place,
}

/// One direction.
#[derive(Debug, Default, Clone, Copy)]
struct Half {
    /// The sequence number of the next byte.
    next: Option<u32>,
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
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// The direction that misses bytes, and since when.
    hole: Option<(usize, Option<Timestamp>)>,
}

/// Receives what is in order.
pub(super) type Deliver<'d> = &'d mut dyn FnMut(usize, Place, Delivery<'_>);

/// Where a piece stands against the next byte.
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
        match (self.standing(direction, &piece), self.hole) {
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
            || self.waiting_bytes > limits::OUT_OF_ORDER_BYTES
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
        }
        if missing > 0 {
            deliver(direction, piece.place, Delivery::Hole(u64::from(missing)));
        }
        if let Some(half) = self.halves.get_mut(direction) {
            half.next = Some(piece.sequence.wrapping_add(piece.length()));
            half.finished |= piece.fin;
            half.started = true;
            half.spoke |= !captured.is_empty() || missing > 0;
        }
        if piece.fin {
            deliver(direction, piece.place, Delivery::Fin);
        }
    }

    fn wait(&mut self, direction: usize, piece: Piece<'_>, deliver: Deliver<'_>) {
        self.waiting_bytes += piece.bytes.len();
        self.waiting.push_back(Waiting {
            direction,
            sequence: piece.sequence,
            bytes: piece.bytes.into(),
            missing: piece.missing,
            fin: piece.fin,
            place: piece.place,
        });
        self.age(piece.place.at, deliver);
    }

    /// The hole is closed: what waited goes on, in the order it was captured. It may meet the next hole.
    fn replay(&mut self, deliver: Deliver<'_>) {
        self.hole = None;
        self.waiting_bytes = 0;
        for Waiting {
            direction,
            sequence,
            bytes,
            missing,
            fin,
            place,
        } in std::mem::take(&mut self.waiting)
        {
            self.push(
                direction,
                Piece {
                    sequence,
                    bytes: &bytes,
                    missing,
                    fin,
                    place,
                },
                deliver,
            );
        }
    }

    /// The missing bytes are lost: goes on behind them.
    fn give_up(&mut self, deliver: Deliver<'_>) {
        let Some((direction, _)) = self.hole else {
            return;
        };
        let next = self.halves.get(direction).and_then(|h| h.next).unwrap_or(0);
        let nearest = self
            .waiting
            .iter()
            .filter(|w| w.direction == direction)
            .min_by_key(|w| ahead(w.sequence, next));
        let Some((sequence, place)) = nearest.map(|w| (w.sequence, w.place)) else {
            return self.replay(deliver);
        };
        let lost = u64::from(sequence.wrapping_sub(next));
        deliver(direction, place, Delivery::Hole(lost));
        self.begin(direction, sequence);
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
                &[(0, "abc"), (0, "abc"), (1, "XXd"), (3, "d"), (3, "de")]
            ),
            ["abc", "d", "e"]
        );
        assert_eq!(deliver_all(7, &[(0, "a"), (0, "z"), (1, "b")]), ["a", "b"]);
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
