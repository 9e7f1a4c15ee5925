//! Places in the order of their last use: a doubly linked list in a vector.
//!
//! Hands out place numbers, reuses freed ones, and tells which was used longest
//! ago. Knows nothing of what is in a place.

use crate::limits;

/// No place.
const NONE: usize = usize::MAX;

#[derive(Debug, Clone, Copy)]
struct Node {
    older: usize,
    younger: usize,
}

/// The order of last use.
#[derive(Debug)]
pub(super) struct Recency {
    nodes: Vec<Node>,
    free: Vec<usize>,
    oldest: usize,
    youngest: usize,
    length: usize,
    /// Places that may be in use.
    limit: usize,
}

impl Default for Recency {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            free: Vec::new(),
            oldest: NONE,
            youngest: NONE,
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
            self.nodes.push(Node {
                older: NONE,
                younger: NONE,
            });
            self.nodes.len() - 1
        });
        self.append(place);
        self.length += 1;
        place
    }

    /// A place was used.
    pub(super) fn touch(&mut self, place: usize) {
        if place != self.youngest {
            self.unlink(place);
            self.append(place);
        }
    }

    /// A place is free again.
    pub(super) fn remove(&mut self, place: usize) {
        self.unlink(place);
        self.free.push(place);
        self.length = self.length.saturating_sub(1);
    }

    /// The place that was used longest ago.
    pub(super) fn oldest(&self) -> Option<usize> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// Places in use.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    fn append(&mut self, place: usize) {
        let older = std::mem::replace(&mut self.youngest, place);
        self.set(
            place,
            Node {
                older,
                younger: NONE,
            },
        );
        match self.nodes.get_mut(older) {
            Some(node) => node.younger = place,
            None => self.oldest = place,
        }
    }

    fn unlink(&mut self, place: usize) {
        let Some(Node { older, younger }) = self.nodes.get(place).copied() else {
            return;
        };
        match self.nodes.get_mut(older) {
            Some(node) => node.younger = younger,
            None => self.oldest = younger,
        }
        match self.nodes.get_mut(younger) {
            Some(node) => node.older = older,
            None => self.youngest = older,
        }
    }

    fn set(&mut self, place: usize, node: Node) {
        if let Some(slot) = self.nodes.get_mut(place) {
            *slot = node;
        }
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
        recency.remove(places[1]);
        recency.remove(places[2]);
        assert_eq!((recency.oldest(), recency.len()), (Some(places[0]), 1));
        assert_eq!(recency.insert(), places[2]);
        recency.remove(places[0]);
        recency.remove(places[2]);
        assert_eq!((recency.oldest(), recency.len()), (None, 0));
    }
}
