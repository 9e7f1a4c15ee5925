//! Points in time as people type them, into UTC.
//!
//! Dates and times without a zone are read in the zone that times are shown in. A date is where its day begins; where
//! clocks are set, a time that occurs twice is the first of the two. Nobody asks a clock here: what `now` is, is given.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, ToSpan as _, ZonedDateTime};

use super::words::{Fault, Wrong};
use crate::time::Timestamp;

/// What is taken for now, in the zone of what has none.
#[derive(Debug, Clone)]
pub struct Now(ZonedDateTime);

impl Now {
    /// A point in time seen in a zone.
    pub fn new(at: Timestamp, zone: TimeZone) -> Self {
        let at = jiff::Timestamp::from_nanosecond(i128::from(at.nanos()));
        Self(at.unwrap_or_default().to_zoned_datetime(zone))
    }

    /// The point in time, to the second and below.
    pub fn at(&self) -> Timestamp {
        let nanos = i64::try_from(self.0.timestamp().as_nanosecond());
        Timestamp::from_nanos(nanos.unwrap_or_default())
    }

    /// Another time, as typed, taken for now.
    ///
    /// # Errors
    ///
    /// Says where that is no time.
    pub fn moved_to(&self, option: &'static str, typed: &str) -> Result<Self, Wrong> {
        let at = self.read(typed).map_err(|fault| fault.of(option, typed))?;
        Ok(Self::new(at, self.0.time_zone().clone()))
    }

    /// Reads a time: `2026-03-01T03:00`, RFC 3339, `03:00`, `2h`, `3 days ago`, `yesterday`, `monday`, `last-week`.
    pub(super) fn read(&self, typed: &str) -> Result<Timestamp, Fault> {
        let lead = typed.chars().take_while(|c| c.is_whitespace()).count();
        let text: Vec<char> = typed.trim().to_ascii_lowercase().chars().collect();
        let is_number = |c: Option<&char>| c.is_some_and(char::is_ascii_digit);
        let sign = usize::from(matches!(text.first(), Some('-' | '+')));
        let digits = text.iter().skip(sign).take_while(|c| c.is_ascii_digit());
        let behind = text.get(sign + digits.count());
        let found = match (is_number(text.get(sign)), behind) {
            (true, Some('-')) => self.date(&text),
            (true, Some(':')) => self.of_day(&text),
            (true, _) => self.ago(&text, sign),
            (false, _) => self.named(&text),
        };
        let nanos = found.map(|at| i64::try_from(at.timestamp().as_nanosecond()));
        let nanos = nanos.map_err(|fault| fault.behind(lead))?;
        let far = |_| Fault::new(lead, "too far away; years from 1678 to 2261 can be told");
        nanos.map(Timestamp::from_nanos).map_err(far)
    }

    /// `now`, `today`, `yesterday`, a day of the week, this or last week, month or year.
    fn named(&self, text: &[char]) -> Result<ZonedDateTime, Fault> {
        let parts = text.split(|c| matches!(c, ' ' | '-' | '_'));
        let parts: Vec<String> = parts.map(|part| part.iter().collect()).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let today = self.0.date();
        let monday = i64::from(today.weekday().to_monday_zero_offset());
        let back = |span: Span| today.saturating_sub(span);
        let day = match parts.as_slice() {
            ["now"] => return Ok(self.0.clone()),
            ["today"] => today,
            ["yesterday"] => back(1.day()),
            ["this", "week"] => back(monday.days()),
            ["last", "week"] => back((monday + 7).days()),
            ["this", "month"] => today.first_of_month(),
            ["last", "month"] => back(1.month()).first_of_month(),
            ["this", "year"] => today.first_of_year(),
            ["last", "year"] => back(1.year()).first_of_year(),
            [name] | ["last", name] => {
                let at = text.len() - name.chars().count();
                let weekday = weekday(name).ok_or_else(|| not_a_time(at))?;
                let days = i64::from(today.weekday().since(weekday));
                let is_last = parts.len() == 2;
                back(if days == 0 && is_last { 7 } else { days }.days())
            }
            ["this", _, ..] => return Err(not_a_time(5)),
            _ => return Err(not_a_time(0)),
        };
        self.civil(day.to_datetime(Time::midnight()))
    }

