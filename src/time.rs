//! Points in time as captures and logs give them, and what is needed to make them UTC.
//!
//! Captures carry UTC; most logs carry local time without a zone, some without
//! a year. A reader says what stood there ([`Stamp`]); a [`Clock`] turns it
//! into a [`Timestamp`] in file order. The machine's own clock is never asked.

use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

const NANOS: i64 = 1_000_000_000;
const DAY: i64 = 86_400;
/// No zone changes its offset within one.
const QUARTER: i64 = 900;

/// Nanoseconds since 1970-01-01T00:00:00Z.
///
/// Kept as the nanoseconds since the earliest point there is, in the year 1677, which is never 0: so a time that may be absent
/// takes no more room than one that is there, and every event, exchange and reply has some.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(NonZeroU64);

/// The start of 1970.
impl Default for Timestamp {
    fn default() -> Self {
        Self::from_nanos(0)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({})", self.nanos())
    }
}

impl Timestamp {
    /// From nanoseconds since 1970; the least number there is stands for the one after it.
    pub fn from_nanos(nanos: i64) -> Self {
        let since_first = nanos.wrapping_sub(i64::MIN).cast_unsigned();
        Self(NonZeroU64::new(since_first).unwrap_or(NonZeroU64::MIN))
    }

    /// From seconds since 1970 and nanoseconds on top; saturates in the year 2262.
    pub fn from_seconds(seconds: i64, nanos: u32) -> Self {
        let nanos = i64::from(nanos);
        Self::from_nanos(seconds.saturating_mul(NANOS).saturating_add(nanos))
    }

    /// Nanoseconds since 1970.
    pub fn nanos(self) -> i64 {
        self.0.get().cast_signed().wrapping_add(i64::MIN)
    }

    /// Whole seconds since 1970, rounded down.
    pub fn seconds(self) -> i64 {
        self.nanos().div_euclid(NANOS)
    }

    /// Time passed since an earlier point; zero when that point is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    /// The same in nanoseconds.
    pub fn nanos_since(self, earlier: Timestamp) -> u64 {
        let nanos = self.0.get().saturating_sub(earlier.0.get());
        nanos.min(i64::MAX.cast_unsigned())
    }

    /// Nanoseconds between two points, whichever is the earlier.
    pub fn nanos_apart(self, other: Timestamp) -> u64 {
        self.0.get().abs_diff(other.0.get())
    }

    /// The time so many nanoseconds later.
    #[must_use]
    pub fn later(self, nanos: i64) -> Self {
        Self::from_nanos(self.nanos().saturating_add(nanos))
    }

    /// The point so long before this one.
    #[must_use]
    pub fn before(self, passed: Duration) -> Self {
        let nanos = i64::try_from(passed.as_nanos()).unwrap_or(i64::MAX);
        Self::from_nanos(self.nanos().saturating_sub(nanos))
    }

    /// As seen in a time zone: year, month, day, hour, minute, second.
    pub(crate) fn civil(self, zone: &TimeZone) -> Option<jiff::civil::DateTime> {
        jiff::Timestamp::from_nanosecond(i128::from(self.nanos()))
            .ok()
            .map(|t| zone.to_datetime(t))
    }

    /// `2026-03-01 00:00:00` in a zone.
    pub fn date_time(self, zone: &TimeZone) -> String {
        self.civil(zone).map_or_else(
            || self.to_string(),
            |t| t.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        )
    }

    /// `00:00:00` in a zone.
    pub fn clock_time(self, zone: &TimeZone) -> String {
        self.civil(zone)
            .map_or_else(|| self.to_string(), |t| t.strftime("%H:%M:%S").to_string())
    }

    /// Hour of the day (0 to 23) in a zone.
    pub fn hour(self, zone: &TimeZone) -> usize {
        self.civil(zone)
            .and_then(|t| usize::try_from(t.hour()).ok())
            .unwrap_or(0)
    }
}

/// RFC 3339 in UTC, with as many decimals as are needed (0, 3, 6 or 9).
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (
            self.nanos().div_euclid(NANOS),
            self.nanos().rem_euclid(NANOS),
        );
        let (year, month, day) = date_of(seconds.div_euclid(DAY));
        let rest = seconds.rem_euclid(DAY);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
            rest / 3600,
            rest / 60 % 60,
            rest % 60
        )?;
        match nanos {
            0 => {}
            n if n % 1_000_000 == 0 => write!(f, ".{:03}", n / 1_000_000)?,
            n if n % 1_000 == 0 => write!(f, ".{:06}", n / 1_000)?,
            n => write!(f, ".{n:09}")?,
        }
        f.write_str("Z")
    }
}

