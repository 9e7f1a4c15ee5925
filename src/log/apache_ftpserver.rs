//! Apache FtpServer's log: `RECEIVED: ` commands and `SENT: ` replies, behind whatever the program's logger puts in front.
//!
//! Apache's own pattern has the user and the client's address; others, Spring Boot's among them, have neither. Then
//! sessions at the same time can't be told apart, and all are approximate. A reply of several lines is one message: its
//! other lines stand alone.

use crate::ftp::{End, Vantage, grammar};
use crate::log::transcript::{self, Aside};
use crate::log::{Bare, Description, Fact, Follow, Format, Read, Record, Sample, envelope};
use crate::text::StableHash;
use crate::time::Stamp;

/// The format.
pub static FORMAT: ApacheFtpserver = ApacheFtpserver;

/// Apache FtpServer's log.
#[derive(Debug)]
pub struct ApacheFtpserver;

static DESCRIPTION: Description = Description {
    name: "apache-ftpserver",
    title: "Apache FtpServer",
    source: "Apache FtpServer 1.1 and 1.2 FtpLoggingFilter.java and log4j.properties, Apache MINA LoggingFilter.java",
    vantage: Vantage::ServerLog,
    gaps: &[
        "ports",
        "which of several sessions at a time a line is of, by one client or (without its address) by all",
        "the time zone, in Apache's own pattern",
    ],
    samples: &[
        Sample {
            lines: "[ INFO] 2026-11-22 08:16:55,100 [] [192.0.2.7] CREATED\n\
                    [ INFO] 2026-11-22 08:16:55,100 [] [192.0.2.7] OPENED\n\
                    [ INFO] 2026-11-22 08:16:55,110 [] [192.0.2.7] SENT: 220 Service ready for new user.\n\
                    \n\
                    [ INFO] 2026-11-22 08:16:55,200 [] [192.0.2.7] RECEIVED: PASS *****\n\
                    [ WARN] 2026-11-22 08:16:55,300 [] [192.0.2.7] Login failure - alice\n\
                    [ INFO] 2026-11-22 08:16:55,300 [] [192.0.2.7] SENT: 530 Authentication failed.\n\
                    \n\
                    [ INFO] 2026-11-22 08:16:55,400 [] [192.0.2.7] CLOSED",
            events: "introduced 192.0.2.7 approximate; opened; 220 Service ready for new user.; PASS secret; \
                     530 Authentication failed.; closed fin",
        },
        Sample {
            lines: "2026-11-22T08:16:55.100+01:00  INFO 29268 --- [pool-4-thread-1] o.a.f.listener.nio.FtpLoggingFilter      : RECEIVED: FEAT\n\
                    2026-11-22T08:16:55.200+01:00  INFO 29268 --- [pool-4-thread-2] o.a.f.listener.nio.FtpLoggingFilter      : SENT: 211-Extensions supported\n\
                    \x20SIZE\n\
                    211 End",
            events: "introduced approximate; FEAT; 211 Extensions supported\n SIZE\nEnd; closed input-ended",
        },
    ],
};

/// Bytes before the message. Names of threads and classes are long.
const PREFIX_BYTES: usize = 400;

impl Format for ApacheFtpserver {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        let text = line.message;
        let Some((before, fact)) = message(text) else {
            if stamp(text) != Stamp::None {
                return Read::Ignored("another message of the program");
            }
            if grammar::reply_line(text).is_some() || text.first() == Some(&b' ') {
                return Read::Taken(Record {
                    number: transcript::SAME_SESSION,
                    ..transcript::record(transcript::said(text))
                });
            }
            return Read::Unrecognised;
        };
        let fact = match fact {
            Ok(fact) => fact,
            Err(reason) => return Read::Ignored(reason),
        };
        let client = client(before);
        let hash = StableHash::new().bytes(client).finish();
        Read::Taken(Record {
            stamp: match stamp(text) {
                Stamp::None => line.stamp,
                stamp => stamp,
            },
            number: u32::try_from(hash >> 33).unwrap_or_default(),
            client,
            ..transcript::record(fact)
        })
    }

    fn knows(&self, head: &[u8]) -> bool {
        super::first_lines(head).any(|line| {
            let fact = message(Bare::read(line).message);
            matches!(fact, Some((_, Ok(Fact::Command(_) | Fact::Reply { .. }))))
        })
    }

    fn is_for_whole_files(&self) -> bool {
        true
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(transcript::Following::of_server())
    }
}

type Told<'b> = (&'b [u8], Result<Fact<'b>, &'static str>);

