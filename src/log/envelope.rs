//! A physical line becomes a [`Bare`] one: what syslog and its forwarders put around a message is taken off.
//!
//! Known are RFC 3164 (with and without priority and host), RFC 5424, and the
//! ISO dates of rsyslog and journalctl; what container runtimes (CRI), `docker
//! compose` and `grep` put in front; and the date that `ctime(3)` writes, which
//! vsftpd and xferlog put in front themselves. A line in no envelope is its own
//! message. What hides a line as a whole was taken off before (`input`).
//! Nothing here knows FTP, and nothing is unescaped.

mod months;
#[cfg(test)]
mod tests;

use std::cell::Cell;

use crate::limits;
use crate::time::{Stamp, Timestamp, days_from_date};

pub use months::foreign_syslog_date;

const DAY: i64 = 86_400;

/// A line without its envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bare<'b> {
    /// The envelope's time.
    pub stamp: Stamp,
    /// The host that wrote it, by the envelope.
    pub host: Option<&'b [u8]>,
    /// The program that wrote it, by the envelope.
    pub tag: Option<&'b [u8]>,
    /// Its process id, by the envelope.
    pub pid: Option<u32>,
    /// How often the message was written: syslog daemons fold repetitions.
    pub times: u32,
    /// The message.
    pub message: &'b [u8],
}

impl<'b> Bare<'b> {
    /// Takes the envelope off a line that has no LF.
    pub fn read(line: &'b [u8]) -> Self {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let line = line.trim_suffix_cr();
        match line.first() {
            Some(b'<') => priority(line),
            Some(b'0'..=b'9') => iso(line),
            Some(b'J' | b'F' | b'M' | b'A' | b'S' | b'O' | b'N' | b'D') => rfc_3164(line),
            // The bytes that `copytruncate` leaves in front when the writer goes on at its old offset.
            Some(0) => {
                let start = line.iter().position(|b| *b != 0).unwrap_or(line.len());
                return Self::read(line.get(start..).unwrap_or_default());
            }
            Some(b'/' | b'.' | b'a'..=b'z') => prefixed(line),
            _ => None,
        }
        .or_else(|| foreign_rfc_3164(line))
        .unwrap_or(Self::whole(line))
    }

    /// What stands behind a prefix, which is no further prefix.
    fn behind(message: &'b [u8]) -> Self {
        match message.first() {
            Some(b'/' | b'.' | b'a'..=b'z' | 0) => Self::whole(message),
            _ => Self::read(message),
        }
    }

    /// The message as a line of its own, where it is one: a forwarder took it from the file that a program writes, and its
    /// envelope says nothing of what stands there. Such a line begins with a date of its own, or with a session.
    pub fn forwarded(&self) -> Option<Self> {
        self.tag?;
        let has_begin = match self.message.first()? {
            b'0'..=b'9' => {
                let is_dated =
                    date_and_clock(self.message, b' ').is_some() || iso_start(self.message);
                is_dated || is_epoch(self.message) || has_common_date(self.message)
            }
            b'(' | b'{' => true,
            b'[' => common_date(self.message).is_some(),
            b'A'..=b'Z' if ctime(self.message).is_some() || syslog_date(self.message).is_some() => {
                true
            }
            _ => has_common_date(self.message),
        };
        let inside = Self::behind(self.message);
        let is_bare = inside.stamp == Stamp::None;
        has_begin.then_some(Self {
            stamp: if is_bare { self.stamp } else { inside.stamp },
            times: self.times,
            ..inside
        })
    }

    fn whole(message: &'b [u8]) -> Self {
        Self {
            stamp: Stamp::None,
            host: None,
            tag: None,
            pid: None,
            times: 1,
            message,
        }
    }
}

trait TrimCr {
    fn trim_suffix_cr(&self) -> &Self;
}

impl TrimCr for [u8] {
    fn trim_suffix_cr(&self) -> &Self {
        self.strip_suffix(b"\r").unwrap_or(self)
    }
}

/// Cuts at the first blank.
pub fn word(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b' ', bytes)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

/// A decimal number, all of `digits`.
pub fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    digits.iter().try_fold(0, |n, d| {
        d.is_ascii_digit().then(|| n * 10 + u64::from(d - b'0'))
    })
}

