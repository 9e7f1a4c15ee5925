//! The few smallest of many: examples that are the same ones whatever the order they came in.

use std::collections::BTreeSet;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::written::list;

/// The `N` smallest of all that was added; equal ones count once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smallest<T, const N: usize>(BTreeSet<T>);

impl<T, const N: usize> Default for Smallest<T, N> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<T: Ord, const N: usize> Smallest<T, N> {
    /// Adds one.
    pub fn add(&mut self, item: T) {
        if self.0.len() >= N && self.0.last().is_none_or(|last| *last <= item) {
            return;
        }
        self.0.insert(item);
        if self.0.len() > N {
            self.0.pop_last();
        }
    }

    /// Adds some.
    pub fn extend(&mut self, items: impl IntoIterator<Item = T>) {
        items.into_iter().for_each(|item| self.add(item));
    }

    /// True when this one would be kept: saves making what is thrown away at once.
    pub fn wants(&self, before: impl Fn(&T) -> bool) -> bool {
        self.0.len() < N || self.0.last().is_some_and(before)
    }

    /// Adds those of another part.
    pub fn absorb(&mut self, other: Self) {
        if self.0.is_empty() {
            *self = other;
        } else {
            self.extend(other.0);
        }
    }

    /// Those kept, smallest first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    /// Changes each of them.
    pub fn change(&mut self, change: impl Fn(&mut T)) {
        let old = std::mem::take(&mut self.0).into_iter();
        self.0 = old.map(|mut item| (change(&mut item), item).1).collect();
    }

    /// Keeps only some of them.
    pub fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        self.0.retain(keep);
    }
}

impl<T: Serialize, const N: usize> Serialize for Smallest<T, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl<'de, T: Deserialize<'de> + Ord, const N: usize> Deserialize<'de> for Smallest<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = list::<D, T, N>(deserializer)?;
        let (all, items) = (items.len(), BTreeSet::from_iter(items));
        if items.len() < all {
            return Err(D::Error::custom("an example that stands there twice"));
        }
        Ok(Self(items))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_smallest_in_order() {
        let mut few = Smallest::<_, 3>::default();
        for n in [9, 2, 7, 2, 1, 8] {
            few.add(n);
        }
        assert_eq!(few.iter().copied().collect::<Vec<_>>(), [1, 2, 7]);
        assert!(few.wants(|last| 6 < *last) && !few.wants(|last| 7 < *last));
    }
}
