//! Replies and failures over time: one cell for each stretch of hours, so that a line shows when it happened.

use super::layout::Page;
use super::words::{per_mille, thousands};
use super::{Heard, Report};
use crate::tally::{Bucket, Timeline};
use crate::time::Timestamp;

/// Cells of the line.
const CELLS: i64 = 48;

/// What happened in one stretch.
#[derive(Debug, Clone, Copy)]
pub struct HourRow {
    /// Where it begins.
    pub from: Timestamp,
    /// What happened.
    pub bucket: Bucket,
    /// Replies in parts of a thousand of the most.
    pub replies_bar: u64,
    /// Failures in parts of a thousand of the most.
    pub failures_bar: u64,
}

/// A timeline in at most so many stretches of equal length, with those in which nothing happened.
#[derive(Debug, Clone, Default)]
pub struct Hours {
    /// Hours of one stretch.
    pub hours: i64,
    /// The stretches in order.
    pub rows: Vec<HourRow>,
    /// The stretch with most failures.
    pub peak: Option<HourRow>,
}

impl Hours {
    pub(super) fn new(timeline: &Timeline) -> Self {
        let hourly = || {
            timeline
                .iter()
                .map(|(second, bucket)| (second.div_euclid(3600), bucket))
        };
        let first = hourly().next().map(|(hour, _)| hour);
        let last = hourly().last().map(|(hour, _)| hour);
        let Some((first, last)) = first.zip(last) else {
            return Self::default();
        };
        let unit = timeline.seconds() / 3600;
        let units = (last - first) / unit + 1;
        let hours = unit * ((units + CELLS - 1) / CELLS).max(1);
        let cells = usize::try_from((last - first) / hours + 1).unwrap_or(1);
        let mut buckets = vec![Bucket::default(); cells];
        for (hour, bucket) in hourly() {
            let place = usize::try_from((hour - first) / hours).unwrap_or(0);
            if let Some(sum) = buckets.get_mut(place) {
                sum.replies += bucket.replies;
                sum.failures += bucket.failures;
            }
        }
        let replies = buckets.iter().map(|b| b.replies).max().unwrap_or(0);
        let failures = buckets.iter().map(|b| b.failures).max().unwrap_or(0);
        let begin = (0..).map(|cell: i64| (first + cell * hours).saturating_mul(3600));
        let row = |(bucket, seconds): (Bucket, i64)| HourRow {
            from: Timestamp::from_seconds(seconds, 0),
            bucket,
            replies_bar: per_mille(bucket.replies, replies),
            failures_bar: per_mille(bucket.failures, failures),
        };
        let rows: Vec<_> = buckets.into_iter().zip(begin).map(row).collect();
        let mut peak: Option<HourRow> = None;
        for row in &rows {
            let most = peak.map_or(0, |p| p.bucket.failures);
            if row.bucket.failures > most {
                peak = Some(*row);
            }
        }
        Self { hours, rows, peak }
    }
}

/// Two lines of cells; nothing when all is of one stretch.
pub(super) fn section(page: &mut Page, report: &Report, heard: &Heard) {
    let hours = &heard.hours;
    let ends = hours.rows.first().zip(hours.rows.last());
    let Some((first, last)) = ends.filter(|_| hours.rows.len() > 1) else {
        return;
    };
    let look = page.look;
    let each = match hours.hours {
        1 => "a cell is an hour".to_owned(),
        24 => "a cell is a day".to_owned(),
        n => format!("a cell is {n} hours"),
    };
    let to = look.pick("to", "\u{2192}");
    let (first, last) = (report.short_time(first.from), report.short_time(last.from));
    page.heading("BY HOUR", &format!("{first} {to} {last}, {each}"));
    let line = |bar: fn(&HourRow) -> u64| -> String {
        hours.rows.iter().map(|row| look.level(bar(row))).collect()
    };
    page.line(&format!("   replies   {}", line(|row| row.replies_bar)));
    if let Some(peak) = hours.peak {
        page.line(&format!("   failures  {}", line(|row| row.failures_bar)));
        let (from, most) = (
            report.short_time(peak.from),
            thousands(peak.bucket.failures),
        );
        page.line(&format!("   most failures: {most} from {from}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_time_fits_and_keeps_its_sums() {
        let mut timeline = Timeline::default();
        let one = |replies, failures| Bucket { replies, failures };
        for hour in 0..100 {
            timeline.add(Timestamp::from_seconds(hour * 3600, 0), one(2, 0));
        }
        timeline.add(Timestamp::from_seconds(50 * 3600, 0), one(0, 7));
        let hours = Hours::new(&timeline);
        assert_eq!((hours.hours, hours.rows.len()), (3, 34));
        assert_eq!(
            hours.rows.iter().map(|r| r.bucket.replies).sum::<u64>(),
            200
        );
        let peak = hours.peak.unwrap();
        assert_eq!((peak.from.seconds(), peak.bucket.failures), (48 * 3600, 7));
        assert_eq!(
            (hours.rows[0].replies_bar, hours.rows[33].replies_bar),
            (1000, 333)
        );
        assert!(Hours::new(&Timeline::default()).rows.is_empty());
    }
}