/// Two digits.
pub(super) fn two(a: u8, b: u8) -> Option<i64> {
    (a.is_ascii_digit() && b.is_ascii_digit())
        .then(|| i64::from(a - b'0') * 10 + i64::from(b - b'0'))
}

pub(super) fn month(name: [u8; 3]) -> Option<i64> {
    Some(match &name {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}

/// `HH:MM:SS` as seconds of the day. A leap second counts as the one before it.
pub(super) fn clock(text: [u8; 8]) -> Option<i64> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = text else {
        return None;
    };
    let (hour, minute, second) = (two(h1, h2)?, two(m1, m2)?, two(s1, s2)?);
    (hour < 24 && minute < 60 && second < 61).then(|| hour * 3600 + minute * 60 + second.min(59))
}

/// `[22/Nov/2026:08:16:56 +0000]` of the common log format, and what follows.
pub fn common_date(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let (date, rest) = line.split_first_chunk::<28>()?;
    let &[
        b'[',
        d1,
        d2,
        b'/',
        m1,
        m2,
        m3,
        b'/',
        y1,
        y2,
        y3,
        y4,
        b':',
        ref tail @ ..,
    ] = date
    else {
        return None;
    };
    let (time, zone) = tail.split_first_chunk::<8>()?;
    let &[b' ', sign @ (b'+' | b'-'), z1, z2, z3, z4, b']'] = zone else {
        return None;
    };
    let day = two(d1, d2).filter(|day| (1..=31).contains(day))?;
    let year = two(y1, y2)? * 100 + two(y3, y4)?;
    let offset = two(z1, z2)? * 3600 + two(z3, z4)? * 60;
    let offset = if sign == b'+' { offset } else { -offset };
    let seconds = days_from_date(year, month([m1, m2, m3])?, day) * DAY + clock(*time)?;
    let stamp = Stamp::Utc(Timestamp::from_seconds(seconds - offset, 0));
    Some((stamp, rest))
}

/// The bytes of `Sun Nov 22 08:16:55 2026`.
const CTIME_BYTES: usize = 24;

thread_local! {
    /// The stamp read last: lines of one second stand together.
    static LAST_CTIME: Cell<([u8; CTIME_BYTES], Stamp)> =
        const { Cell::new(([0; CTIME_BYTES], Stamp::None)) };
}

/// `Sun Nov 22 08:16:55 2026`, and what follows. The day is padded with a blank, or (in lines that went through other
/// hands) not at all.
pub fn ctime(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let Some((head, rest)) = line.split_first_chunk::<CTIME_BYTES>() else {
        return read_ctime(line);
    };
    let (last, stamp) = LAST_CTIME.get();
    if last == *head {
        return Some((stamp, rest));
    }
    let (stamp, after) = read_ctime(line)?;
    if after.len() == rest.len() {
        LAST_CTIME.set((*head, stamp));
    }
    Some((stamp, after))
}

/// Reads the dates of neighbouring lines: most are those of the line before.
#[derive(Debug, Clone, Default)]
pub struct Dates(Option<([u8; CTIME_BYTES], Stamp)>);

impl Dates {
    /// [`ctime`] where the day is padded.
    pub fn ctime<'b>(&mut self, line: &'b [u8]) -> Option<(Stamp, &'b [u8])> {
        let (date, rest) = line.split_first_chunk::<CTIME_BYTES>()?;
        if let Some((last, stamp)) = self.0
            && last == *date
        {
            return Some((stamp, rest));
        }
        let (stamp, _) = read_ctime(date).filter(|(_, after)| after.is_empty())?;
        self.0 = Some((*date, stamp));
        Some((stamp, rest))
    }
}

fn read_ctime(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let (&[w1, w2, w3, b' ', m1, m2, m3, b' '], rest) = line.split_first_chunk::<8>()? else {
        return None;
    };
    if !matches!(
        &[w1, w2, w3],
        b"Mon" | b"Tue" | b"Wed" | b"Thu" | b"Fri" | b"Sat" | b"Sun"
    ) {
        return None;
    }
    let month = month([m1, m2, m3])?;
    let (day, rest) = day(rest)?;
    let (&[t1, t2, t3, t4, t5, t6, t7, t8, b' ', y1, y2, y3, y4], rest) =
        rest.split_first_chunk::<13>()?
    else {
        return None;
    };
    let seconds = clock([t1, t2, t3, t4, t5, t6, t7, t8])?;
    let year = two(y1, y2)? * 100 + two(y3, y4)?;
    let days = days_from_date(year, month, day);
    Some((Stamp::Local(days * DAY + seconds, 0), rest))
}

