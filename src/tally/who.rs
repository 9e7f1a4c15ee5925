//! How many different ones, and which: exact to a bound, then those with the smallest hashes stand for all.
//!
//! The hash is the same on every machine, so neither the numbers nor the choice depends on the order or on the run.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::written::{Hash, pairs};
use crate::ftp::Host;
use crate::limits;
use crate::text::{StableHash, Text};

/// What can be told apart by a hash that is the same everywhere.
pub trait Named: Ord + Clone {
    /// The hash.
    fn hash(&self) -> u64;
}

impl Named for Text {
    fn hash(&self) -> u64 {
        StableHash::new().bytes(self.bytes()).finish()
    }
}

impl Named for Host {
    fn hash(&self) -> u64 {
        let hash = StableHash::new();
        match self {
            Self::Ip(std::net::IpAddr::V4(ip)) => hash.number(4).bytes(&ip.octets()),
            Self::Ip(std::net::IpAddr::V6(ip)) => hash.number(6).bytes(&ip.octets()),
            Self::Name(name) => hash.number(0).bytes(name.bytes()),
        }
        .finish()
    }
}

/// A number of different things: exact up to `N`, an estimate beyond (k minimum values, off by about `1/sqrt(N)`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Distinct<const N: usize> {
    hashes: BTreeSet<u64>,
    /// More than `N` were met.
    more: bool,
}

impl<const N: usize> Distinct<N> {
    /// Adds one.
    pub fn add(&mut self, one: &impl Named) {
        self.add_hash(one.hash());
    }

    /// Adds one by its hash.
    pub(super) fn add_hash(&mut self, hash: u64) {
        self.hashes.insert(hash);
        if self.hashes.len() > N {
            self.hashes.pop_last();
            self.more = true;
        }
    }

    /// Adds another part's, counted with any bound.
    pub fn include<const M: usize>(&mut self, other: &Distinct<M>) {
        self.more |= other.more;
        if self.hashes.is_empty() && other.hashes.len() <= N {
            self.hashes.clone_from(&other.hashes);
            return;
        }
        for hash in &other.hashes {
            self.add_hash(*hash);
        }
    }

    /// Takes those away that are in another one.
    pub fn remove<const M: usize>(&mut self, other: &Distinct<M>) {
        self.hashes.retain(|hash| !other.hashes.contains(hash));
    }

    /// True when one of these is in another one, as far as both are listed.
    pub fn meets(&self, other: &BTreeSet<u64>) -> bool {
        self.hashes.iter().any(|hash| other.contains(hash))
    }

    /// How many.
    pub fn count(&self) -> u64 {
        let kept = self.hashes.len() as u64;
        match self.hashes.last() {
            Some(last) if self.more && self.hashes.len() >= N => {
                let all = u128::from(kept.saturating_sub(1)) << 64;
                let all = all / u128::from((*last).max(1));
                u64::try_from(all).unwrap_or(u64::MAX).max(kept)
            }
            _ => kept,
        }
    }

    /// True when the number is exact.
    pub fn is_exact(&self) -> bool {
        !self.more
    }
}

/// The hashes one behind the other, and `+` where more were met.
impl<const N: usize> Serialize for Distinct<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut hashes: String = self.hashes.iter().map(|hash| Hash(*hash).hex()).collect();
        if self.more {
            hashes.push('+');
        }
        serializer.serialize_str(&hashes)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Distinct<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = String::deserialize(deserializer)?;
        let (words, more) = match words.strip_suffix('+') {
            Some(words) => (words, true),
            None => (&*words, false),
        };
        let chunks = words.as_bytes().chunks(16);
        let all = chunks.len();
        let read = |hex: &[u8]| Hash::read(&String::from_utf8_lossy(hex)).map(|hash| hash.0);
        let hashes: Result<BTreeSet<u64>, _> = chunks.map(read).collect();
        let hashes = hashes.map_err(D::Error::custom)?;
        if all > N || hashes.len() < all {
            return Err(D::Error::custom(
                "too many hashes, or one that stands there twice",
            ));
        }
        Ok(Self { hashes, more })
    }
}

/// What is added up for each key of a [`Table`].
pub trait Part: Default {
    /// Adds another part's.
    fn absorb(&mut self, other: Self);
}

