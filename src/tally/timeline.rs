//! Replies and failures by hour; by day, or ten days, when there are too many hours.
//!
//! The widths divide one another, so the width in the end depends only on what was added, not on the order.

use std::collections::BTreeMap;

use crate::limits;
use crate::time::Timestamp;

/// Hours of a bucket, from fine to coarse.
const WIDTHS: [i64; 4] = [1, 24, 240, 2400];

/// What happened in one bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Replies observed.
    pub replies: u64,
    /// Failed operations that count.
    pub failures: u64,
}

/// Replies and failures over time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    width: usize,
    buckets: BTreeMap<i64, Bucket>,
}

impl Timeline {
    /// Adds to the bucket of a point in time.
    pub fn add(&mut self, at: Timestamp, bucket: Bucket) {
        let hour = at.seconds().div_euclid(3600);
        self.put(hour.div_euclid(self.hours()), bucket);
    }

    fn put(&mut self, place: i64, bucket: Bucket) {
        let known = self.buckets.entry(place).or_default();
        known.replies += bucket.replies;
        known.failures += bucket.failures;
        while self.buckets.len() > limits::TIMELINE_BUCKETS && self.width + 1 < WIDTHS.len() {
            self.coarsen(self.width + 1);
        }
    }

    fn coarsen(&mut self, width: usize) {
        let before = self.hours();
        self.width = width;
        let factor = self.hours() / before;
        for (place, bucket) in std::mem::take(&mut self.buckets) {
            let known = self.buckets.entry(place.div_euclid(factor)).or_default();
            known.replies += bucket.replies;
            known.failures += bucket.failures;
        }
    }

    /// Adds another part's buckets.
    pub fn absorb(&mut self, mut other: Self) {
        if self.width < other.width {
            self.coarsen(other.width);
        }
        if other.width < self.width {
            other.coarsen(self.width);
        }
        for (place, bucket) in other.buckets {
            let hours = self.hours();
            // The width may grow while buckets are put in.
            let place = (place * hours_of(other.width)).div_euclid(hours);
            self.put(place, bucket);
        }
    }

    /// Hours of one bucket.
    pub fn hours(&self) -> i64 {
        hours_of(self.width)
    }

    /// The buckets in order: first hour since 1970, and what happened.
    pub fn iter(&self) -> impl Iterator<Item = (i64, Bucket)> {
        let hours = self.hours();
        self.buckets
            .iter()
            .map(move |(place, bucket)| (place * hours, *bucket))
    }
}

fn hours_of(width: usize) -> i64 {
    WIDTHS.get(width).copied().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(forth.hours(), 24);
        assert_eq!(
            forth.iter().map(|(_, b)| b.replies).sum::<u64>(),
            hours.count() as u64
        );
    }
}