/// `22 `, ` 8 ` or `8 `.
fn day(text: &[u8]) -> Option<(i64, &[u8])> {
    let (&[a, b], rest) = text.split_first_chunk::<2>()?;
    let (day, rest) = match (a, b) {
        (b' ', b) => (two(b'0', b)?, rest.strip_prefix(b" ")?),
        (a, b' ') => (two(b'0', a)?, rest),
        (a, b) => (two(a, b)?, rest.strip_prefix(b" ")?),
    };
    (1..=31).contains(&day).then_some((day, rest))
}

/// `<94>` and then RFC 5424, RFC 3164, or a bare message.
fn priority(line: &[u8]) -> Option<Bare<'_>> {
    let end = line.iter().take(5).position(|b| *b == b'>')?;
    number(line.get(1..end)?)?;
    let rest = line.get(end + 1..)?;
    if let Some(rest) = rest.strip_prefix(b"1 ") {
        return rfc_5424(rest);
    }
    rfc_3164(rest).or_else(|| iso(rest))
}

/// `Nov 22 08:22:20`, and what follows.
pub fn syslog_date(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let (&[m1, m2, m3, b' '], rest) = line.split_first_chunk::<4>()? else {
        return None;
    };
    let month = month([m1, m2, m3])?;
    let (day, rest) = day(rest)?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let stamp = Stamp::Yearless(
        u8::try_from(month).ok()?,
        u8::try_from(day).ok()?,
        u32::try_from(clock(*time)?).ok()?,
    );
    Some((stamp, rest))
}

/// `Nov 22 08:22:20 host vsftpd[13518]: message`; a message that comes straight from `/dev/log` has no host.
fn rfc_3164(line: &[u8]) -> Option<Bare<'_>> {
    let (stamp, rest) = syslog_date(line)?;
    behind_date(stamp, rest)
}

/// The same where the month is in another language: `11月 22 08:22:20 host vsftpd[13518]: message`.
fn foreign_rfc_3164(line: &[u8]) -> Option<Bare<'_>> {
    // A server that writes such a date itself puts no colon behind its name.
    let (stamp, rest) = foreign_syslog_date(line)?;
    behind_date(stamp, rest).filter(|bare| bare.tag.is_some())
}

fn behind_date(stamp: Stamp, rest: &[u8]) -> Option<Bare<'_>> {
    if let Some(rest) = rest.strip_prefix(b" ") {
        return tagged(stamp, rest);
    }
    // `journalctl -o short-precise`
    let (fraction, rest) = word(rest.strip_prefix(b".")?)?;
    number(fraction).and_then(|_| tagged(stamp, rest))
}

/// `2026-11-22T08:22:20.339461+00:00 host vsftpd[13518]: message`
fn iso(line: &[u8]) -> Option<Bare<'_>> {
    let (date, rest) = word(line)?;
    let stamp = iso_date(date)?;
    match rest.first_chunk::<9>() {
        Some(b"stdout F " | b"stdout P " | b"stderr F " | b"stderr P ") => {
            let inside = Bare::behind(rest.get(9..)?);
            let is_bare = inside.stamp == Stamp::None;
            Some(Bare {
                stamp: if is_bare { stamp } else { inside.stamp },
                ..inside
            })
        }
        _ => tagged(stamp, rest),
    }
}

/// Bytes of a path or a container's name in front of a line.
const PREFIX_BYTES: usize = 256;