/// A row for each key, for at most [`limits::DISTINCT_EXACT`] keys: beyond, those with the smallest hashes. A kept row
/// is always complete, since a key that is dropped once would be dropped whenever it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table<K, V> {
    rows: BTreeMap<(u64, K), V>,
    sampled: bool,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            sampled: false,
        }
    }
}

impl<K: Named, V: Part> Table<K, V> {
    /// A key's row, to add to; `None` where it is not kept.
    pub fn row(&mut self, key: &K) -> Option<&mut V> {
        self.place((key.hash(), key.clone()))
    }

    /// A key's row, if there is one.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(&(key.hash(), key.clone()))
    }

    fn place(&mut self, key: (u64, K)) -> Option<&mut V> {
        if self.rows.len() >= limits::DISTINCT_EXACT && !self.rows.contains_key(&key) {
            self.sampled = true;
            if self.rows.last_key_value().is_none_or(|(l, _)| *l < key) {
                return None;
            }
            self.rows.pop_last();
        }
        Some(self.rows.entry(key).or_default())
    }

    /// Adds another part's rows.
    pub fn absorb(&mut self, other: Self) {
        self.sampled |= other.sampled;
        for (key, part) in other.rows {
            if let Some(row) = self.place(key) {
                row.absorb(part);
            }
        }
    }

    /// The rows kept, in an order that means nothing.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows.iter().map(|((_, key), part)| (key, part))
    }

    /// Changes what the rows have.
    pub fn each_part(&mut self, change: impl FnMut(&mut V)) {
        self.rows.values_mut().for_each(change);
    }

    /// True when there were more keys than rows are kept.
    pub fn is_sample(&self) -> bool {
        self.sampled
    }
}

/// By key, and whether they are a sample.
impl<K: Named + Serialize, V: Part + Serialize> Serialize for Table<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows: Vec<(&K, &V)> = self.iter().collect();
        rows.sort_by_key(|(key, _)| *key);
        (self.sampled, rows).serialize(serializer)
    }
}

impl<'de, K, V> Deserialize<'de> for Table<K, V>
where
    K: Named + Deserialize<'de>,
    V: Part + Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (sampled, Rows(rows)) = <(bool, Rows<K, V>)>::deserialize(deserializer)?;
        let mut table = Self {
            sampled,
            ..Self::default()
        };
        for (key, part) in rows {
            if let Some(row) = table.row(&key) {
                *row = part;
            }
        }
        Ok(table)
    }
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "K: Deserialize<'de> + Ord, V: Deserialize<'de>"))]
struct Rows<K, V>(
    #[serde(deserialize_with = "pairs::<_, _, _, { limits::DISTINCT_EXACT }>")] BTreeMap<K, V>,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_up_to_the_bound_and_near_beyond() {
        let mut distinct = Distinct::<1024>::default();
        for n in 0..1024_u32 {
            distinct.add(&Text::from(n.to_string()));
            distinct.add(&Text::from(n.to_string()));
        }
        assert_eq!((distinct.count(), distinct.is_exact()), (1024, true));
        for n in 0..50_000_u32 {
            distinct.add(&Text::from(n.to_string()));
        }
        assert!(!distinct.is_exact());
        assert!(
            distinct.count().abs_diff(50_000) < 5_000,
            "{}",
            distinct.count()
        );
    }

    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    struct Sum(u64);

    impl Part for Sum {
        fn absorb(&mut self, other: Self) {
            self.0 += other.0;
        }
    }

    #[test]
    fn a_sampled_table_has_complete_rows_whatever_the_order() {
        let keys: Vec<Text> = (0..5000_u32).map(|n| Text::from(n.to_string())).collect();
        let table = |keys: &mut dyn Iterator<Item = &Text>| {
            let mut table = Table::<Text, Sum>::default();
            for key in keys {
                if let Some(row) = table.row(key) {
                    row.absorb(Sum(1));
                }
            }
            table
        };
        let forth = table(&mut keys.iter().chain(&keys));
        let back = table(&mut keys.iter().rev().chain(&keys));
        assert_eq!(forth, back);
        assert!(forth.is_sample() && forth.iter().all(|(_, sum)| *sum == Sum(2)));
        assert_eq!(forth.iter().count(), limits::DISTINCT_EXACT);
    }
}
