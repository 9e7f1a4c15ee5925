//! Pure-FTPd's transfer log for statistics (`AltLog stats:`).
//!
//! `epoch start.pid user host U|D bytes seconds path` for each transfer that is
//! over; `start.pid`, in hexadecimal digits, is the same for all transfers of
//! a session, so sessions are exact. Failed transfers are written like others.

use crate::ftp::{TransferRecord, Vantage, Verb};
use crate::log::{
    Bare, Description, Fact, Follow, Format, Read, Record, Sample, envelope, xferlog,
};
use crate::time::{Stamp, Timestamp};

/// The format.
pub static FORMAT: PureftpdStats = PureftpdStats;

/// Pure-FTPd's `stats` log.
#[derive(Debug)]
pub struct PureftpdStats;

static DESCRIPTION: Description = Description {
    name: "pureftpd-stats",
    title: "Pure-FTPd's transfers for statistics",
    source: "Pure-FTPd 1.0.50 altlog.c",
    vantage: Vantage::TransferLog,
    gaps: &[
        "commands and replies",
        "logins",
        "listings",
        "the end of sessions, and sessions without a transfer",
        "whether a transfer was complete",
    ],
    samples: &[Sample {
        lines: "1795335742 6b02a63e.35b5 alice 192.0.2.7 D 260 0 /srv/alice/a b.txt\n\
                1795335743 6b02a63e.35b6 alice 192.0.2.7 U 7 1 /srv/alice/c",
        events: "introduced 192.0.2.7 alice; RETR /srv/alice/a b.txt 260 incomplete; \
                 introduced 192.0.2.7 alice; STOR /srv/alice/c 7 incomplete; closed input-ended; closed input-ended",
    }],
};

impl Format for PureftpdStats {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        if line.tag.is_some() {
            return Read::Unrecognised;
        }
        record(line).map_or(Read::Unrecognised, Read::Taken)
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(xferlog::Following::default())
    }
}

fn record<'b>(line: &Bare<'b>) -> Option<Record<'b>> {
    let (epoch, rest) = envelope::word(line.message)?;
    let seconds = i64::try_from(envelope::number(epoch)?).ok()?;
    let (session, rest) = envelope::word(rest)?;
    let number = session_number(session)?;
    // A user's name may hold blanks, a path too: ` host U|D bytes seconds ` is looked for between them.
    memchr::memchr_iter(b' ', rest).find_map(|at| {
        let (user, rest) = (rest.get(..at)?, rest.get(at + 1..)?);
        let (client, rest) = envelope::word(rest)?;
        let (direction, rest) = envelope::word(rest)?;
        let (bytes, rest) = envelope::word(rest)?;
        let (taken, path) = envelope::word(rest)?;
        let verb = match direction {
            b"U" => Verb::STOR,
            b"D" => Verb::RETR,
            _ => return None,
        };
        envelope::number(taken)?;
        Some(Record {
            stamp: Stamp::Utc(Timestamp::from_seconds(seconds, 0)),
            number,
            client,
            user: Some(user),
            times: 1,
            fact: Fact::Transfer(TransferRecord {
                verb,
                path,
                bytes: Some(envelope::number(bytes)?),
                complete: None,
            }),
            implied: None,
        })
    })
}

/// `6b02a63e.35b5`: the second in which the session began, and its process id. Together with host and user they are one
/// session's alone, also folded to 32 bits.
fn session_number(text: &[u8]) -> Option<u32> {
    let dot = memchr::memchr(b'.', text)?;
    let hexadecimal = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).ok()?;
        u64::from_str_radix(digits, 16).ok()
    };
    let start = hexadecimal(text.get(..dot)?)?;
    let pid = u32::try_from(hexadecimal(text.get(dot + 1..)?)?).ok()?;
    let low = u32::try_from(start & u64::from(u32::MAX)).ok()?;
    // 0 would say that there is none.
    Some((low ^ pid.rotate_left(16)).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_transfer_is_not_taken() {
        for line in [
            "1795335742 6b02a63e.35b5 alice 192.0.2.7 X 260 0 /a",
            "1795335742 6b02a63e35b5 alice 192.0.2.7 U 260 0 /a",
            "1795335742 6b02a63e.zz alice 192.0.2.7 U 260 0 /a",
            "x 6b02a63e.35b5 alice 192.0.2.7 U 260 0 /a",
            "1795335742 6b02a63e.35b5 alice 192.0.2.7 U -1 0 /a",
            "99999999999999999999 6b02a63e.35b5 a b U 1 0 /a",
            "1795335742 6b02a63e.35b5 alice",
        ] {
            assert_eq!(
                FORMAT.read(&Bare::read(line.as_bytes())),
                Read::Unrecognised,
                "{line}"
            );
        }
    }

    #[test]
    fn a_user_may_have_blanks() {
        let line = b"1795335742 6b02a63e.35b5 two words 192.0.2.7 U 1 0 /a b D 1 0 c";
        let Read::Taken(record) = FORMAT.read(&Bare::read(line)) else {
            panic!("not taken");
        };
        assert_eq!(record.user, Some(&b"two words"[..]));
        assert_eq!(record.client, b"192.0.2.7");
    }
}
