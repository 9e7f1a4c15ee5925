//! Counts by key, and what spans the times met.
//!
//! Both only grow, whatever the order of what is added. Nothing here knows what is counted.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::written;
use crate::time::Timestamp;

/// How often each key was met. A key that was never met is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts<K>(BTreeMap<K, u64>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> Counts<K> {
    /// Counts a key once.
    pub fn add(&mut self, key: K) {
        self.add_many(key, 1);
    }

    /// Counts a key several times.
    pub fn add_many(&mut self, key: K, times: u64) {
        if times > 0 {
            let known = self.0.entry(key).or_default();
            *known = known.saturating_add(times);
        }
    }

    /// Adds another part's counts.
    pub fn absorb(&mut self, other: Self) {
        for (key, times) in other.0 {
            self.add_many(key, times);
        }
    }

    /// Takes counts away that are part of these.
    pub fn remove(&mut self, part: &Self) {
        self.0.retain(|key, times| {
            *times = times.saturating_sub(part.get(key));
            *times > 0
        });
    }

    /// How often a key was met.
    pub fn get(&self, key: &K) -> u64 {
        self.0.get(key).copied().unwrap_or(0)
    }

    /// All counts together.
    pub fn total(&self) -> u64 {
        self.0
            .values()
            .fold(0, |sum, times| sum.saturating_add(*times))
    }

    /// The key met most often; of several, the first.
    pub fn most(&self) -> Option<&K> {
        let order = |a: &(&K, &u64), b: &(&K, &u64)| a.1.cmp(b.1).then(b.0.cmp(a.0));
        self.0.iter().max_by(order).map(|(key, _)| key)
    }

    /// Keys with their counts, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&K, u64)> {
        self.0.iter().map(|(key, times)| (key, *times))
    }

    /// True when nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Serialize> Serialize for Counts<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl<'de, K: Deserialize<'de> + Ord> Deserialize<'de> for Counts<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let counts: BTreeMap<K, u64> = written::map::deserialize(deserializer)?;
        if counts.values().any(|times| *times == 0) {
            return Err(D::Error::custom("what was never met is counted"));
        }
        Ok(Self(counts))
    }
}

/// The first and the last time met.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span(Option<(Timestamp, Timestamp)>);

impl Span {
    /// Takes a time in, where there is one.
    pub fn add(&mut self, at: Option<Timestamp>) {
        let Some(at) = at else { return };
        let (first, last) = self.0.unwrap_or((at, at));
        self.0 = Some((first.min(at), last.max(at)));
    }

    /// Takes another part's times in.
    pub fn absorb(&mut self, other: Self) {
        self.0 = match (self.0, other.0) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
    }

    /// The first time.
    pub fn first(self) -> Option<Timestamp> {
        self.0.map(|(first, _)| first)
    }

    /// The last time.
    pub fn last(self) -> Option<Timestamp> {
        self.0.map(|(_, last)| last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_key_wins_and_the_first_of_equals() {
        let mut counts = Counts::default();
        for key in ["b", "a", "b", "a", "c"] {
            counts.add(key);
        }
        assert_eq!(counts.most(), Some(&"a"));
        assert_eq!((counts.get(&"b"), counts.total()), (2, 5));
    }

    #[test]
    fn what_is_taken_away_leaves_no_zero_behind() {
        let mut all = Counts::default();
        all.add_many("a", 3);
        all.add("b");
        let mut part = Counts::default();
        part.add_many("a", 3);
        all.remove(&part);
        assert_eq!(all.iter().collect::<Vec<_>>(), [(&"b", 1)]);
    }

    #[test]
    fn a_span_ignores_what_has_no_time() {
        let at = |n| Some(Timestamp::from_nanos(n));
        let mut span = Span::default();
        for at in [None, at(5), at(-3), None] {
            span.add(at);
        }
        assert_eq!((span.first(), span.last()), (at(-3), at(5)));
    }
}