/// `vsftpd.log:line`, `/var/log/vsftpd.log.1:17:line` (grep) and `ftp-1  | line` (`docker compose logs`).
fn prefixed(line: &[u8]) -> Option<Bare<'_>> {
    let head = line.get(..PREFIX_BYTES).unwrap_or(line);
    let end = head.iter().position(|b| matches!(b, b':' | b' '))?;
    let (name, rest) = line.split_at_checked(end)?;
    if let Some(rest) = rest.trim_ascii_start().strip_prefix(b"| ") {
        return Some(Bare::behind(rest));
    }
    // What has neither is a word of the line itself, and so is `time=[22/Nov/2026:08:16:56` and `from=192.0.2.7:21`.
    let is_path =
        memchr::memchr2(b'/', b'.', name).is_some() && memchr::memchr2(b'[', b'=', name).is_none();
    let rest = rest.strip_prefix(b":").filter(|_| is_path)?;
    let is_time = |text: &[u8]| {
        let (time, behind) = text.split_first_chunk::<8>()?;
        clock(*time).filter(|_| behind.first() == Some(&b' '))
    };
    if is_time(rest).is_some() {
        // IIS begins lines with the time alone.
        return Some(Bare::whole(rest));
    }
    let digits = rest.iter().take(12).take_while(|b| b.is_ascii_digit());
    let numbered = rest.get(digits.count()..)?.strip_prefix(b":");
    let rest = numbered
        .filter(|_| rest.first() != Some(&b':'))
        .unwrap_or(rest);
    let is_line = |first: &u8| {
        first.is_ascii_uppercase() || first.is_ascii_digit() || b"{([<#*>-".contains(first)
    };
    rest.first()
        .is_some_and(is_line)
        .then(|| Bare::behind(rest))
}

/// `2026-11-22`, a mark, `08:16:56`: seconds since 1970 as if in UTC, and what follows.
fn date_and_clock(text: &[u8], mark: u8) -> Option<(i64, &[u8])> {
    let (&[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, between], rest) =
        text.split_first_chunk::<11>()?
    else {
        return None;
    };
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    if between != mark || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let days = days_from_date(two(y1, y2)? * 100 + two(y3, y4)?, month, day);
    Some((days * DAY + clock(*time)?, rest))
}

/// `2026-11-22 08:16:56,120` with milliseconds, microseconds or neither, and what follows: local time.
pub fn blank_date(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let (seconds, rest) = date_and_clock(line, b' ')?;
    let Some(fraction) = rest.strip_prefix(b",").or_else(|| rest.strip_prefix(b".")) else {
        return Some((Stamp::Local(seconds, 0), rest));
    };
    let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = fraction.split_at(digits);
    let scale = 10_u64.checked_pow(9_u32.checked_sub(u32::try_from(digits.len()).ok()?)?)?;
    let nanos = u32::try_from(number(digits)? * scale).ok()?;
    Some((Stamp::Local(seconds, nanos), rest))
}

/// `1795335742 `
fn is_epoch(text: &[u8]) -> bool {
    word(text).is_some_and(|(word, _)| word.len() == 10 && number(word).is_some())
}

/// `192.0.2.7 - alice [22/Nov/2026:08:16:56 +0000] `
fn has_common_date(text: &[u8]) -> bool {
    let bracket = memchr::memmem::find(text, b" [");
    let date = bracket.and_then(|at| text.get(at + 1..));
    date.and_then(common_date).is_some()
}

/// `2026-11-22T08:16:56`
fn iso_start(text: &[u8]) -> bool {
    date_and_clock(text, b'T').is_some()
}

/// RFC 3339, with or without its offset, and that also as ISO 8601 has it (`+0000`).
pub fn iso_date(text: &[u8]) -> Option<Stamp> {
    let (seconds, rest) = date_and_clock(text, b'T')?;
    let (nanos, zone) = match rest.strip_prefix(b".") {
        Some(rest) => {
            let end = rest.iter().position(|b| !b.is_ascii_digit());
            let (digits, zone) = rest.split_at(end.unwrap_or(rest.len()));
            let scale =
                10_u64.checked_pow(9_u32.checked_sub(u32::try_from(digits.len()).ok()?)?)?;
            (u32::try_from(number(digits)? * scale).ok()?, zone)
        }
        None => (0, rest),
    };
    let offset = match *zone {
        [] => return Some(Stamp::Local(seconds, nanos)),
        [b'Z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            let offset = two(h1, h2)? * 3600 + two(m1, m2)? * 60;
            if sign == b'+' { offset } else { -offset }
        }
        _ => return None,
    };
    Some(Stamp::Utc(Timestamp::from_seconds(seconds - offset, nanos)))
}