    /// The last time it was that late, if it is not that late yet today.
    fn of_day(&self, text: &[char]) -> Result<ZonedDateTime, Fault> {
        let mut reading = Reading { text, at: 0 };
        let time = reading.time()?;
        reading.end("behind the time nothing may stand")?;
        let today = self.civil(self.0.date().to_datetime(time))?;
        if today <= self.0 {
            return Ok(today);
        }
        self.civil(self.0.date().saturating_sub(1.day()).to_datetime(time))
    }

    /// `2026-03-01`, `2026-03-01 03:00`, `2026-03-01T03:00:00.5+01:00`.
    fn date(&self, text: &[char]) -> Result<ZonedDateTime, Fault> {
        let mut reading = Reading { text, at: 0 };
        let date = reading.date()?;
        if reading.rest().is_empty() {
            return self.civil(date.to_datetime(Time::midnight()));
        }
        reading.one_of(
            &['t', ' '],
            "behind the date stands T or a blank, then the time",
        )?;
        let civil = date.to_datetime(reading.time()?);
        if reading.rest().is_empty() {
            return self.civil(civil);
        }
        let offset = reading.offset()?;
        reading.end("behind the zone nothing may stand")?;
        let at = offset.to_timestamp(civil).map_err(|_| far())?;
        Ok(at.to_zoned_datetime(self.0.time_zone().clone()))
    }

    /// `2h`, `-90 min`, `3 days ago`, `1h30m`; days, weeks and months are those of the calendar.
    fn ago(&self, text: &[char], sign: usize) -> Result<ZonedDateTime, Fault> {
        let mut reading = Reading { text, at: sign };
        let mut words = String::new();
        while !reading.rest().is_empty() {
            let digits = reading.digits();
            words.extend(digits.iter());
            reading.blanks();
            let at = reading.at;
            let unit: String = reading.letters().iter().collect();
            if !UNITS.contains(&unit.as_str()) {
                return Err(Fault::new(
                    at,
                    "a unit is one of s, min, h, days, weeks, months, years",
                ));
            }
            words.extend([" ", &unit, " "]);
            reading.blanks();
            match reading.rest() {
                [] | ['a', 'g', 'o'] => break,
                [c, ..] if c.is_ascii_digit() => {}
                _ => return Err(Fault::new(reading.at, "a number with its unit, or `ago`")),
            }
        }
        let long = |_| Fault::new(sign, "too long a time");
        let span: Span = words.trim_end().parse().map_err(long)?;
        self.0.checked_sub(span).map_err(long)
    }

    fn civil(&self, civil: DateTime) -> Result<ZonedDateTime, Fault> {
        let zone = self.0.time_zone();
        let at = zone.to_ambiguous_zoned_datetime(civil).compatible();
        at.map_err(|_| far())
    }
}

const UNITS: &[&str] = &[
    "s", "sec", "secs", "second", "seconds", "m", "min", "mins", "minute", "minutes", "h", "hr",
    "hrs", "hour", "hours", "d", "day", "days", "w", "wk", "wks", "week", "weeks", "mo", "mos",
    "month", "months", "y", "yr", "yrs", "year", "years",
];

fn weekday(name: &str) -> Option<Weekday> {
    use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
    Some(match name {
        "monday" | "mon" => Monday,
        "tuesday" | "tue" => Tuesday,
        "wednesday" | "wed" => Wednesday,
        "thursday" | "thu" => Thursday,
        "friday" | "fri" => Friday,
        "saturday" | "sat" => Saturday,
        "sunday" | "sun" => Sunday,
        _ => return None,
    })
}

fn not_a_time(at: usize) -> Fault {
    let why = "no time; say 2026-03-01T03:00, 03:00, 2h, 3 days ago, today, yesterday, monday or last-week";
    Fault::new(at, why)
}

fn far() -> Fault {
    Fault::new(0, "too far away; years from 1678 to 2261 can be told")
}

/// A text that is read from left to right.
struct Reading<'t> {
    text: &'t [char],
    at: usize,
}

impl<'t> Reading<'t> {
    fn rest(&self) -> &'t [char] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn while_of(&mut self, fits: impl Fn(&char) -> bool) -> &'t [char] {
        let rest = self.rest();
        let length = rest.iter().take_while(|c| fits(c)).count();
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn digits(&mut self) -> &'t [char] {
        self.while_of(char::is_ascii_digit)
    }

