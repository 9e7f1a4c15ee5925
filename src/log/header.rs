//! Lines that begin with `#` say what the columns of the lines behind them are: W3C's extended log format and Zeek's TSV.
//!
//! A [`Header`] is what such lines have said so far. The reader keeps it and hands it to formats that ask for it
//! ([`Format::is_headed_by`](crate::log::Format::is_headed_by)); it may change in the middle of a file. By it a line
//! becomes a [`Row`]: its values by the [`Column`] they stand in. A column that no format asks for is passed over. What
//! values mean is the formats' business, and so is whether the writer is one that they know.

use std::borrow::Cow;

use crate::limits;
use crate::log::envelope;
use crate::time::{Stamp, Timestamp, days_from_date};

/// A column that some format asks for. W3C's and Zeek's names for the same thing are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// One that nobody asks for.
    Other,
    /// `date`.
    Date,
    /// `time`.
    Time,
    /// Zeek's `ts`: seconds since 1970.
    Epoch,
    /// `c-ip`, `id.orig_h`.
    ClientIp,
    /// `c-port`, `id.orig_p`.
    ClientPort,
    /// `s-ip`, `id.resp_h`.
    ServerIp,
    /// `s-port`, `id.resp_p`.
    ServerPort,
    /// `s-sitename`.
    Site,
    /// `cs-username`, `user`.
    User,
    /// `cs-method`, `command`.
    Method,
    /// `cs-uri-stem`, `arg`.
    Argument,
    /// `cs-uri-query`.
    Query,
    /// `sc-status`, `reply_code`.
    Status,
    /// `reply_msg`.
    Text,
    /// `sc-win32-status`.
    Win32,
    /// `sc-substatus`.
    Substatus,
    /// `sc-bytes`.
    ServerBytes,
    /// `cs-bytes`.
    ClientBytes,
    /// `x-session`, `uid`.
    Session,
    /// `x-fullpath`.
    FullPath,
    /// One that only web servers have: `cs(User-Agent)`, `cs-version` and their kin.
    Web,
}

/// How many kinds of columns there are.
const COLUMNS: usize = Column::Web as usize + 1;

impl Column {
    #[rustfmt::skip]
    fn named(name: &[u8]) -> Self {
        let name = name.to_ascii_lowercase();
        match name.as_slice() {
            b"date" => Self::Date,
            b"time" => Self::Time,
            b"ts" => Self::Epoch,
            b"c-ip" | b"id.orig_h" => Self::ClientIp,
            b"c-port" | b"id.orig_p" => Self::ClientPort,
            b"s-ip" | b"id.resp_h" => Self::ServerIp,
            b"s-port" | b"id.resp_p" => Self::ServerPort,
            b"s-sitename" => Self::Site,
            b"cs-username" | b"user" => Self::User,
            b"cs-method" | b"command" => Self::Method,
            b"cs-uri-stem" | b"arg" => Self::Argument,
            b"cs-uri-query" => Self::Query,
            b"sc-status" | b"reply_code" => Self::Status,
            b"reply_msg" => Self::Text,
            b"sc-win32-status" => Self::Win32,
            b"sc-substatus" => Self::Substatus,
            b"sc-bytes" => Self::ServerBytes,
            b"cs-bytes" => Self::ClientBytes,
            b"x-session" | b"uid" => Self::Session,
            b"x-fullpath" => Self::FullPath,
            b"cs-version" | b"cs-uri" => Self::Web,
            _ if name.starts_with(b"cs(") || name.starts_with(b"sc(") => Self::Web,
            _ => Self::Other,
        }
    }
}

/// Who writes, as far as a format asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Writer {
    /// The header does not say.
    #[default]
    Unknown,
    /// Microsoft's servers, for FTP and others alike.
    Microsoft,
    /// Pure-FTPd.
    PureFtpd,
    /// Globalscape EFT and what it was before: `CuteFTP` Server.
    Globalscape,
    /// Zeek (and Bro), whose header names no program.
    Zeek,
    /// Somebody else.
    Other,
}

impl Writer {
    fn named(name: &[u8]) -> Self {
        let has = |word: &[u8]| memchr::memmem::find(name, word).is_some();
        if has(b"Microsoft Internet Information") || has(b"Microsoft IIS") {
            Self::Microsoft
        } else if has(b"Pure-FTPd") {
            Self::PureFtpd
        } else if has(b"CuteLogger") || has(b"Globalscape") || has(b"GlobalSCAPE") || has(b"EFT") {
            Self::Globalscape
        } else {
            Self::Other
        }
    }
}

