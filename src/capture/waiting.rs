//! Segments that wait until the bytes before them come, by capture order and by sequence.
//!
//! Finds the oldest piece and the lowest of a direction without looking at the others, so that a connection full of
//! holes costs no more than one without. Knows offsets in a direction's bytes, which do not wrap; decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::stream::{Piece, Place};

/// A piece that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) direction: usize,
    /// Bytes of its direction before it.
    pub(super) offset: i64,
    sequence: u32,
    bytes: Box<[u8]>,
    missing: u32,
    fin: bool,
    pub(super) place: Place,
}

impl Waiting {
    pub(super) fn piece(&self) -> Piece<'_> {
        Piece {
            sequence: self.sequence,
            bytes: &self.bytes,
            missing: self.missing,
            fin: self.fin,
            place: self.place,
        }
    }

    fn end(&self) -> i64 {
        self.offset + i64::from(self.piece().length())
    }
}

/// Names a waiting piece; a later one has a higher number.
pub(super) type Ticket = u64;

/// All pieces of a connection that wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pieces: BTreeMap<Ticket, Waiting>,
    by_offset: [BTreeSet<(i64, Ticket)>; 2],
    /// Where the highest piece of each direction that ever waited ends.
    ends: [i64; 2],
    next: Ticket,
    bytes: usize,
}

impl Queue {
    /// Pieces that wait.
    pub(super) fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Their bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, direction: usize, offset: i64, piece: Piece<'_>) {
        let waiting = Waiting {
            direction,
            offset,
            sequence: piece.sequence,
            bytes: piece.bytes.into(),
            missing: piece.missing,
            fin: piece.fin,
            place: piece.place,
        };
        self.bytes += waiting.bytes.len();
        if let Some(end) = self.ends.get_mut(direction) {
            *end = waiting.end().max(*end);
        }
        if let Some(order) = self.by_offset.get_mut(direction) {
            order.insert((offset, self.next));
        }
        self.pieces.insert(self.next, waiting);
        self.next += 1;
    }

    /// The piece that was captured first.
    pub(super) fn oldest(&self) -> Option<(Ticket, &Waiting)> {
        self.pieces.first_key_value().map(|(t, w)| (*t, w))
    }

    /// The piece of a direction with the fewest bytes before it.
    pub(super) fn lowest(&self, direction: usize) -> Option<(Ticket, &Waiting)> {
        let (_, ticket) = self.by_offset.get(direction)?.first()?;
        self.pieces.get(ticket).map(|w| (*ticket, w))
    }

    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<Waiting> {
        let waiting = self.pieces.remove(&ticket)?;
        self.bytes = self.bytes.saturating_sub(waiting.bytes.len());
        if let Some(order) = self.by_offset.get_mut(waiting.direction) {
            order.remove(&(waiting.offset, ticket));
        }
        Some(waiting)
    }

    /// True where a piece of this direction that ever waited reaches beyond an offset.
    pub(super) fn reaches(&self, direction: usize, offset: i64) -> bool {
        self.ends.get(direction).is_some_and(|end| offset < *end)
    }

    /// The piece's bytes with those that wait already in the place of others, where they differ.
    pub(super) fn as_sent_before(
        &self,
        direction: usize,
        offset: i64,
        piece: &Piece<'_>,
    ) -> Option<Vec<u8>> {
        if !self.reaches(direction, offset) {
            return None;
        }
        let end = offset + i64::from(piece.length());
        let mut patched: Option<Vec<u8>> = None;
        let order = self.by_offset.get(direction)?;
        let lower = order.range(..(end, 0)).map(|(_, ticket)| ticket);
        for earlier in lower.filter_map(|ticket| self.pieces.get(ticket)) {
            let shift = earlier.offset - offset;
            let at = usize::try_from(shift).unwrap_or(0);
            let skipped = usize::try_from(-shift).unwrap_or(0);
            let theirs = earlier.bytes.get(skipped..).unwrap_or_default();
            let ours = piece.bytes.get(at..).unwrap_or_default();
            let both = ours.len().min(theirs.len());
            if let (Some(ours), Some(theirs)) = (ours.get(..both), theirs.get(..both))
                && ours != theirs
                && let Some(slot) = patched
                    .get_or_insert_with(|| piece.bytes.to_vec())
                    .get_mut(at..at + both)
            {
                slot.copy_from_slice(theirs);
            }
        }
        patched
    }
}
