//! How long things took, or how large they were, in buckets that grow with the number: sixteen to each doubling.
//!
//! Integers only, so that sums do not depend on the order. A quantile is exact to a sixteenth; the count and the largest
//! number are exact.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::written;

/// Buckets per doubling, as a power of two.
const PER_OCTAVE: u32 = 4;

/// A histogram of times, in nanoseconds, or of other numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Histogram {
    #[serde(
        serialize_with = "written::map::serialize",
        deserialize_with = "buckets"
    )]
    buckets: BTreeMap<u32, u64>,
    #[serde(with = "written::large")]
    largest: u64,
}

impl Histogram {
    /// Adds one time.
    pub fn add(&mut self, time: Duration) {
        self.add_number(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds one number.
    pub fn add_number(&mut self, number: u64) {
        *self.buckets.entry(bucket(number)).or_default() += 1;
        self.largest = self.largest.max(number);
    }

    /// Adds another part's times.
    pub fn absorb(&mut self, other: Self) {
        for (bucket, count) in other.buckets {
            *self.buckets.entry(bucket).or_default() += count;
        }
        self.largest = self.largest.max(other.largest);
    }

    /// The number of times.
    pub fn count(&self) -> u64 {
        self.buckets.values().sum()
    }

    /// The longest time.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.largest)
    }

    /// The largest number.
    pub fn largest(&self) -> u64 {
        self.largest
    }

    /// The time that so many of a thousand do not exceed (nearest rank): the end of its bucket.
    pub fn quantile(&self, per_mille: u64) -> Duration {
        Duration::from_nanos(self.number_at(per_mille))
    }

    /// The number that so many of a thousand do not exceed.
    pub fn number_at(&self, per_mille: u64) -> u64 {
        let rank = u128::from(self.count()) * u128::from(per_mille.min(1000));
        let rank = u64::try_from(rank.div_ceil(1000))
            .unwrap_or(u64::MAX)
            .max(1);
        let mut seen = 0;
        for (bucket, count) in &self.buckets {
            seen += count;
            if seen >= rank {
                return last(*bucket).min(self.largest);
            }
        }
        self.largest
    }
}

/// Reads buckets that there are.
fn buckets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<u32, u64>, D::Error> {
    let buckets: BTreeMap<u32, u64> = written::map::deserialize(deserializer)?;
    match buckets.last_key_value() {
        Some((last, _)) if *last > bucket(u64::MAX) => Err(D::Error::custom("a number too large")),
        _ => Ok(buckets),
    }
}

/// Below sixteen every number has its own bucket; above, the four bits after the leading one tell.
fn bucket(nanos: u64) -> u32 {
    let octave = nanos.max(1).ilog2();
    if octave < PER_OCTAVE {
        return u32::try_from(nanos).unwrap_or(0);
    }
    let shift = octave - PER_OCTAVE;
    let place = u32::try_from((nanos >> shift) & ((1 << PER_OCTAVE) - 1)).unwrap_or(0);
    ((shift + 1) << PER_OCTAVE) + place
}

/// The longest time of a bucket.
fn last(bucket: u32) -> u64 {
    let octave = bucket >> PER_OCTAVE;
    let place = u64::from(bucket & ((1 << PER_OCTAVE) - 1));
    if octave == 0 {
        return place;
    }
    let shift = octave - 1;
    let low = ((1 << PER_OCTAVE) + place) << shift;
    low + ((1_u64 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_in_order_and_hold_their_last() {
        let mut numbers: Vec<u64> = (0..64)
            .flat_map(|bit| {
                let power = 1_u64 << bit;
                [power - 1, power, power + power / 3]
            })
            .collect();
        numbers.push(u64::MAX);
        numbers.sort_unstable();
        assert!(numbers.windows(2).all(|w| bucket(w[0]) <= bucket(w[1])));
        for number in numbers {
            assert_eq!(bucket(last(bucket(number))), bucket(number), "{number}");
        }
    }

    #[test]
    fn quantiles_are_right_to_a_sixteenth_and_the_maximum_exact() {
        let mut histogram = Histogram::default();
        for millis in 1..=1000 {
            histogram.add(Duration::from_millis(millis));
        }
        let near = |per_mille, millis: u128| {
            let found = histogram.quantile(per_mille).as_millis();
            assert!(
                found.abs_diff(millis) <= millis / 16,
                "{found} for {millis}"
            );
        };
        near(500, 500);
        near(900, 900);
        near(990, 990);
        assert_eq!(histogram.max(), Duration::from_secs(1));
        assert_eq!(Histogram::default().quantile(500), Duration::ZERO);
    }

    #[test]
    fn one_time_is_its_own_median() {
        let mut histogram = Histogram::default();
        histogram.add(Duration::from_nanos(1_000_000_007));
        assert_eq!(histogram.quantile(500), Duration::from_nanos(1_000_000_007));
    }
}