/// What the `#` lines have said so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// Who writes.
    pub writer: Writer,
    /// When the log begins: seconds since 1970 in UTC.
    pub start: Option<i64>,
    /// Zeek's name of the log.
    pub path: Option<Box<[u8]>>,
    columns: Cow<'static, [Column]>,
    /// What stands between values; `None` for any number of blanks.
    separator: Option<u8>,
    /// What stands for no value; empty for `-`.
    unset: Cow<'static, [u8]>,
    /// What stands for an empty value; empty where that can't be.
    empty: Cow<'static, [u8]>,
}

impl Header {
    /// Columns that lines have where no header says so, with any number of blanks between them.
    pub const fn assumed(columns: &'static [Column]) -> Self {
        Self {
            writer: Writer::Unknown,
            start: None,
            path: None,
            columns: Cow::Borrowed(columns),
            separator: None,
            unset: Cow::Borrowed(b""),
            empty: Cow::Borrowed(b""),
        }
    }

    /// The same with tabs between them.
    pub const fn assumed_in_tabs(columns: &'static [Column]) -> Self {
        let mut header = Self::assumed(columns);
        header.separator = Some(b'\t');
        header
    }

    /// True when a line says which columns there are.
    pub fn has_columns(&self) -> bool {
        !self.columns.is_empty()
    }

    /// True when there is such a column.
    pub fn has(&self, column: Column) -> bool {
        self.columns.contains(&column)
    }

    /// Takes what a line says that begins with `#`. Remarks say nothing.
    pub fn take(&mut self, line: &[u8]) {
        let Some(line) = line.strip_prefix(b"#") else {
            return;
        };
        let ends = |b: &u8| b.is_ascii_whitespace() || *b == b':' || Some(*b) == self.separator;
        let end = line.iter().position(ends);
        let (name, rest) = line.split_at(end.unwrap_or(line.len()));
        let value = rest.strip_prefix(b":").unwrap_or(rest);
        match name {
            b"Software" => self.writer = Writer::named(value),
            b"Date" | b"Start-Date" => self.start = start(value.trim_ascii()),
            b"Fields" => {
                (self.separator, self.unset, self.empty) = (None, Cow::default(), Cow::default());
                let names = value
                    .split(u8::is_ascii_whitespace)
                    .filter(|name| !name.is_empty());
                self.columns = names
                    .map(Column::named)
                    .take(limits::LOG_COLUMNS + 1)
                    .collect();
            }
            b"separator" => {
                *self = Self {
                    writer: Writer::Zeek,
                    separator: unescaped(value.trim_ascii()).first().copied(),
                    ..Self::default()
                }
            }
            b"unset_field" => self.unset = self.value(rest).to_vec().into(),
            b"empty_field" => self.empty = self.value(rest).to_vec().into(),
            b"path" => self.path = Some(self.value(rest).into()),
            b"fields" => {
                let between = *self.separator.get_or_insert(b'\t');
                let names = self.value(rest).split(|b| *b == between);
                self.columns = names
                    .map(Column::named)
                    .take(limits::LOG_COLUMNS + 1)
                    .collect();
            }
            _ => {}
        }
    }

    /// What stands behind the name of one of Zeek's directives, and the separator.
    fn value<'l>(&self, rest: &'l [u8]) -> &'l [u8] {
        let between = self.separator.unwrap_or(b'\t');
        rest.strip_prefix(&[between]).unwrap_or(rest.trim_ascii())
    }

    /// The values of a line. `None` where it has not as many as there are columns, or the header names more than are kept.
    /// Where it has more because a writer let blanks stand, they are those of `loose`.
    pub fn row<'b>(&self, line: &'b [u8], loose: Column) -> Option<Row<'b>> {
        if self.columns.len() > limits::LOG_COLUMNS {
            return None;
        }
        let mut row = Row {
            line,
            places: [(0, 0); COLUMNS],
        };
        let extra = self.fill(&mut row, loose, 0)?;
        if extra > 0 {
            let may_be_loose = self.separator.is_none() && self.has(loose);
            row.places = [(0, 0); COLUMNS];
            let extra = may_be_loose.then(|| self.fill(&mut row, loose, extra))??;
            return (extra == 0).then_some(row);
        }
        Some(row)
    }

    /// Finds the values of a line, of which `loose` has some more. Answers how many are left over.
    fn fill(&self, row: &mut Row<'_>, loose: Column, mut more: usize) -> Option<usize> {
        let mut values = Values::of(row.line, self.separator);
        for column in &*self.columns {
            let (start, mut end) = values.next()?;
            if *column == loose {
                for _ in 0..std::mem::take(&mut more) {
                    end = values.next()?.1;
                }
            }
            let value = row.line.get(start..end)?;
            if let Some(place) = row.places.get_mut(*column as usize)
                && !self.is_nothing(value)
            {
                // A line that is longer was not read.
                *place = (u32::try_from(start).ok()?, u32::try_from(end).ok()?);
            }
        }
        Some(values.count())
    }

    fn is_nothing(&self, value: &[u8]) -> bool {
        match &*self.unset {
            b"" => value == b"-",
            unset => value == unset || value == &*self.empty,
        }
    }
}

