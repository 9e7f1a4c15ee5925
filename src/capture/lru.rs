//! Places in the order of their last use.
//!
//! Hands out place numbers, reuses freed ones, and tells which was used longest ago. A use is one number written down;
//! what stood in the order before is looked at only when the oldest is asked for. Knows nothing of what is in a place.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::limits;

/// A place: when it was used last, 0 while it is free, and whether it stands in the order.
#[derive(Debug, Clone, Copy)]
struct Slot {
    used: u64,
    is_queued: bool,
}

/// The order of last use.
#[derive(Debug)]
pub(super) struct Recency {
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// Places, each at most once, by a use that was their last one when they were put here.
    order: BinaryHeap<Reverse<(u64, usize)>>,
    /// Uses so far.
    uses: u64,
    length: usize,
    /// Places that may be in use.
    limit: usize,
}

impl Default for Recency {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            order: BinaryHeap::new(),
            uses: 0,
            length: 0,
            limit: limits::OPEN_CONNECTIONS,
        }
    }
}

impl Recency {
    /// With another bound.
    #[cfg(test)]
    pub(super) fn of(limit: usize) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// True when as many places are in use as may be.
    pub(super) fn is_full(&self) -> bool {
        self.length >= self.limit
    }

    /// A place that is not in use; it becomes the youngest.
    pub(super) fn insert(&mut self) -> usize {
        let place = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                used: 0,
                is_queued: false,
            });
            self.slots.len() - 1
        });
        self.touch(place);
        if let Some(slot) = self.slots.get_mut(place)
            && !std::mem::replace(&mut slot.is_queued, true)
        {
            self.order.push(Reverse((slot.used, place)));
        }
        self.length += 1;
        place
    }

    /// A place was used.
    pub(super) fn touch(&mut self, place: usize) {
        self.uses += 1;
        if let Some(slot) = self.slots.get_mut(place) {
            slot.used = self.uses;
        }
    }

    /// A place is free again.
    pub(super) fn remove(&mut self, place: usize) {
        if let Some(slot) = self.slots.get_mut(place) {
            slot.used = 0;
        }
        self.free.push(place);
        self.length = self.length.saturating_sub(1);
    }

    /// The place that was used longest ago.
    pub(super) fn oldest(&mut self) -> Option<usize> {
        loop {
            let mut first = self.order.peek_mut()?;
            let Reverse((used, place)) = *first;
            let slot = self.slots.get_mut(place)?;
            if slot.used == used {
                return Some(place);
            }
            if slot.used == 0 {
                slot.is_queued = false;
                std::collections::binary_heap::PeekMut::pop(first);
            } else {
                *first = Reverse((slot.used, place));
            }
        }
    }

    /// Places in use.
    pub(super) fn len(&self) -> usize {
        self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_the_one_used_longest_ago() {
        let mut recency = Recency::default();
        let places: Vec<usize> = (0..3).map(|_| recency.insert()).collect();
        recency.touch(places[0]);
        assert_eq!(recency.oldest(), Some(places[1]));
        recency.touch(places[1]);
        assert_eq!(recency.oldest(), Some(places[2]));
        for place in [places[2], places[0]] {
            recency.touch(place);
        }
        recency.remove(places[1]);
        recency.remove(places[2]);
        assert_eq!((recency.oldest(), recency.len()), (Some(places[0]), 1));
        assert_eq!(recency.insert(), places[2]);
        recency.remove(places[0]);
        recency.remove(places[2]);
        assert_eq!((recency.oldest(), recency.len()), (None, 0));
    }

    #[test]
    fn places_that_are_freed_and_used_again_take_no_room() {
        let mut recency = Recency::default();
        let first = recency.insert();
        for _ in 0..1000 {
            let place = recency.insert();
            recency.touch(first);
            recency.remove(place);
        }
        assert_eq!((recency.order.len(), recency.slots.len()), (2, 2));
        assert_eq!(recency.oldest(), Some(first));
    }
}
