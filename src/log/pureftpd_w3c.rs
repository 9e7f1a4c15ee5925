//! Pure-FTPd's transfer log in W3C's extended format (`AltLog w3c:`).
//!
//! `date time host []sent|[]created path 226 user bytes` for each transfer that is over, in UTC, behind a header that is
//! written again whenever the server starts. The 226 is a constant of the writer (altlog.c): it stands there for a
//! transfer that failed, too, so it is told as that, and no outcome. A path is percent-encoded, a user's name is not.

use crate::ftp::{TransferRecord, Uncounted, Vantage, Verb};
use crate::log::header::{Column, Header, Writer};
use crate::log::{Bare, Description, Fact, Follow, Format, Implied, Read, Record, Sample, xferlog};

/// The format.
pub static FORMAT: PureftpdW3c = PureftpdW3c;

/// Pure-FTPd's `w3c` log.
#[derive(Debug)]
pub struct PureftpdW3c;

static DESCRIPTION: Description = Description {
    name: "pureftpd-w3c",
    title: "Pure-FTPd's transfers in W3C's extended format",
    source: "Pure-FTPd 1.0.50 altlog.c",
    vantage: Vantage::TransferLog,
    gaps: &[
        "commands and replies",
        "logins",
        "listings",
        "the start and end of sessions",
        "whether a transfer was complete: the 226 is always there",
    ],
    samples: &[
        Sample {
            lines: "#Software: Pure-FTPd 1.0.50\n\
                    #Version: 1.0\n\
                    #Date: 2026-11-22 08:16:55\n\
                    #Fields: date time c-ip cs-method cs-uri-stem sc-status cs-username sc-bytes\n\
                    2026-11-22 08:16:57 192.0.2.7 []created /srv/alice/a%20b.txt 226 alice 260\n\
                    2026-11-22 08:16:58 192.0.2.7 []sent /srv/alice/c.txt 226 alice 0",
            events: "introduced 192.0.2.7 alice approximate; STOR /srv/alice/a%20b.txt 260 incomplete; constant [226] of AltLog w3c; \
                     RETR /srv/alice/c.txt 0 incomplete; constant [226] of AltLog w3c; closed input-ended",
        },
        Sample {
            lines: "2026-11-22 08:16:57 ftp.example []sent /a 226 two words 1",
            events: "introduced ftp.example two words approximate; RETR /a 1 incomplete; constant [226] of AltLog w3c; closed input-ended",
        },
    ],
};

/// The columns, where the header is in another file.
static ASSUMED: Header = Header::assumed(&[
    Column::Date,
    Column::Time,
    Column::ClientIp,
    Column::Method,
    Column::Argument,
    Column::Status,
    Column::User,
    Column::ServerBytes,
]);

/// Stands behind every transfer.
static CONSTANT: Uncounted = Uncounted::constant(&[226], "AltLog w3c");

impl Format for PureftpdW3c {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        self.read_under(&ASSUMED, line)
    }

    fn is_headed_by(&self, header: &Header) -> Option<bool> {
        Some(header.writer == Writer::PureFtpd)
    }

    fn read_under<'b>(&self, header: &Header, line: &Bare<'b>) -> Read<'b> {
        // Nothing else has it, and most lines of other formats have not.
        if line.tag.is_some() || memchr::memmem::find(line.message, b" []").is_none() {
            return Read::Unrecognised;
        }
        let header = if header.has_columns() { header } else { &ASSUMED };
        record(header, line.message).map_or(Read::Unrecognised, Read::Taken)
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(xferlog::Following::default())
    }
}

fn record<'b>(header: &Header, line: &'b [u8]) -> Option<Record<'b>> {
    let row = header.row(line, Column::User)?;
    let verb = match row.get(Column::Method) {
        b"[]created" => Verb::STOR,
        b"[]sent" => Verb::RETR,
        _ => return None,
    };
    let bytes = match row.value(Column::ServerBytes) {
        Some(_) => Some(row.number(Column::ServerBytes)?),
        None => None,
    };
    Some(Record {
        stamp: row.stamp(header)?,
        number: 0,
        client: row.value(Column::ClientIp)?,
        user: row.value(Column::User),
        times: 1,
        fact: Fact::Transfer(TransferRecord {
            verb,
            path: row.value(Column::Argument)?,
            bytes,
            complete: None,
        }),
        implied: Some(Implied::Uncounted(&CONSTANT)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Detected;
    use crate::log::tests::events_of;

    #[test]
    fn what_is_not_a_transfer_is_not_taken() {
        for line in [
            "2026-11-22 08:16:57 192.0.2.7 [1]sent /a 226 alice 1",
            "2026-11-22 08:16:57 192.0.2.7 []deleted /a 226 alice 1",
            "2026-11-22 08:16:57 192.0.2.7 []sent /a 226 alice many",
            "2026-11-22 08:16:57 192.0.2.7 []sent /a 226",
            "2026-11-32 08:16:57 192.0.2.7 []sent /a 226 alice 1",
            "2026-11-22 08:16:57 - []sent /a 226 alice 1",
            " []",
        ] {
            let read = FORMAT.read(&Bare::read(line.as_bytes()));
            assert_eq!(read, Read::Unrecognised, "{line}");
        }
    }

    #[test]
    fn a_header_may_come_again_with_other_columns() {
        let lines = "#Software: Pure-FTPd 1.0.50\n\
                     #Fields: date time c-ip cs-method cs-uri-stem sc-status cs-username sc-bytes\n\
                     2026-11-22 08:16:57 192.0.2.7 []sent /a 226 alice 1\n\
                     #Software: Pure-FTPd 2.0\n\
                     #Date: 2026-11-22 23:59:00\n\
                     #Fields: time cs-username c-ip cs-method cs-uri-stem sc-status sc-bytes\n\
                     00:00:01 alice 192.0.2.7 []sent /b 226 2\n";
        let told = events_of("pureftpd-w3c", lines);
        let told: Vec<_> = told.iter().map(|(s, words)| (*s, words.as_str())).collect();
        let expected = [
            (1, "introduced 192.0.2.7 alice approximate"),
            (1, "RETR /a 1 incomplete"),
            (1, "constant [226] of AltLog w3c"),
            (1, "closed idle"),
            (2, "introduced 192.0.2.7 alice approximate"),
            (2, "RETR /b 2 incomplete"),
            (2, "constant [226] of AltLog w3c"),
            (2, "closed input-ended"),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_header_alone_tells_the_format() {
        let head = b"#Software: Pure-FTPd 1.0.50\n#Version: 1.0\n#Date: 2026-11-22 08:16:55\n";
        assert_eq!(Detected::by_head(head), Detected::named("pureftpd-w3c"));
    }
}
