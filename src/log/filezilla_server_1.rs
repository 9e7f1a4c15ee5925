//! The log of FileZilla Server from 1.0 on: every command and reply with a mark, in UTC with milliseconds.
//!
//! `<<` is a reply's line, `>>` a command, `==` and other marks are messages. Sessions of other protocols and the server's
//! own messages stand in the same file and are passed over by name.

use crate::ftp::{End, Vantage, grammar};
use crate::log::{
    Bare, Description, Fact, Follow, Format, Read, Record, Sample, dialogue, envelope, filezilla_server_0,
};
use crate::time::Stamp;

/// The format.
pub static FORMAT: FilezillaServer1 = FilezillaServer1;

/// FileZilla Server's log since 1.0.
#[derive(Debug)]
pub struct FilezillaServer1;

static DESCRIPTION: Description = Description {
    name: "filezilla-server-1",
    title: "FileZilla Server 1",
    source: "logs of FileZilla Server and Pro Enterprise Server 1.7",
    vantage: Vantage::ServerLog,
    gaps: &["ports", "who closed a session"],
    samples: &[
        Sample {
            lines: "2026-11-22T08:16:55.100Z << [FTP Session 7 192.0.2.7] 220-FileZilla Server 1.8.2\n\
                    2026-11-22T08:16:55.100Z << [FTP Session 7 192.0.2.7] 220 Welcome\n\
                    2026-11-22T08:16:55.200Z >> [FTP Session 7 192.0.2.7] USER alice\n\
                    2026-11-22T08:16:55.200Z << [FTP Session 7 192.0.2.7] 331 Please, specify the password.\n\
                    2026-11-22T08:16:55.300Z >> [FTP Session 7 192.0.2.7] PASS ****\n\
                    2026-11-22T08:16:55.300Z << [FTP Session 7 192.0.2.7] 530 Login incorrect.\n\
                    2026-11-22T08:16:55.400Z == [FTP Session 7 192.0.2.7] Client did not properly shut down TLS connection\n\
                    2026-11-22T08:16:55.400Z !! [FTP Session 7 192.0.2.7] Control channel closed with error from source 0. Reason: ECONNRESET - Connection reset by peer.",
            events: "introduced 192.0.2.7; 220 FileZilla Server 1.8.2\nWelcome; USER alice; \
                     331 Please, specify the password.; PASS secret; 530 Login incorrect.; closed reset",
        },
        Sample {
            lines: "2026-11-22T08:16:55.100Z >> [FTP Session 8 2001:db8::7 two words] QUIT\n\
                    2026-11-22T08:16:55.100Z << [FTP Session 8 2001:db8::7 two words] 221 Goodbye.\n\
                    2026-11-22T08:16:55.100Z == [FTP Server] Session 8 ended gracefully.",
            events: "introduced 2001:db8::7 two words; QUIT; 221 Goodbye.; closed goodbye",
        },
        Sample {
            lines: "<Date/Time> Info [Type] Message\n\
                    <11/22/2026 8:16:55 PM> FTP Session 9 192.0.2.7 [Response] 331 Please, specify the password.\n\
                    <11/22/2026 8:16:55 PM> FTP Session 9 192.0.2.7 [Command] PASS ****\n\
                    <11/22/2026 8:16:55 PM> FTP Session 9 192.0.2.7 alice [Response] 230 Login successful.\n\
                    <11/22/2026 8:16:57 PM> FTP Server [Status] Session 9 ended gracefully.",
            events: "introduced 192.0.2.7; 331 Please, specify the password.; PASS secret; 230 Login successful.; closed fin",
        },
    ],
};

impl Format for FilezillaServer1 {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let read = match line.message.first() {
            Some(b'<') => shown(line.message),
            Some(b'0'..=b'9') if line.tag.is_none() => marked(line.message),
            _ => None,
        };
        read.unwrap_or(Read::Unrecognised)
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(dialogue::Following::new(Vantage::ServerLog))
    }
}

/// `2026-11-22T08:16:55.100Z << [FTP Session 7 192.0.2.7 alice] text`
fn marked(line: &[u8]) -> Option<Read<'_>> {
    let (date, rest) = envelope::word(line)?;
    let (&[mark, again, b' ', b'['], rest) = rest.split_first_chunk::<4>()? else {
        return None;
    };
    if !b"<>=!?WDI".contains(&mark) || mark != again {
        return None;
    }
    let stamp = envelope::iso_date(date)?;
    // What a client sends stands behind this; names of users are the owner's choice.
    let end = memchr::memchr(b']', rest)?;
    let (who, text) = (rest.get(..end)?, rest.get(end + 1..)?);
    said(stamp, mark, who, text.strip_prefix(b" ").unwrap_or(text))
}

/// `<11/22/2026 8:16:55 AM> FTP Session 7 192.0.2.7 alice [Response] text`: what its window shows, copied from there.
fn shown(line: &[u8]) -> Option<Read<'_>> {
    let rest = line.strip_prefix(b"<")?;
    let end = memchr::memmem::find(rest.get(..SHOWN_DATE_BYTES).unwrap_or(rest), b"> ")?;
    let (date, rest) = (rest.get(..end)?, rest.get(end + 2..)?);
    if date == b"Date/Time" {
        return Some(Read::Ignored("the titles of columns"));
    }
    let stamp = filezilla_server_0::stamp(date)?;
    let found = |kind: &(&[u8], u8)| Some((memchr::memmem::find(rest, kind.0)?, kind.0.len(), kind.1));
    // The first of them is the window's: what a client sends stands behind it.
    let (at, length, mark) = KINDS.iter().filter_map(found).min()?;
    said(stamp, mark, rest.get(..at)?, rest.get(at + length..)?)
}

