//! What happened over time: replies and failures by hour, failures of one cause by minute. Where there are too many
//! stretches they become wider.
//!
//! The widths divide one another, so the width in the end depends only on what was added, not on the order.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::who::Part;
use super::written;
use crate::limits;
use crate::time::Timestamp;

/// How time is divided.
pub trait Scale {
    /// What is added up in a stretch.
    type Value: Part + Copy + Serialize + DeserializeOwned;
    /// Seconds of a stretch, from fine to coarse; each divides the next.
    const WIDTHS: &'static [i64];
    /// Stretches, beyond which they become wider.
    const BOUND: usize;
}

const HOUR: i64 = 3600;

/// What happened in one stretch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Replies observed.
    pub replies: u64,
    /// Failed operations that count.
    pub failures: u64,
}

impl Part for Bucket {
    fn absorb(&mut self, other: Self) {
        self.replies += other.replies;
        self.failures += other.failures;
    }
}

impl Part for u64 {
    fn absorb(&mut self, other: Self) {
        *self += other;
    }
}

/// By hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hourly;

impl Scale for Hourly {
    type Value = Bucket;
    const WIDTHS: &'static [i64] = &[HOUR, 24 * HOUR, 240 * HOUR, 2400 * HOUR];
    const BOUND: usize = limits::TIMELINE_BUCKETS;
}

/// By minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Minutely;

impl Scale for Minutely {
    type Value = u64;
    const WIDTHS: &'static [i64] = &[
        60,
        600,
        HOUR,
        24 * HOUR,
        240 * HOUR,
        2400 * HOUR,
        24_000 * HOUR,
    ];
    const BOUND: usize = limits::PACE_BUCKETS;
}

/// Replies and failures over time.
pub type Timeline = Stretches<Hourly>;

/// Failures of one cause over time.
pub type Pace = Stretches<Minutely>;

/// Sums by stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretches<S: Scale> {
    width: usize,
    sums: BTreeMap<i64, S::Value>,
}

impl<S: Scale> Default for Stretches<S> {
    fn default() -> Self {
        Self {
            width: 0,
            sums: BTreeMap::new(),
        }
    }
}

impl<S: Scale> Stretches<S> {
    /// Adds to the stretch of a point in time.
    pub fn add(&mut self, at: Timestamp, value: S::Value) {
        self.put(at.seconds().div_euclid(self.seconds()), value);
    }

    fn put(&mut self, place: i64, value: S::Value) {
        self.sums.entry(place).or_default().absorb(value);
        while self.sums.len() > S::BOUND && self.width + 1 < S::WIDTHS.len() {
            self.coarsen(self.width + 1);
        }
    }

    fn coarsen(&mut self, width: usize) {
        let before = self.seconds();
        self.width = width;
        let factor = self.seconds() / before;
        for (place, value) in std::mem::take(&mut self.sums) {
            let place = place.div_euclid(factor);
            self.sums.entry(place).or_default().absorb(value);
        }
    }

    /// Adds another part's sums.
    pub fn absorb(&mut self, mut other: Self) {
        if self.width < other.width {
            self.coarsen(other.width);
        }
        if other.width < self.width {
            other.coarsen(self.width);
        }
        for (place, value) in other.sums {
            // The width may grow while sums are put in.
            let place = place.saturating_mul(seconds_of::<S>(other.width));
            self.put(place.div_euclid(self.seconds()), value);
        }
    }

    /// Seconds of one stretch.
    pub fn seconds(&self) -> i64 {
        seconds_of::<S>(self.width)
    }

    /// The stretches in order: the second since 1970 in which each begins, and its sum.
    pub fn iter(&self) -> impl Iterator<Item = (i64, S::Value)> {
        let seconds = self.seconds();
        self.sums
            .iter()
            .map(move |(place, value)| (place.saturating_mul(seconds), *value))
    }
}

impl<S: Scale> Serialize for Stretches<S> {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        let sums: Vec<_> = self.sums.iter().collect();
        (self.seconds(), sums).serialize(serializer)
    }
}

impl<'de, S: Scale> Deserialize<'de> for Stretches<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (seconds, Sums(sums)) = <(i64, Sums<S::Value>)>::deserialize(deserializer)?;
        let width = S::WIDTHS.iter().position(|width| *width == seconds);
        let width = width.ok_or_else(|| D::Error::custom("a stretch of time of another width"))?;
        let last = i64::MAX / 1_000_000_000 / seconds + 1;
        let ends = [sums.first_key_value(), sums.last_key_value()];
        if ends
            .into_iter()
            .flatten()
            .any(|(place, _)| place.unsigned_abs() > last.unsigned_abs())
        {
            return Err(D::Error::custom("a stretch of time too far away"));
        }
        if sums.len() > S::BOUND && width + 1 < S::WIDTHS.len() {
            return Err(D::Error::custom("more stretches of time than are kept"));
        }
        Ok(Self { width, sums })
    }
}

/// Sums by the number of stretches between 1970 and theirs.
#[derive(Deserialize)]
#[serde(transparent)]
struct Sums<V: DeserializeOwned>(
    #[serde(deserialize_with = "written::map::deserialize")] BTreeMap<i64, V>,
);

fn seconds_of<S: Scale>(width: usize) -> i64 {
    S::WIDTHS.get(width).copied().unwrap_or(HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times may be anything that stamps of captures and logs can be: the widest stretches are few whatever they are.
    #[test]
    fn all_times_that_there_are_are_few_stretches() {
        let days = i64::MAX / 1_000_000_000 / 86_400;
        let (mut timeline, mut pace) = (Timeline::default(), Pace::default());
        let one = Bucket {
            replies: 1,
            failures: 0,
        };
        for day in (-days..days).step_by(7) {
            let at = Timestamp::from_seconds(day * 86_400, 0);
            timeline.add(at, one);
            pace.add(at, 1);
        }
        assert!(timeline.iter().count() <= limits::TIMELINE_BUCKETS);
        assert!(pace.iter().count() <= limits::PACE_BUCKETS);
        let all = (-days..days).step_by(7).count() as u64;
        assert_eq!(timeline.iter().map(|(_, b)| b.replies).sum::<u64>(), all);
        assert_eq!(pace.iter().map(|(_, n)| n).sum::<u64>(), all);
    }

    #[test]
    fn too_many_hours_become_days_in_any_order() {
        let one = Bucket {
            replies: 1,
            failures: 0,
        };
        let hours = 0..10_050_i64;
        let at = |hour: i64| Timestamp::from_seconds((hour - 5000) * 3600, 0);
        let mut forth = Timeline::default();
        hours.clone().for_each(|hour| forth.add(at(hour), one));
        let mut back = Timeline::default();
        hours.clone().rev().for_each(|hour| back.add(at(hour), one));
        let (mut left, mut right) = (Timeline::default(), Timeline::default());
        hours
            .clone()
            .for_each(|hour| if hour % 3 == 0 { &mut left } else { &mut right }.add(at(hour), one));
        left.absorb(right);
        assert_eq!(forth, back);
        assert_eq!(forth, left);
        assert_eq!(forth.seconds(), 24 * 3600);
        assert_eq!(
            forth.iter().map(|(_, b)| b.replies).sum::<u64>(),
            hours.count() as u64
        );
    }
}
