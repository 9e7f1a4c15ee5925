//! The FTP server log of Cisco's mail and web gateways (AsyncOS, once IronPort): logins and transfers by connection.
//!
//! `ctime Level: ID:1 event`. Other logs of the same machines look the same but for what follows the level, so a file
//! must tell of a connection before its lines count. Lines between say how far its clock is from UTC; times are taken as
//! local all the same, as in logs that say nothing of it.

use crate::ftp::{End, TransferRecord, Vantage, Verb};
use crate::log::{
    Bare, Description, Fact, Follow, Format, Implied, Read, Record, Sample, envelope, talk,
};
use crate::time::Stamp;

/// The format.
pub static FORMAT: Ironport = Ironport;

/// The FTP server log of AsyncOS.
#[derive(Debug)]
pub struct Ironport;

static DESCRIPTION: Description = Description {
    name: "ironport",
    title: "FTP server log of Cisco Secure Email and Web (AsyncOS)",
    source: "Cisco's user guide for AsyncOS, Using FTP Server Logs",
    vantage: Vantage::ServerLog,
    gaps: &[
        "commands and replies",
        "what was refused",
        "whether a transfer was complete",
        "ports",
        "the time zone",
    ],
    samples: &[Sample {
        lines: "Sun Nov 22 08:16:50 2026 Info: Begin Logfile\n\
                Sun Nov 22 08:16:50 2026 Info: Time offset from UTC: 0 seconds\n\
                Sun Nov 22 08:16:55 2026 Info: ID:1 Connection from 192.0.2.7 on 192.0.2.10\n\
                Sun Nov 22 08:16:58 2026 Info: ID:1 User admin login SUCCESS\n\
                Sun Nov 22 08:17:06 2026 Info: ID:1 Upload a b.txt 20 bytes\n\
                Sun Nov 22 08:17:17 2026 Info: ID:1 Download c.txt 1191 bytes\n\
                Sun Nov 22 08:17:26 2026 Info: ID:1 User admin logout",
        events: "introduced 192.0.2.7; opened; login admin accepted; 230 implied by login SUCCESS; STOR a b.txt 20 incomplete; \
                 RETR c.txt 1191 incomplete; closed fin",
    }],
};

impl Format for Ironport {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        if line.tag.is_some() {
            return Read::Unrecognised;
        }
        entry(line.message).unwrap_or(Read::Unrecognised)
    }

    fn knows(&self, head: &[u8]) -> bool {
        super::first_lines(head).any(|line| {
            let is_of_connection = memchr::memmem::find(line, b" Info: ID:").is_some();
            is_of_connection && matches!(self.read(&Bare::read(line)), Read::Taken(_))
        })
    }

    fn is_for_whole_files(&self) -> bool {
        true
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(talk::Following::default())
    }
}

/// `Sun Nov 22 08:16:55 2026 Info: ID:1 event`
fn entry(line: &[u8]) -> Option<Read<'_>> {
    let (stamp, rest) = envelope::ctime(line)?;
    let (level, rest) = envelope::word(rest.strip_prefix(b" ")?)?;
    if !matches!(level, b"Critical:" | b"Warning:" | b"Info:" | b"Debug:" | b"Trace:") {
        return None;
    }
    let Some(rest) = rest.strip_prefix(b"ID:") else {
        return Some(Read::Ignored("a message of the server about itself"));
    };
    let (number, text) = envelope::word(rest)?;
    let number = u32::try_from(envelope::number(number)?).ok()?;
    Some(match event(stamp, number, text) {
        Some(record) => Read::Taken(record),
        None => Read::Ignored("a message of the server about a session"),
    })
}

fn event(stamp: Stamp, number: u32, text: &[u8]) -> Option<Record<'_>> {
    let record = |fact| Record {
        stamp,
        number,
        client: b"",
        user: None,
        times: 1,
        fact,
        implied: None,
    };
    if let Some(rest) = text.strip_prefix(b"Connection from ") {
        let (client, _) = envelope::word(rest)?;
        return Some(Record {
            client,
            ..record(Fact::Opened { refused: false })
        });
    }
    if let Some(rest) = text.strip_prefix(b"User ") {
        if rest.ends_with(b" logout") {
            return Some(record(Fact::Closed(End::Fin)));
        }
        return Some(Record {
            user: Some(rest.strip_suffix(b" login SUCCESS")?),
            implied: Implied::new(230, "login SUCCESS"),
            ..record(Fact::Login {
                accepted: true,
                reason: b"",
            })
        });
    }
    let (verb, rest) = match (text.strip_prefix(b"Upload "), text.strip_prefix(b"Download ")) {
        (Some(rest), _) => (Verb::STOR, rest),
        (_, Some(rest)) => (Verb::RETR, rest),
        _ => return None,
    };
    let rest = rest.strip_suffix(b" bytes")?;
    let at = memchr::memrchr(b' ', rest)?;
    Some(record(Fact::Transfer(TransferRecord {
        verb,
        path: rest.get(..at)?,
        bytes: Some(envelope::number(rest.get(at + 1..)?)?),
        complete: None,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_log_of_the_same_machine_is_not_one() {
        let head = "Sun Nov 22 08:16:50 2026 Info: ";
        for (rest, is_one) in [
            ("ID:1 Connection from 192.0.2.7 on 192.0.2.10", true),
            ("ID:1 User admin logout", true),
            ("Begin Logfile", false),
            ("ID:x Connection from 192.0.2.7 on 192.0.2.10", false),
            ("ID:1 Something else", false),
            ("New SMTP ICID 5 interface Management", false),
        ] {
            assert_eq!(FORMAT.knows(format!("{head}{rest}\n").as_bytes()), is_one, "{rest}");
        }
    }
}