/// What stands before a message of the filter, and what that tells. The first mark counts: what a client sends stands behind.
fn message(line: &[u8]) -> Option<Told<'_>> {
    let head = line.get(..PREFIX_BYTES).unwrap_or(line);
    let find = |mark: &[u8]| {
        let at = memchr::memmem::find(head, mark)?;
        let is_word = at == 0 || head.get(at - 1) == Some(&b' ');
        is_word.then_some(at)
    };
    let (received, sent) = (find(b"RECEIVED: "), find(b"SENT: "));
    match (received, sent) {
        (Some(at), other) if other.is_none_or(|other| at < other) => {
            let text = line.get(at + 10..)?;
            Some((line.get(..at)?, grammar::command(text).map(Fact::Command).ok_or("an empty command")))
        }
        (_, Some(at)) => {
            let text = line.get(at + 6..)?;
            // Buffers of other filters are shown by their class.
            grammar::reply_line(text)?;
            Some((line.get(..at)?, Ok(transcript::said(text))))
        }
        _ => state(line),
    }
}

/// `OPENED`, `CLOSED` and their kin, at the end of a line.
fn state(line: &[u8]) -> Option<Told<'_>> {
    let at = memchr::memrchr(b' ', line)?;
    let before = line.get(..at)?;
    let fact = match line.get(at + 1..)? {
        b"OPENED" => Ok(Fact::Client(Aside::Connected(None))),
        b"CLOSED" => Ok(Fact::Closed(End::Fin)),
        b"CREATED" | b"IDLE" => Err("a message of the server about a session"),
        _ => return None,
    };
    let is_filters = before.ends_with(b"]") || before.ends_with(b":") || before.ends_with(b"-");
    is_filters.then_some((before, fact))
}

/// `[user] [192.0.2.7] ` at the end of what stands before a message.
fn client(before: &[u8]) -> &[u8] {
    let before = before.trim_ascii_end();
    let inner = before.strip_suffix(b"]").and_then(|b| b.get(memchr::memrchr(b'[', b)? + 1..));
    let is_address = |client: &&[u8]| crate::ftp::Host::read(client).ip().is_some();
    inner.filter(is_address).unwrap_or_default()
}

/// The date at the start of a line, or behind the level.
fn stamp(line: &[u8]) -> Stamp {
    let level = |l: &[u8]| -> Option<usize> {
        let end = memchr::memchr(b']', l.get(..10).unwrap_or(l))?;
        l.starts_with(b"[").then_some(end + 2)
    };
    let rest = level(line).and_then(|at| line.get(at..)).unwrap_or(line);
    if let Some((stamp, _)) = envelope::blank_date(rest) {
        return stamp;
    }
    let word = rest.split(|b| *b == b' ').next().unwrap_or_default();
    envelope::iso_date(word).unwrap_or(Stamp::None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::events_of;

    fn told(lines: &str) -> Vec<String> {
        let told = events_of("apache-ftpserver", lines);
        told.into_iter().map(|(s, w)| format!("{s} {w}")).collect()
    }

    #[test]
    fn clients_side_by_side_are_told_apart_by_their_address() {
        let line = |client: &str, message: &str| format!("[ INFO] 2026-11-22 08:16:55,100 [u] [{client}] {message}\n");
        let lines = [
            line("192.0.2.7", "SENT: 220-a"),
            "220 b\n".to_owned(),
            line("192.0.2.8", "RECEIVED: RETR x SENT: 230 in"),
            line("192.0.2.7", "RECEIVED: QUIT"),
            line("192.0.2.7", "SENT: 221 Bye"),
            line("192.0.2.8", "SENT: 550 No."),
        ];
        assert_eq!(
            told(&lines.concat()),
            [
                "1 introduced 192.0.2.7 approximate",
                "1 220 a\nb",
                "2 introduced 192.0.2.8 approximate",
                "2 RETR x SENT: 230 in",
                "1 QUIT",
                "1 221 Bye",
                "1 closed goodbye",
                "2 550 No.",
                "2 closed input-ended",
            ]
        );
    }

    #[test]
    fn any_logger_may_stand_in_front_and_secrets_are_not_told() {
        for prefix in [
            "",
            "10:16:55.100 [pool-2-thread-1] INFO  o.a.f.listener.nio.FtpLoggingFilter - ",
            "2026-11-22 08:16:55.100  INFO 1 --- [thread-1] o.a.f.l.nio.FtpLoggingFilter : ",
            "INFO: ",
        ] {
            let line = format!("{prefix}RECEIVED: PASS hunter2");
            let read = FORMAT.read(&Bare::read(line.as_bytes()));
            assert!(matches!(read, Read::Taken(_)), "{line}");
            assert!(!format!("{read:?}").contains("104, 117, 110"), "{line}");
        }
        for line in ["UNSENT: 220 x", "SENT: HeapBuffer[pos=0]", "hello CLOSED", "x"] {
            assert_eq!(FORMAT.read(&Bare::read(line.as_bytes())), Read::Unrecognised, "{line}");
        }
    }
}
