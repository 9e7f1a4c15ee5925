//! `LogFormat`'s variables: what each holds, and what its values look like.
//!
//! The variables are those of ProFTPD 1.3.8 (`mod_log`), with those of older releases. A value's shape decides how it is
//! found in a line: some end by themselves, others reach up to the text that follows in the layout.

use crate::log::envelope;
use crate::time::{Stamp, Timestamp};

use super::strftime::{self, Part};

/// What is asked of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// `%a`
    Client,
    /// `%h`
    Host,
    /// `%P`
    Process,
    /// `%{UNIQUE_ID}e`
    Session,
    /// `%u`
    User,
    /// `%r`
    Request,
    /// `%m`
    Method,
    /// `%J`
    Arguments,
    /// `%f`
    Path,
    /// `%F`
    ClientPath,
    /// `%s`
    Status,
    /// `%S`
    Text,
    /// `%b`
    Bytes,
    /// `%E`
    Reason,
    /// `%{protocol}`
    Protocol,
    /// `%{transfer-status}`
    Outcome,
    /// `%{remote-port}`
    ClientPort,
    /// `%L`
    Server,
    /// `%p`
    ServerPort,
    /// `%R`
    Waited,
    /// Nobody asks for it.
    Nothing,
}

/// How many slots have a place.
pub(super) const SLOTS: usize = Slot::Nothing as usize;

/// What a value looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// Digits, or `-`.
    Number,
    /// Digits with a point, or `-`.
    Decimal,
    /// Three digits, or `-`.
    Code,
    /// `[22/Nov/2026:08:16:56 +0100]`
    Common,
    /// `2026-11-22 08:16:56,120`
    Iso,
    /// Seconds since 1970.
    Epoch,
    /// The part of a second, in units of so many nanoseconds.
    Fraction(u32),
    /// What `strftime(3)` writes.
    Written(Vec<Part>),
    /// Without blanks, and never empty.
    Word,
    /// The server's own words.
    Name,
    /// What a client sent, as it sent it.
    Raw,
}

impl Shape {
    /// True for what reaches up to the text that follows.
    pub(super) fn is_loose(&self) -> bool {
        matches!(self, Self::Word | Self::Name | Self::Raw)
    }

    /// How far a value reaches that ends by itself, and the time it holds.
    pub(super) fn measure(&self, text: &[u8]) -> Option<(usize, Option<Time>)> {
        let plain = |end: usize| (end > 0).then_some((end, None));
        let dated = |(stamp, rest): (Stamp, &[u8])| (text.len() - rest.len(), Some(Time::Stamp(stamp)));
        match self {
            _ if text.first() == Some(&b'-') => plain(1),
            Self::Number => plain(digits(text)),
            Self::Decimal => plain(text.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count()),
            Self::Code => (digits(text) == 3).then_some((3, None)),
            Self::Common => envelope::common_date(text).map(dated),
            Self::Iso => envelope::blank_date(text).map(dated),
            Self::Written(parts) => strftime::read(parts, text).map(dated),
            Self::Epoch => {
                let end = digits(text);
                let seconds = i64::try_from(envelope::number(text.get(..end)?)?).ok()?;
                let stamp = Stamp::Utc(Timestamp::from_seconds(seconds, 0));
                Some((end, Some(Time::Stamp(stamp))))
            }
            Self::Fraction(unit) => {
                let end = digits(text);
                let units = u32::try_from(envelope::number(text.get(..end)?)?).ok()?;
                let nanos = units.checked_mul(*unit).filter(|nanos| *nanos < 1_000_000_000)?;
                Some((end, Some(Time::Nanos(nanos))))
            }
            Self::Word | Self::Name | Self::Raw => None,
        }
    }
}

/// What a value tells of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    /// When it was written.
    Stamp(Stamp),
    /// And the part of that second.
    Nanos(u32),
}

fn digits(text: &[u8]) -> usize {
    text.iter().take(20).take_while(|b| b.is_ascii_digit()).count()
}

/// `%h` and its kin.
#[rustfmt::skip]
pub(super) fn short(letter: u8) -> Option<(Slot, Shape)> {
    Some(match letter {
        b'a' => (Slot::Client, Shape::Word),
        b'b' => (Slot::Bytes, Shape::Number),
        b'c' | b'g' | b'v' => (Slot::Nothing, Shape::Name),
        // %A is an anonymous user's password, which is never kept.
        b'A' | b'd' | b'D' | b'U' | b'w' => (Slot::Nothing, Shape::Raw),
        b'E' => (Slot::Reason, Shape::Name),
        b'f' => (Slot::Path, Shape::Raw),
        b'F' => (Slot::ClientPath, Shape::Raw),
        b'h' => (Slot::Host, Shape::Word),
        b'H' | b'V' | b'l' => (Slot::Nothing, Shape::Word),
        b'I' | b'O' => (Slot::Nothing, Shape::Number),
        b'J' => (Slot::Arguments, Shape::Raw),
        b'L' => (Slot::Server, Shape::Word),
        b'm' => (Slot::Method, Shape::Name),
        b'p' => (Slot::ServerPort, Shape::Number),
        b'P' => (Slot::Process, Shape::Number),
        b'r' => (Slot::Request, Shape::Raw),
        b'R' => (Slot::Waited, Shape::Number),
        b's' => (Slot::Status, Shape::Code),
        b'S' => (Slot::Text, Shape::Raw),
        b't' => (Slot::Nothing, Shape::Common),
        b'T' => (Slot::Nothing, Shape::Decimal),
        b'u' => (Slot::User, Shape::Name),
        _ => return None,
    })
}

/// `%{protocol}` and its kin, by the name in the braces.
pub(super) fn long(name: &[u8]) -> Option<(Slot, Shape)> {
    Some(match name {
        b"basename" | b"transfer-failure" => (Slot::Nothing, Shape::Raw),
        b"epoch" => (Slot::Nothing, Shape::Epoch),
        b"iso8601" => (Slot::Nothing, Shape::Iso),
        b"microsecs" => (Slot::Nothing, Shape::Fraction(1_000)),
        b"millisecs" => (Slot::Nothing, Shape::Fraction(1_000_000)),
        b"protocol" => (Slot::Protocol, Shape::Word),
        b"remote-port" => (Slot::ClientPort, Shape::Number),
        b"transfer-status" => (Slot::Outcome, Shape::Word),
        b"file-modified" | b"transfer-type" => (Slot::Nothing, Shape::Word),
        b"file-offset" | b"file-size" | b"gid" | b"transfer-millisecs" | b"transfer-port" | b"uid" => {
            (Slot::Nothing, Shape::Number)
        }
        b"total-bytes-in" | b"total-bytes-out" | b"total-bytes-xfer" | b"total-files-in" | b"total-files-out"
        | b"total-files-xfer" => (Slot::Nothing, Shape::Number),
        b"version" => (Slot::Nothing, Shape::Name),
        _ if name.starts_with(b"note:") || name.starts_with(b"NOTE:") => (Slot::Nothing, Shape::Name),
        _ => return None,
    })
}

/// `%{UNIQUE_ID}e` names the session (`mod_unique_id`); what else stands in the environment is the server's business.
pub(super) fn environment(name: &[u8]) -> (Slot, Shape) {
    match name {
        b"UNIQUE_ID" => (Slot::Session, Shape::Word),
        _ => (Slot::Nothing, Shape::Name),
    }
}