/// The longest date, with the half of the day in any script.
const SHOWN_DATE_BYTES: usize = 64;

/// The kinds of lines that the window shows, with the log's mark of each.
const KINDS: [(&[u8], u8); 7] = [
    (b" [Response] ", b'<'),
    (b" [Command] ", b'>'),
    (b" [Status] ", b'='),
    (b" [Error] ", b'!'),
    (b" [Warning] ", b'W'),
    (b" [Trace] ", b'D'),
    (b" [Debug] ", b'D'),
];

/// What a line says, by its mark and by who it is of.
fn said<'b>(stamp: Stamp, mark: u8, who: &'b [u8], text: &'b [u8]) -> Option<Read<'b>> {
    if who == b"FTP Server" {
        return Some(ended(stamp, text));
    }
    let Some(who) = who.strip_prefix(b"FTP Session ") else {
        let is_other = memchr::memmem::find(who, b"SFTP").is_some();
        return Some(Read::Ignored(if is_other {
            "a session by another protocol"
        } else {
            "a message of the server about itself"
        }));
    };
    let (number, who) = envelope::word(who)?;
    let (client, user) = envelope::word(who).map_or((who, None), |(ip, user)| (ip, Some(user)));
    let fact = match mark {
        b'<' => Fact::Reply {
            text,
            ends_line: true,
        },
        b'>' => match grammar::command(text) {
            Some(command) => Fact::Command(command),
            None => return Some(Read::Ignored("an empty command")),
        },
        b'!' if text.starts_with(b"Control channel closed with error") => {
            let is_reset = memchr::memmem::find(text, b"ECONNRESET").is_some();
            Fact::Closed(if is_reset { End::Reset } else { End::Fin })
        }
        _ => return Some(Read::Ignored("a message of the server about a session")),
    };
    let number = u32::try_from(envelope::number(number)?).ok()?;
    Some(record(stamp, number, client, user, fact))
}

/// `Session 7 ended gracefully.`, without the client.
fn ended(stamp: Stamp, text: &[u8]) -> Read<'_> {
    fn number(text: &[u8]) -> Option<u32> {
        let (number, rest) = envelope::word(text.strip_prefix(b"Session ")?)?;
        let number = u32::try_from(envelope::number(number)?).ok()?;
        rest.starts_with(b"ended ").then_some(number)
    }
    match number(text) {
        Some(number) => record(stamp, number, b"", None, Fact::Closed(End::Fin)),
        None => Read::Ignored("a message of the server about itself"),
    }
}

fn record<'b>(
    stamp: Stamp,
    number: u32,
    client: &'b [u8],
    user: Option<&'b [u8]>,
    fact: Fact<'b>,
) -> Read<'b> {
    Read::Taken(Record {
        stamp,
        number,
        client,
        user,
        times: 1,
        fact,
        implied: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::events_of;

    fn told(lines: &str) -> Vec<String> {
        let told = events_of("filezilla-server-1", lines);
        told.into_iter().map(|(s, w)| format!("{s} {w}")).collect()
    }

    #[test]
    fn other_protocols_and_messages_are_passed_over_by_name() {
        for (rest, reason) in [
            (">> [SSH SFTP Session 8 192.0.2.7] SSH x", "a session by another protocol"),
            ("== [SSH SFTP Server] Session 8 ended gracefully.", "a session by another protocol"),
            ("== [FTP Server] Listening on 0.0.0.0:21.", "a message of the server about itself"),
            ("!! [FTP Session 7 192.0.2.7] GnuTLS error -8: bad", "a message of the server about a session"),
        ] {
            let line = format!("2026-11-22T08:16:55.100Z {rest}");
            assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), Read::Ignored(reason), "{line}");
        }
        for line in [
            "2026-11-22T08:16:55.100Z <> [FTP Session 7 192.0.2.7] 220 x",
            "2026-11-22T08:16:55.100Z << FTP Session 7",
            "2026-11-22T08:16:55.100Z << [FTP Session x 192.0.2.7] 220 x",
            "2026-11-22 << [FTP Session 7 192.0.2.7] 220 x",
        ] {
            assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), Read::Unrecognised, "{line}");
        }
    }

    #[test]
    fn sessions_side_by_side_are_told_apart() {
        let lines = "2026-11-22T08:16:55.100Z << [FTP Session 7 192.0.2.7] 220-a\n\
                     2026-11-22T08:16:55.100Z << [FTP Session 8 192.0.2.7] 220 b\n\
                     2026-11-22T08:16:55.100Z << [FTP Session 7 192.0.2.7] 220 c\n\
                     2026-11-22T08:16:55.200Z >> [FTP Session 8 192.0.2.7] USER x] 230 in\n\
                     2026-11-22T08:16:55.300Z == [FTP Server] Session 7 ended with error of type 1.\n\
                     2026-11-22T08:16:55.300Z == [FTP Server] Session 9 ended gracefully.\n";
        assert_eq!(
            told(lines),
            [
                "1 introduced 192.0.2.7",
                "2 introduced 192.0.2.7",
                "2 220 b",
                "1 220 a\nc",
                "2 USER x] 230 in",
                "1 closed fin",
                "2 closed input-ended",
            ]
        );
    }
}