    fn letters(&mut self) -> &'t [char] {
        self.while_of(char::is_ascii_alphabetic)
    }

    fn blanks(&mut self) {
        self.while_of(|c| *c == ' ');
    }

    fn one_of(&mut self, wanted: &[char], why: &str) -> Result<char, Fault> {
        let found = self.rest().first().filter(|c| wanted.contains(c));
        let found = found.ok_or_else(|| Fault::new(self.at, why))?;
        self.at += 1;
        Ok(*found)
    }

    fn end(&self, why: &str) -> Result<(), Fault> {
        match self.rest() {
            [] => Ok(()),
            _ => Err(Fault::new(self.at, why)),
        }
    }

    /// So many digits, and their value.
    fn number(&mut self, length: usize, what: &str) -> Result<i16, Fault> {
        let start = self.at;
        let digits: String = self.digits().iter().collect();
        let wrong = |at| Fault::new(at, format!("{what} has {length} digits"));
        if digits.len() != length {
            return Err(wrong(start + digits.len().min(length)));
        }
        digits.parse().map_err(|_| wrong(start))
    }

    fn small(&mut self, what: &str) -> Result<i8, Fault> {
        let start = self.at;
        let number = self.number(2, what)?;
        i8::try_from(number).map_err(|_| Fault::new(start, "too large"))
    }

    fn date(&mut self) -> Result<Date, Fault> {
        let year = self.number(4, "a year")?;
        self.one_of(&['-'], "behind the year stands a dash")?;
        let month_at = self.at;
        let month = self.small("a month")?;
        if !(1..=12).contains(&month) {
            return Err(Fault::new(month_at, "a month is a number from 01 to 12"));
        }
        self.one_of(&['-'], "behind the month stands a dash")?;
        let day_at = self.at;
        let day = self.small("a day")?;
        Date::new(year, month, day).map_err(|_| Fault::new(day_at, "this month has no such day"))
    }

    /// `03:00`, `03:00:59`, `03:00:59.25`
    fn time(&mut self) -> Result<Time, Fault> {
        let at = self.at;
        let hour = self.small("an hour")?;
        if !(0..24).contains(&hour) {
            return Err(Fault::new(at, "an hour is a number from 00 to 23"));
        }
        self.one_of(&[':'], "behind the hour stands a colon")?;
        let minute = self.sixtieth("a minute")?;
        if self.rest().first() != Some(&':') {
            return Ok(Time::constant(hour, minute, 0, 0));
        }
        self.at += 1;
        let second = self.sixtieth("a second")?;
        let mut nanos = 0;
        if matches!(self.rest().first(), Some('.' | ',')) {
            self.at += 1;
            let at = self.at;
            let digits: String = self.digits().iter().take(9).collect();
            let padded = format!("{digits:0<9}");
            let none = || Fault::new(at, "a fraction has digits");
            let number = padded.parse().ok().filter(|_| !digits.is_empty());
            nanos = number.ok_or_else(none)?;
        }
        let time = Time::new(hour, minute, second, nanos);
        time.map_err(|_| Fault::new(at, "there is no such time"))
    }

    fn sixtieth(&mut self, what: &str) -> Result<i8, Fault> {
        let at = self.at;
        let number = self.small(what)?;
        let fits = (0..60).contains(&number).then_some(number);
        fits.ok_or_else(|| Fault::new(at, format!("{what} is a number from 00 to 59")))
    }

    /// `Z`, `+01:00`, `-0530`
    fn offset(&mut self) -> Result<Offset, Fault> {
        let why = "a zone is Z or like +01:00; other zones are given with --tz";
        let sign = self.one_of(&['z', '+', '-'], why)?;
        if sign == 'z' {
            return Ok(Offset::UTC);
        }
        let at = self.at;
        let hours = self.rest().iter().take(2).filter(|c| c.is_ascii_digit());
        let is_short = hours.count() == 2 && self.rest().len() == 4;
        let (hour, minute) = if is_short {
            let number = self.number(4, "a zone")?;
            (number / 100, number % 100)
        } else {
            let hour = self.small("a zone's hours")?;
            self.one_of(&[':'], "between hours and minutes of a zone stands a colon")?;
            (i16::from(hour), i16::from(self.sixtieth("a minute")?))
        };
        let seconds = (i32::from(hour) * 60 + i32::from(minute)) * 60;
        let signed = if sign == '-' { -seconds } else { seconds };
        Offset::from_seconds(signed).map_err(|_| Fault::new(at, "no zone is so far away"))
    }
}