/// Days since 1970-01-01 of a date in the Gregorian calendar.
///
/// Counts years from March, so that the leap day is the last of its year (the well-known `days_from_civil` method).
pub fn days_from_date(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of a day since 1970-01-01.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * from_march + 2) / 5 + 1)
}

/// A time as it stands in a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// The line carries a zone or is in UTC.
    Utc(Timestamp),
    /// Local time without a zone: seconds since 1970 as if it were UTC, and nanoseconds.
    Local(i64, u32),
    /// Local time without a year: month, day, seconds of the day.
    Yearless(u8, u8, u32),
    /// Local time without a zone whose date is two numbers and a year, in the order that the writer's machine was set to:
    /// the numbers, the year, seconds of the day. Either number may be the month.
    Unordered(u8, u8, i16, u32),
    /// Time of the day in UTC, in a log that says only at its head when it begins: that in seconds since 1970, and seconds
    /// of the day.
    OfDay(i64, u32),
    /// No time at all.
    None,
}

/// Turns the stamps of one source into UTC, in the order of its lines.
///
/// A stamp without a year takes the year of the line before it, one later when it falls back by more than half a year
/// (New Year), and starts with the year that makes the first line the latest one not after `latest`.
#[derive(Debug, Clone)]
pub struct Clock {
    zone: TimeZone,
    latest: Option<Timestamp>,
    year: Option<i64>,
    last_day_of_year: i64,
    /// The first second (local) of the quarter of an hour last asked for, and its offset from UTC in seconds.
    cached: Option<(i64, i64)>,
    /// Whether the month stands before the day, once a date has shown it.
    month_first: Option<bool>,
    /// When the log says it begins; the day of the line before, and its second of the day.
    of_day: Option<(i64, i64, i64)>,
}

/// What a clock has learnt of a source, so that another one can go on where it was left.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ClockMemory {
    year: Option<i64>,
    last_day_of_year: i64,
    month_first: Option<bool>,
    of_day: Option<(i64, i64, i64)>,
}

impl Clock {
    /// What it has learnt.
    pub fn memory(&self) -> ClockMemory {
        ClockMemory {
            year: self.year,
            last_day_of_year: self.last_day_of_year,
            month_first: self.month_first,
            of_day: self.of_day,
        }
    }

    /// Goes on with what another clock has learnt of the same source.
    pub fn remember(&mut self, memory: &ClockMemory) {
        self.year = memory.year.or(self.year);
        self.last_day_of_year = memory.last_day_of_year;
        self.month_first = memory.month_first;
        self.of_day = memory.of_day;
    }

    /// A clock for a source in `zone`; `latest` is when it was last written to, `year` overrides the guess from that.
    pub fn new(zone: TimeZone, latest: Option<Timestamp>, year: Option<i64>) -> Self {
        Self {
            zone,
            latest,
            year,
            last_day_of_year: 0,
            cached: None,
            month_first: None,
            of_day: None,
        }
    }

    /// Learns from a date in which order day and month stand, if it shows it: no month has a number above 12.
    pub fn learn(&mut self, stamp: Stamp) {
        if let Stamp::Unordered(first, second, ..) = stamp {
            self.month_first = match (first > 12, second > 12) {
                (true, false) => Some(false),
                (false, true) => Some(true),
                _ => return,
            };
        }
    }

    /// True where this stamp's date can be read in two ways, and no date before it has shown which is right.
    pub fn is_guess(&self, stamp: Stamp) -> bool {
        matches!(stamp, Stamp::Unordered(a, b, ..) if self.month_first.is_none() && a != b)
    }

    /// The point in time of a stamp; `None` for a stamp without time.
    pub fn utc(&mut self, stamp: Stamp) -> Option<Timestamp> {
        match stamp {
            Stamp::Utc(at) => Some(at),
            Stamp::Local(seconds, nanos) => Some(self.local(seconds, nanos)),
            Stamp::Yearless(month, day, seconds) => {
                let (month, day) = (i64::from(month), i64::from(day));
                let year = self.year_of(month, day);
                let days = days_from_date(year, month, day);
                Some(self.local(days * DAY + i64::from(seconds), 0))
            }
            Stamp::Unordered(first, second, year, seconds) => {
                self.learn(stamp);
                let (first, second, year) = (first.into(), second.into(), year.into());
                let days = self.unordered(first, second, year);
                Some(self.local(days * DAY + i64::from(seconds), 0))
            }
            Stamp::OfDay(start, seconds) => Some(self.of_day(start, seconds.into())),
            Stamp::None => None,
        }
    }