/// The places of a line's values.
struct Values<'b> {
    line: &'b [u8],
    /// Where the next one begins; `None` behind the last.
    at: Option<usize>,
    ends: Ends<'b>,
}

/// What stands between values: a sign each time, or any number of blanks.
enum Ends<'b> {
    Sign(memchr::Memchr<'b>),
    Blanks(memchr::Memchr2<'b>),
}

impl<'b> Values<'b> {
    fn of(line: &'b [u8], separator: Option<u8>) -> Self {
        let ends = match separator {
            Some(sign) => Ends::Sign(memchr::memchr_iter(sign, line)),
            None => Ends::Blanks(memchr::memchr2_iter(b' ', b'\t', line)),
        };
        Self {
            line,
            at: Some(0),
            ends,
        }
    }
}

impl Iterator for Values<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let mut start = self.at?;
        let end = match &mut self.ends {
            Ends::Sign(signs) => signs.next(),
            Ends::Blanks(blanks) => loop {
                match blanks.next() {
                    Some(blank) if blank == start => start += 1,
                    end => break end,
                }
            },
        };
        self.at = end.map(|end| end + 1);
        let is_blank = matches!(self.ends, Ends::Blanks(_)) && start == self.line.len();
        (!is_blank).then(|| (start, end.unwrap_or(self.line.len())))
    }
}

/// A line's values by their columns.
#[derive(Debug)]
pub struct Row<'b> {
    line: &'b [u8],
    /// Where they begin and end. Both 0 where there is none.
    places: [(u32, u32); COLUMNS],
}

impl<'b> Row<'b> {
    /// The value in a column; empty where the line has none, or the log no such column.
    pub fn get(&self, column: Column) -> &'b [u8] {
        let (start, end) = self
            .places
            .get(column as usize)
            .copied()
            .unwrap_or_default();
        self.line
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    /// The value in a column, if there is one.
    pub fn value(&self, column: Column) -> Option<&'b [u8]> {
        Some(self.get(column)).filter(|value| !value.is_empty())
    }

    /// A number.
    pub fn number(&self, column: Column) -> Option<u64> {
        envelope::number(self.get(column))
    }

    /// A port.
    pub fn port(&self, column: Column) -> Option<u16> {
        self.number(column)
            .and_then(|port| u16::try_from(port).ok())
    }

    /// When it was written, in UTC. `None` where date or time are none.
    pub fn stamp(&self, header: &Header) -> Option<Stamp> {
        if !header.has(Column::Time) {
            return Some(Stamp::None);
        }
        let (seconds, nanos) = time_of_day(self.get(Column::Time))?;
        if header.has(Column::Date) {
            let day = day(self.get(Column::Date))?;
            return Some(Stamp::Utc(Timestamp::from_seconds(
                day * DAY + seconds,
                nanos,
            )));
        }
        let seconds = u32::try_from(seconds).ok()?;
        Some(
            header
                .start
                .map_or(Stamp::None, |start| Stamp::OfDay(start, seconds)),
        )
    }
}

const DAY: i64 = 86_400;

/// `2026-11-22 08:16:55`, and perhaps a remark behind it.
fn start(value: &[u8]) -> Option<i64> {
    let mut words = value.split(u8::is_ascii_whitespace);
    let day = day(words.next()?)?;
    let time = words.next().and_then(time_of_day);
    Some(day * DAY + time.map_or(0, |(seconds, _)| seconds))
}

/// `2026-11-22` as days since 1970.
fn day(text: &[u8]) -> Option<i64> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else {
        return None;
    };
    let year = envelope::two(y1, y2)? * 100 + envelope::two(y3, y4)?;
    let (month, day) = (envelope::two(m1, m2)?, envelope::two(d1, d2)?);
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day);
    is_date.then(|| days_from_date(year, month, day))
}

/// `08:16:55`, `08:16:55.123` as seconds and nanoseconds.
fn time_of_day(text: &[u8]) -> Option<(i64, u32)> {
    let (time, rest) = text.split_first_chunk::<8>()?;
    let seconds = envelope::clock(*time)?;
    let Some(digits) = rest.strip_prefix(b".") else {
        return rest.is_empty().then_some((seconds, 0));
    };
    let scale = 10_u64.checked_pow(9_u32.checked_sub(u32::try_from(digits.len()).ok()?)?)?;
    Some((
        seconds,
        u32::try_from(envelope::number(digits)? * scale).ok()?,
    ))
}

