//! A hash table that can't be iterated, so nothing can depend on its order.
//!
//! The one place where `std::collections::HashMap` is named. Keys come from
//! strangers, so the hash is seeded per table.

use std::borrow::Borrow;
use std::hash::Hash;

#[expect(clippy::disallowed_types, reason = "this wrapper is the one place")]
type Table<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// Maps keys to values; has no order and offers none.
#[derive(Debug, Clone)]
pub struct Lookup<K, V>(Table<K, V>);

impl<K, V> Default for Lookup<K, V> {
    fn default() -> Self {
        Self(Table::default())
    }
}

impl<K: Eq + Hash, V> Lookup<K, V> {
    /// The value of a key.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key)
    }

    /// The value of a key, to change.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.0.get_mut(key)
    }

    /// Puts a value in, and gives back the one that was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.0.insert(key, value)
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.0.remove(key)
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