/// `host app pid id data message`, after the date's place (RFC 5424 section 6).
fn rfc_5424(rest: &[u8]) -> Option<Bare<'_>> {
    let (date, rest) = word(rest)?;
    let (host, rest) = word(rest)?;
    let (tag, rest) = word(rest)?;
    let (pid, rest) = word(rest)?;
    let (_, rest) = word(rest)?;
    let mut message = rest;
    if let Some(rest) = rest.strip_prefix(b"-") {
        message = rest;
    }
    while message.first() == Some(&b'[') {
        // A quoted `]` is escaped (RFC 5424 section 6.3.3).
        let end = (1..message.len()).find(|i| {
            message.get(*i) == Some(&b']') && message.get(i.wrapping_sub(1)) != Some(&b'\\')
        })?;
        message = message.get(end + 1..)?;
    }
    let message = message.strip_prefix(b" ").unwrap_or(message);
    let stamp = if date == b"-" {
        Stamp::None
    } else {
        iso_date(date)?
    };
    let bare = Bare {
        stamp,
        host: Some(host).filter(|h| *h != b"-"),
        tag: Some(tag),
        pid: number(pid).and_then(|p| u32::try_from(p).ok()),
        times: 1,
        message: message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message),
    };
    Some(repeated(bare))
}

/// `[host] tag[pid]: message`, or an object of JSON (CloudWatch's exports have nothing between).
fn tagged(stamp: Stamp, rest: &[u8]) -> Option<Bare<'_>> {
    if rest.first() == Some(&b'{') {
        return Some(Bare {
            stamp,
            ..Bare::whole(rest)
        });
    }
    let (first, after) = word(rest)?;
    let (host, label, message) = if first.ends_with(b":") {
        (None, first, after)
    } else {
        let (label, message) = word(after).unwrap_or((after, b""));
        (Some(first), label, message)
    };
    let Some(label) = label.strip_suffix(b":") else {
        return relayed(stamp, first, after);
    };
    let (tag, pid) = match memchr::memchr(b'[', label) {
        Some(at) => {
            let digits = label.get(at + 1..)?.strip_suffix(b"]")?;
            (label.get(..at)?, Some(u32::try_from(number(digits)?).ok()?))
        }
        None => (label, None),
    };
    // Old PAM modules write `vsftpd(pam_unix)[15522]:`.
    let tag = tag.split(|b| *b == b'(').next().unwrap_or(tag);
    Some(repeated(Bare {
        stamp,
        host,
        tag: Some(tag),
        pid,
        times: 1,
        message,
    }))
}

/// `relay Nov 22 08:22:19 host vsftpd[13518]: message`: who passed a line on put a date and a name in front, and no program's.
fn relayed<'b>(stamp: Stamp, host: &'b [u8], line: &'b [u8]) -> Option<Bare<'b>> {
    let is_dated = match line.first()? {
        b'0'..=b'9' => iso_start(line) || date_and_clock(line, b' ').is_some(),
        b'{' => true,
        _ => ctime(line).is_some() || syslog_date(line).is_some(),
    };
    let inside = Bare::behind(is_dated.then_some(line)?);
    let is_bare = inside.stamp == Stamp::None;
    Some(Bare {
        stamp: if is_bare { stamp } else { inside.stamp },
        host: inside.host.or(Some(host)),
        ..inside
    })
}

/// `message repeated 3 times: [ text]` stands for three lines (rsyslog, `$RepeatedMsgReduction on`).
fn repeated(bare: Bare<'_>) -> Bare<'_> {
    fn parts(message: &[u8]) -> Option<(u32, &[u8])> {
        let (count, rest) = word(message.strip_prefix(b"message repeated ")?)?;
        let inside = rest.strip_prefix(b"times: [")?.strip_suffix(b"]")?;
        let inside = inside.strip_prefix(b" ").unwrap_or(inside);
        let times = u32::try_from(number(count)?).unwrap_or(u32::MAX);
        Some((times.min(limits::LOG_REPETITIONS), inside))
    }
    parts(bare.message).map_or(bare, |(times, message)| Bare {
        times,
        message,
        ..bare
    })
}