/// Bytes in which Zeek wrote some as `\x09`.
pub fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memmem::find(text, b"\\x") else {
        return Cow::Borrowed(text);
    };
    let hexadecimal = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let (kept, mut rest) = text.split_at(first);
    let mut bytes = kept.to_vec();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = match *rest {
            [b'\\', b'x', high, low, ..] => hexadecimal(high).zip(hexadecimal(low)),
            _ => None,
        };
        if let Some((high, low)) = escaped {
            bytes.push(high * 16 + low);
            rest = rest.get(4..).unwrap_or_default();
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    Cow::Owned(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(lines: &str) -> Header {
        let mut header = Header::default();
        lines.lines().for_each(|line| header.take(line.as_bytes()));
        header
    }

    fn values(header: &Header, line: &str) -> Option<Vec<String>> {
        let row = header.row(line.as_bytes(), Column::User)?;
        let columns = [Column::Time, Column::ClientIp, Column::User, Column::Method];
        Some(
            columns
                .map(|c| String::from_utf8_lossy(row.get(c)).into_owned())
                .to_vec(),
        )
    }

    fn check(header: &Header, line: &str, expected: Option<[&str; 4]>) {
        let expected = expected.map(|values| values.map(str::to_owned).to_vec());
        assert_eq!(values(header, line), expected, "{line}");
    }

    #[test]
    fn columns_stand_as_the_header_says() {
        let w3c = header("#Software: x\n#Fields: cs-method\ttime  c-ip cs-username sc-foo");
        check(
            &w3c,
            "RETR 08:16:55 192.0.2.7 - 5",
            Some(["08:16:55", "192.0.2.7", "", "RETR"]),
        );
        check(
            &w3c,
            "RETR  08:16:55 192.0.2.7 two words x 5 ",
            Some(["08:16:55", "192.0.2.7", "two words x", "RETR"]),
        );
        check(
            &w3c,
            "RETR 08:16:55 192.0.2.7 - - 5",
            Some(["08:16:55", "192.0.2.7", "- -", "RETR"]),
        );
        check(&w3c, "RETR 08:16:55 192.0.2.7 a", None);
        check(&w3c, "", None);
        let mut again = w3c.clone();
        again.take(b"#Fields: time c-ip");
        check(
            &again,
            "08:16:55 192.0.2.7",
            Some(["08:16:55", "192.0.2.7", "", ""]),
        );
        check(&again, "08:16:55 192.0.2.7 more", None);
    }

    #[test]
    fn zeeks_values_are_parted_by_what_it_says() {
        let tabs = header(
            "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tftp\n\
             #fields\tts\tuser\tcommand\tid.orig_h\n#types\ttime\tstring\tstring\taddr",
        );
        assert_eq!(
            (tabs.writer, tabs.path.as_deref()),
            (Writer::Zeek, Some(&b"ftp"[..]))
        );
        check(
            &tabs,
            "1.0\ttwo words\t-\t192.0.2.7",
            Some(["", "192.0.2.7", "two words", ""]),
        );
        check(&tabs, "1.0\t(empty)\tRETR\t", Some(["", "", "", "RETR"]));
        check(&tabs, "1.0\ta\tRETR", None);
        check(&tabs, "1.0\ta\tRETR\tb\tc", None);
        let bars = header("#separator |\n#unset_field|NIL\n#fields|user|command");
        check(&bars, "-|NIL", Some(["", "", "-", ""]));
    }

    #[test]
    fn times_are_taken_with_the_date_that_is_known() {
        let told =
            |header: &Header, line: &str| header.row(line.as_bytes(), Column::User)?.stamp(header);
        let day = days_from_date(2026, 11, 22) * DAY;
        let dated = header("#Fields: date time");
        let utc = |nanos| Some(Stamp::Utc(Timestamp::from_seconds(day + 61, nanos)));
        assert_eq!(told(&dated, "2026-11-22 00:01:01"), utc(0));
        assert_eq!(told(&dated, "2026-11-22 00:01:01.25"), utc(250_000_000));
        for bad in [
            "2026-11-32 00:01:01",
            "2026-13-01 00:01:01",
            "2026-11-22 24:01:01",
            "2026-11-22 0:01:01",
            "- -",
        ] {
            assert_eq!(told(&dated, bad), None, "{bad}");
        }
        let timed = header("#Date: 2026-11-22 08:00:01  // when\n#Fields: time");
        assert_eq!(
            told(&timed, "00:01:01"),
            Some(Stamp::OfDay(day + 28_801, 61))
        );
        assert_eq!(
            told(&header("#Fields: time"), "00:01:01"),
            Some(Stamp::None)
        );
        assert_eq!(
            told(&header("#Date: x\n#Fields: c-ip"), "x"),
            Some(Stamp::None)
        );
    }

    #[test]
    fn escapes_of_zeek_are_bytes() {
        let told = |text: &str| unescaped(text.as_bytes()).into_owned();
        assert_eq!(told(r"a\x09b\x2D\xff\x0g\x0"), b"a\tb-\xff\\x0g\\x0");
        assert_eq!(told("plain\\"), b"plain\\");
    }
}
