//! Dates in any form that `strftime(3)` writes, as far as a time can be read from them.

use crate::log::envelope;
use crate::time::{Stamp, Timestamp, days_from_date};

/// A piece of a date's form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// `%Y`, `%m`, …
    Directive(u8),
    /// What stands between.
    Literal(u8),
}

/// The pieces of a form; `None` where it has one that is not known here.
pub(super) fn compile(form: &[u8]) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut bytes = form.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            parts.push(Part::Literal(byte));
            continue;
        }
        let long: &[u8] = match bytes.next()? {
            b'F' => b"%Y-%m-%d",
            b'T' => b"%H:%M:%S",
            b'R' => b"%H:%M",
            b'D' => b"%m/%d/%y",
            b'c' => b"%a %b %e %H:%M:%S %Y",
            b'%' => b"%",
            directive if b"YmdeHMSybhBaAzZs".contains(&directive) => {
                parts.push(Part::Directive(directive));
                continue;
            }
            _ => return None,
        };
        match long {
            b"%" => parts.push(Part::Literal(b'%')),
            _ => parts.extend(compile(long)?),
        }
    }
    (!parts.is_empty()).then_some(parts)
}

/// What has been read of a date.
#[derive(Default)]
struct Date {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    seconds: i64,
    /// Seconds east of UTC.
    zone: Option<i64>,
    epoch: Option<i64>,
}

/// A date, and what follows it.
pub(super) fn read<'b>(parts: &[Part], text: &'b [u8]) -> Option<(Stamp, &'b [u8])> {
    let mut date = Date::default();
    let mut rest = text;
    for part in parts {
        rest = match part {
            Part::Literal(byte) => rest.strip_prefix(&[*byte])?,
            Part::Directive(directive) => date.take(*directive, rest)?,
        };
    }
    Some((date.stamp(), rest))
}

impl Date {
    fn take<'b>(&mut self, directive: u8, text: &'b [u8]) -> Option<&'b [u8]> {
        let number = |most: usize| {
            let text = if directive == b'e' { text.trim_ascii_start() } else { text };
            let end = text.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
            let value = i64::try_from(envelope::number(text.get(..end)?)?).ok()?;
            Some((value, text.get(end..)?))
        };
        let in_range = |(value, rest), low, high| (low..=high).contains(&value).then_some((value, rest));
        let letters = text.iter().take_while(|b| !b.is_ascii_digit() && !b" ,/:-[]\"".contains(b)).count();
        let (value, rest) = match directive {
            b'Y' => number(4)?,
            b'y' => number(2).map(|(year, rest)| (year + if year < 69 { 2000 } else { 1900 }, rest))?,
            b'm' => in_range(number(2)?, 1, 12)?,
            b'd' | b'e' => in_range(number(2)?, 1, 31)?,
            b'H' => in_range(number(2)?, 0, 23)?,
            b'M' => in_range(number(2)?, 0, 59)?,
            b'S' => in_range(number(2)?, 0, 60)?,
            b's' => number(12)?,
            b'b' | b'h' | b'B' => (envelope::month(*text.first_chunk()?)?, text.get(letters..)?),
            b'z' => zone(text)?,
            // Names of days and zones say nothing that can be relied on.
            _ => (0, text.get(letters..).filter(|_| letters > 0)?),
        };
        match directive {
            b'Y' | b'y' => self.year = Some(value),
            b'm' | b'b' | b'h' | b'B' => self.month = Some(value),
            b'd' | b'e' => self.day = Some(value),
            b'H' => self.seconds += value * 3600,
            b'M' => self.seconds += value * 60,
            b'S' => self.seconds += value.min(59),
            b's' => self.epoch = Some(value),
            b'z' => self.zone = Some(value),
            _ => {}
        }
        Some(rest)
    }

    fn stamp(&self) -> Stamp {
        if let Some(epoch) = self.epoch {
            return Stamp::Utc(Timestamp::from_seconds(epoch, 0));
        }
        let (Some(month), Some(day)) = (self.month, self.day) else {
            return Stamp::None;
        };
        let Some(year) = self.year else {
            let small = |number: i64| u8::try_from(number).ok();
            let seconds = u32::try_from(self.seconds).ok();
            return match (small(month), small(day), seconds) {
                (Some(month), Some(day), Some(seconds)) => Stamp::Yearless(month, day, seconds),
                _ => Stamp::None,
            };
        };
        let seconds = days_from_date(year, month, day) * 86_400 + self.seconds;
        match self.zone {
            Some(zone) => Stamp::Utc(Timestamp::from_seconds(seconds - zone, 0)),
            None => Stamp::Local(seconds, 0),
        }
    }
}

/// `+0100`
fn zone(text: &[u8]) -> Option<(i64, &[u8])> {
    let (&[sign @ (b'+' | b'-'), h1, h2, m1, m2], rest) = text.split_first_chunk::<5>()? else {
        return None;
    };
    let offset = envelope::two(h1, h2)? * 3600 + envelope::two(m1, m2)? * 60;
    Some((if sign == b'+' { offset } else { -offset }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(form: &str, text: &str, expected: Option<(Stamp, &str)>) {
        let read = compile(form.as_bytes()).and_then(|parts| {
            let (stamp, rest) = read(&parts, text.as_bytes())?;
            Some((stamp, String::from_utf8_lossy(rest).into_owned()))
        });
        let expected = expected.map(|(stamp, rest)| (stamp, rest.to_owned()));
        assert_eq!(read, expected, "{form} {text}");
    }

    #[test]
    fn dates_in_many_forms_are_read() {
        let seconds = days_from_date(2026, 11, 22) * 86_400 + 8 * 3600 + 16 * 60 + 56;
        let local = Stamp::Local(seconds, 0);
        let utc = |seconds| Stamp::Utc(Timestamp::from_seconds(seconds, 0));
        check("%Y-%m-%d %H:%M:%S", "2026-11-22 08:16:56 x", Some((local, " x")));
        check("%FT%T%z", "2026-11-22T08:16:56+0130", Some((utc(seconds - 5400), "")));
        check("%d.%m.%y %R", "22.11.26 08:16", Some((Stamp::Local(seconds - 56, 0), "")));
        check("%c", "Sun Nov 22 08:16:56 2026", Some((local, "")));
        check("%b %e %T", "Nov  2 08:16:56", Some((Stamp::Yearless(11, 2, 29_816), "")));
        check("%B %d, %Y %T %Z", "November 22, 2026 08:16:56 CET.", Some((local, "")));
        check("%s%%", "1763799416%", Some((utc(1_763_799_416), "")));
        check("%H:%M", "08:16", Some((Stamp::None, "")));
    }

    #[test]
    fn what_is_no_date_is_not_read() {
        check("%F", "2026-13-01", None);
        check("%F", "2026-1", None);
        check("%T", "24:00:00", None);
        check("%b", "Foo", None);
        check("%b", "No", None);
        check("%z", "0100", None);
        check("%Q", "x", None);
        check("%", "x", None);
        check("", "x", None);
    }
}