    /// A time that falls back by more than half a day is the next day's. Lines of two sessions around midnight may stand
    /// in the wrong order.
    fn of_day(&mut self, start: i64, seconds: i64) -> Timestamp {
        const MINUTE: i64 = 60;
        let first = (start, start.div_euclid(DAY), start.rem_euclid(DAY));
        let (_, day, last) = self
            .of_day
            .filter(|known| known.0 == start)
            .unwrap_or(first);
        if seconds >= DAY - MINUTE && last < MINUTE && day > first.1 {
            return Timestamp::from_seconds((day - 1) * DAY + seconds, 0);
        }
        let day = if last - seconds > DAY / 2 {
            day + 1
        } else {
            day
        };
        self.of_day = Some((start, day, seconds));
        Timestamp::from_seconds(day * DAY + seconds, 0)
    }

    fn year_of(&mut self, month: i64, day: i64) -> i64 {
        let day_of_year = month * 31 + day;
        let year = match self.year {
            Some(year) if self.last_day_of_year - day_of_year > 186 => year + 1,
            Some(year) => year,
            None => self.first_year(month, day),
        };
        self.year = Some(year);
        self.last_day_of_year = day_of_year;
        year
    }

    fn first_year(&self, month: i64, day: i64) -> i64 {
        let Some(latest) = self.latest else {
            return 1970;
        };
        let latest_day = latest.seconds().div_euclid(DAY) + 1; // local time may be a day ahead
        let (year, ..) = date_of(latest_day);
        if days_from_date(year, month, day) > latest_day {
            year - 1
        } else {
            year
        }
    }

    /// Days since 1970 of a date in the order that other dates have shown. Where none has: day, then month, as most of the
    /// world writes it, unless that is later than the file was written.
    fn unordered(&self, first: i64, second: i64, year: i64) -> i64 {
        let day_first = days_from_date(year, second, first);
        let month_first = days_from_date(year, first, second);
        let is_late = |days: i64| {
            let latest = self.latest.map(|at| at.seconds().div_euclid(DAY) + 1); // local time may be a day ahead
            latest.is_some_and(|latest| days > latest)
        };
        match self.month_first {
            Some(true) => month_first,
            None if is_late(day_first) && !is_late(month_first) => month_first,
            _ => day_first,
        }
    }

    /// Local time is looked up once per quarter of an hour: no zone changes its offset in between. A time that occurs
    /// twice (clocks set back) is taken as the first of the two.
    fn local(&mut self, seconds: i64, nanos: u32) -> Timestamp {
        let offset = match self.cached {
            Some((start, offset)) if (0..QUARTER).contains(&seconds.saturating_sub(start)) => {
                offset
            }
            _ => {
                let start = seconds.div_euclid(QUARTER) * QUARTER;
                let offset = self.offset(start);
                self.cached = Some((start, offset));
                offset
            }
        };
        Timestamp::from_seconds(seconds.saturating_sub(offset), nanos)
    }

    fn offset(&self, local_seconds: i64) -> i64 {
        let civil =
            jiff::Timestamp::from_second(local_seconds).map(|t| TimeZone::UTC.to_datetime(t));
        let offset = civil.and_then(|t| self.zone.to_ambiguous_timestamp(t).compatible());
        offset.map_or(0, |utc| local_seconds - utc.as_second())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_rfc_3339_with_the_decimals_it_has() {
        let show = |nanos| Timestamp::from_nanos(nanos).to_string();
        assert_eq!(show(0), "1970-01-01T00:00:00Z");
        assert_eq!(
            show(1_772_323_200_123_456_000),
            "2026-03-01T00:00:00.123456Z"
        );
        assert_eq!(
            show(1_709_164_800_000_000_001),
            "2024-02-29T00:00:00.000000001Z"
        );
        assert_eq!(show(-1), "1969-12-31T23:59:59.999999999Z");
    }

    #[test]
    fn a_time_comes_out_as_it_went_in_and_its_absence_costs_nothing() {
        let numbers = [i64::MIN + 1, -1, 0, 1, 1_772_323_200_123_456_000, i64::MAX];
        for pair in numbers.windows(2) {
            let [earlier, later] = [pair[0], pair[1]].map(Timestamp::from_nanos);
            assert_eq!((earlier.nanos(), later.nanos()), (pair[0], pair[1]));
            assert!(earlier < later);
        }
        let first = Timestamp::from_nanos(i64::MIN);
        assert_eq!(first.nanos(), i64::MIN + 1);
        assert_eq!(first.before(Duration::from_secs(1)), first);
        let last = Timestamp::from_nanos(i64::MAX);
        assert_eq!(last.nanos_since(first), i64::MAX.cast_unsigned());
        assert_eq!(size_of::<Option<Timestamp>>(), size_of::<Timestamp>());
    }

    #[test]
    fn days_and_dates_are_inverse_over_eight_centuries() {
        for days in (-150_000..150_000).step_by(7) {
            let (year, month, day) = date_of(days);
            assert_eq!(days_from_date(year, month, day), days);
        }
    }

    #[test]
    fn local_time_follows_the_zone_through_summer_time() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let mut clock = Clock::new(zone, None, None);
        let winter = days_from_date(2026, 1, 15) * DAY + 12 * 3600;
        let summer = days_from_date(2026, 7, 15) * DAY + 12 * 3600;
        assert_eq!(
            clock.utc(Stamp::Local(winter, 0)).unwrap().seconds(),
            winter - 3600
        );
        assert_eq!(
            clock.utc(Stamp::Local(summer, 0)).unwrap().seconds(),
            summer - 7200
        );
    }

