//! Pure-FTPd's transfer log in the form of web servers' logs (`AltLog clf:`, Debian's default).
//!
//! `host - user [date] "GET path" 200 bytes` for each transfer that is over.
//! The 200 is a constant of the writer (altlog.c): it stands there for a
//! transfer that failed, too, so it is told as that, and no outcome. Web servers
//! write `HTTP/1.1` behind the path.

use crate::ftp::{TransferRecord, Uncounted, Vantage, Verb};
use crate::log::{
    Bare, Description, Fact, Follow, Format, Implied, Read, Record, Sample, envelope, xferlog,
};

/// The format.
pub static FORMAT: PureftpdClf = PureftpdClf;

/// Pure-FTPd's `clf` log.
#[derive(Debug)]
pub struct PureftpdClf;

static DESCRIPTION: Description = Description {
    name: "pureftpd-clf",
    title: "Pure-FTPd's transfers in the common log format",
    source: "Pure-FTPd 1.0.50 altlog.c",
    vantage: Vantage::TransferLog,
    gaps: &[
        "commands and replies",
        "logins",
        "listings",
        "the start and end of sessions",
        "whether a transfer was complete: the 200 is always there",
    ],
    samples: &[
        Sample {
            lines: "192.0.2.7 - alice [22/Nov/2026:08:16:57 -0000] \"GET /srv/alice/a%20b.txt\" 200 260\n\
                    192.0.2.7 - alice [22/Nov/2026:08:16:58 -0000] \"PUT /srv/alice/c.txt\" 200 0",
            events: "introduced 192.0.2.7 alice approximate; RETR /srv/alice/a%20b.txt 260 incomplete; constant [200] of AltLog clf; \
                     STOR /srv/alice/c.txt 0 incomplete; constant [200] of AltLog clf; closed input-ended",
        },
        Sample {
            lines: "ftp.example - two [words [22/Nov/2026:08:16:57 +0100] \"GET /a\" 200 1",
            events: "introduced ftp.example two [words approximate; RETR /a 1 incomplete; constant [200] of AltLog clf; closed input-ended",
        },
    ],
};

/// Stands behind every transfer.
static CONSTANT: Uncounted = Uncounted::constant(&[200], "AltLog clf");

impl Format for PureftpdClf {
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
    const DATE: usize = "[22/Nov/2026:08:16:57 -0000]".len();
    // A path is encoded, so the last quotes are the request's.
    let (head, bytes) = rsplit(line.message, b"\" 200 ")?;
    let bytes = envelope::number(bytes)?;
    let (verb, (head, path)) = match rsplit(head, b" \"GET ") {
        Some(parts) => (Verb::RETR, parts),
        None => (Verb::STOR, rsplit(head, b" \"PUT ")?),
    };
    if path.is_empty() || path.iter().any(|b| matches!(b, b' ' | b'"')) {
        return None;
    }
    let (who, date) = head.split_at_checked(head.len().checked_sub(DATE)?)?;
    let (stamp, _) = envelope::common_date(date)?;
    let (client, user) = envelope::word(who.strip_suffix(b" ")?)?;
    Some(Record {
        stamp,
        number: 0,
        client,
        user: Some(user.strip_prefix(b"- ")?),
        times: 1,
        fact: Fact::Transfer(TransferRecord {
            verb,
            path,
            bytes: Some(bytes),
            complete: None,
        }),
        implied: Some(Implied::Uncounted(&CONSTANT)),
    })
}

/// What is before and behind the last place of a mark.
fn rsplit<'b>(text: &'b [u8], mark: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let at = memchr::memmem::rfind(text, mark)?;
    Some((text.get(..at)?, text.get(at + mark.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_servers_log_is_not_taken() {
        for line in [
            "192.0.2.7 - - [22/Nov/2026:08:16:57 +0000] \"GET /a HTTP/1.1\" 200 260",
            "192.0.2.7 - - [22/Nov/2026:08:16:57 +0000] \"GET /a HTTP/1.1\" 200 260 \"-\" \"curl\"",
            "192.0.2.7 - a [22/Nov/2026:08:16:57 +0000] \"GET /a\" 404 260",
            "192.0.2.7 - a [22/Nov/2026:08:16:57 +0000] \"RETR a\" 226 260",
            "192.0.2.7 - a [32/Nov/2026:08:16:57 +0000] \"GET /a\" 200 1",
            "] \"GET /a\" 200 1",
            "\" 200 ",
        ] {
            assert_eq!(
                FORMAT.read(&Bare::read(line.as_bytes())),
                Read::Unrecognised,
                "{line}"
            );
        }
    }
}
