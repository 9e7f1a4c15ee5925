//! NcFTPd's transfer log: one line for each transfer that is over.
//!
//! `yy/mm/dd HH:MM:SS #u2 | R,path,bytes,seconds,rate,user,password of an anonymous user,client,suffix,status,`. The
//! transfers of one user from one host become one session that is approximate. Names may hold commas: they are what
//! is left when the other fields are taken from the right.

use crate::ftp::{TransferRecord, Vantage, Verb};
use crate::log::{
    Bare, Description, Fact, Follow, Format, Read, Record, Sample, envelope, xferlog,
};
use crate::time::{Stamp, days_from_date};

/// The format.
pub static FORMAT: Ncftpd = Ncftpd;

/// NcFTPd's transfers.
#[derive(Debug)]
pub struct Ncftpd;

static DESCRIPTION: Description = Description {
    name: "ncftpd",
    title: "NcFTPd's transfers",
    source: "NcFTPd Server's documentation, Xfer logs",
    vantage: Vantage::TransferLog,
    gaps: &[
        "commands and replies",
        "logins",
        "listings",
        "the start and end of sessions",
        "why a transfer failed",
        "the time zone",
    ],
    samples: &[Sample {
        lines: "26/11/22 08:16:55 #u2 | R,/pub/a, b.txt,4627440,23.223,194.591,anonymous,me@home.example,192.0.2.7,.txt,OK,\n\
                26/11/22 08:16:59 #u2 | S,/in/c.txt,20,0.1,0.2,alice,,192.0.2.8,.txt,OK,",
        events: "introduced 192.0.2.7 anonymous approximate; RETR /pub/a, b.txt 4627440 complete; \
                 introduced 192.0.2.8 alice approximate; STOR /in/c.txt 20 complete; closed input-ended; closed input-ended",
    }],
};

impl Format for Ncftpd {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        entry(line.message).unwrap_or(Read::Unrecognised)
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(xferlog::Following::default())
    }
}

/// `26/11/22 08:16:55 #u2 | R,…`
fn entry(line: &[u8]) -> Option<Read<'_>> {
    let (&[y1, y2, b'/', m1, m2, b'/', d1, d2, b' '], rest) = line.split_first_chunk::<9>()? else {
        return None;
    };
    let month = envelope::two(m1, m2).filter(|month| (1..=12).contains(month))?;
    let day = envelope::two(d1, d2).filter(|day| (1..=31).contains(day))?;
    let year = envelope::two(y1, y2)?;
    let days = days_from_date(if year < 80 { 2000 } else { 1900 } + year, month, day);
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let stamp = Stamp::Local(days * 86_400 + envelope::clock(*time)?, 0);
    let (who, rest) = envelope::word(rest.strip_prefix(b" #")?)?;
    let fields = rest.strip_prefix(b"| ")?;
    if who.is_empty() {
        return None;
    }
    let verb = match fields.split_first_chunk::<2>()? {
        (b"R,", _) => Verb::RETR,
        (b"S,", _) => Verb::STOR,
        ([_, b','], _) => return Some(Read::Ignored("a record other than of a transfer")),
        _ => return None,
    };
    let fields = fields.get(2..)?;
    let mut from_right = fields.rsplitn(10, |b| *b == b',');
    let _ = from_right.next()?;
    let (status, _suffix, client) = (from_right.next()?, from_right.next()?, from_right.next()?);
    let (_password, user) = (from_right.next()?, from_right.next()?);
    let (_rate, _seconds, bytes) = (from_right.next()?, from_right.next()?, from_right.next()?);
    Some(Read::Taken(Record {
        stamp,
        number: 0,
        client,
        user: Some(user),
        times: 1,
        fact: Fact::Transfer(TransferRecord {
            verb,
            path: from_right.next()?,
            bytes: Some(envelope::number(bytes)?),
            complete: Some(status == b"OK"),
        }),
        implied: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_lines_are_not_taken_and_no_password_is_kept() {
        let line = DESCRIPTION.samples[0].lines.lines().next().unwrap();
        for (from, to) in [
            ("26/11/22", "26/13/22"),
            (" #u2 | ", " | "),
            ("4627440", "many"),
            (",.txt,OK,", ""),
            ("R,/pub", "/pub"),
        ] {
            let line = line.replacen(from, to, 1);
            assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), Read::Unrecognised, "{line}");
        }
        let read = FORMAT.read(&Bare::read(line.as_bytes()));
        assert!(!format!("{read:?}").contains(&format!("{:?}", b"home.example")), "{read:?}");
        let other = line.replace("| R,", "| L,");
        assert_eq!(FORMAT.read(&Bare::read(other.as_bytes())), Read::Ignored("a record other than of a transfer"));
    }
}