    #[test]
    fn the_order_of_day_and_month_is_learnt() {
        let mut clock = Clock::new(TimeZone::UTC, None, None);
        let third_of_april = Stamp::Unordered(3, 4, 2026, 60);
        assert!(clock.is_guess(third_of_april));
        let told = |clock: &mut Clock, stamp| clock.utc(stamp).unwrap().to_string();
        assert_eq!(told(&mut clock, third_of_april), "2026-04-03T00:01:00Z");
        clock.learn(Stamp::Unordered(4, 4, 2026, 0));
        clock.learn(Stamp::Unordered(3, 13, 2026, 0));
        assert!(!clock.is_guess(third_of_april));
        assert_eq!(told(&mut clock, third_of_april), "2026-03-04T00:01:00Z");
        let latest = Timestamp::from_seconds(days_from_date(2026, 3, 5) * DAY, 0);
        let mut clock = Clock::new(TimeZone::UTC, Some(latest), None);
        assert_eq!(told(&mut clock, third_of_april), "2026-03-04T00:01:00Z");
    }

    #[test]
    fn times_of_the_day_roll_over_at_midnight() {
        let mut clock = Clock::new(TimeZone::UTC, None, None);
        let start = days_from_date(2026, 2, 28) * DAY + 23 * 3600;
        let mut told = |start, hour: u32, rest: u32| {
            let stamp = Stamp::OfDay(start, hour * 3600 + rest);
            clock.utc(stamp).unwrap().to_string()
        };
        assert_eq!(told(start, 22, 3599), "2026-02-28T22:59:59Z");
        assert_eq!(told(start, 23, 3599), "2026-02-28T23:59:59Z");
        assert_eq!(told(start, 0, 1), "2026-03-01T00:00:01Z");
        assert_eq!(told(start, 23, 3599), "2026-02-28T23:59:59Z");
        assert_eq!(told(start, 0, 2), "2026-03-01T00:00:02Z");
        assert_eq!(told(start, 23, 0), "2026-03-01T23:00:00Z");
        assert_eq!(told(start, 1, 0), "2026-03-02T01:00:00Z");
        assert_eq!(told(start, 0, 3599), "2026-03-02T00:59:59Z");
        // A new head begins anew, and its own time counts as the line before.
        assert_eq!(told(start + DAY, 0, 0), "2026-03-02T00:00:00Z");
    }

    #[test]
    fn a_year_is_taken_from_the_end_of_the_file_and_wraps_at_new_year() {
        let latest = Timestamp::from_seconds(days_from_date(2026, 1, 3) * DAY, 0);
        let mut clock = Clock::new(TimeZone::UTC, Some(latest), None);
        assert_eq!(
            clock
                .utc(Stamp::Yearless(12, 31, 86_399))
                .unwrap()
                .to_string(),
            "2025-12-31T23:59:59Z"
        );
        assert_eq!(
            clock.utc(Stamp::Yearless(1, 1, 0)).unwrap().to_string(),
            "2026-01-01T00:00:00Z"
        );
        assert_eq!(
            clock.utc(Stamp::Yearless(12, 31, 0)).unwrap().to_string(),
            "2026-12-31T00:00:00Z"
        );
    }
}
