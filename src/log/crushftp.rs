//! CrushFTP's log: every command and reply of every protocol, in one form.
//!
//! `TAG|date|[PROTOCOL:session:user:client] ` and `READ : *command*` or `WROTE: *reply*`. Of a reply of several lines only
//! the first names its session, and no greeting or welcome of several lines is written at all. What is written about a
//! session by HTTP or SFTP holds codes made up to look like FTP's; the protocol tells them, and they are passed over.

use std::borrow::Cow;

use crate::ftp::{End, Endpoint, Host, Vantage, grammar};
use crate::limits;
use crate::log::{
    Bare, Description, Exchange, Fact, Follow, Format, Read, Record, Sample, dialogue, envelope,
};
use crate::time::{Stamp, days_from_date};

/// The format.
pub static FORMAT: Crushftp = Crushftp;

/// CrushFTP's log.
#[derive(Debug)]
pub struct Crushftp;

static DESCRIPTION: Description = Description {
    name: "crushftp",
    title: "CrushFTP",
    source: "CrushFTP 8 to 11 (what ServerSessionFTP and SessionCrush write), and logs of 2025",
    vantage: Vantage::ServerLog,
    gaps: &[
        "all but the first line of a reply of several lines",
        "a greeting, or a welcome (230), of several lines",
        "who closed a session",
        "the time zone",
        "what the owner's filters keep out",
    ],
    samples: &[
        Sample {
            lines: "ACCEPT|11/22/2026 08:16:55.100|[FTP:0.0.0.0:21][7] Accepting connection from: 192.0.2.7:40000\n\
                    ACCEPT|11/22/2026 08:16:55.101|[FTP:7::192.0.2.7] WROTE: *220 Welcome to CrushFTP!*\n\
                    USER|11/22/2026 08:16:55.200|[FTP:7::192.0.2.7] READ : *USER alice*\n\
                    USER|11/22/2026 08:16:55.201|[FTP:7:alice:192.0.2.7] WROTE: *331 Username OK.  Need password.*\n\
                    PASS|11/22/2026 08:16:55.300|[FTP:7:alice:192.0.2.7] READ : *PASS*\n\
                    PASS|11/22/2026 08:16:55.401|[FTP:7:alice:192.0.2.7] WROTE: *530 Check your username or password and try again.*\n\
                    SERVER|11/22/2026 08:16:55.402|SERVER_LOGIN:FAIL:7:MainUsers:alice:FTP:192.0.2.7:\n\
                    QUIT|11/22/2026 08:16:55.500|[FTP:7:alice:192.0.2.7] READ : *QUIT *\n\
                    QUIT|11/22/2026 08:16:55.501|[FTP:7:alice:192.0.2.7] WROTE: *221 Goodbye.*\n\
                    QUIT|11/22/2026 08:16:55.502|[FTP:7:alice:192.0.2.7] *Disconnected.*",
            events: "introduced 192.0.2.7; opened; 220 Welcome to CrushFTP!; USER alice; \
                     331 Username OK.  Need password.; PASS secret; \
                     530 Check your username or password and try again.; QUIT; 221 Goodbye.; closed goodbye",
        },
        Sample {
            lines: "STOR|11/22/2026 08:16:55.200|[FTPS:8:bob:2001:db8::7] READ : *STOR a b.txt*\n\
                    STOR|11/22/2026 08:16:55.300|[FTPS:8:bob:2001:db8::7] WROTE: *226-Upload File Size:12 bytes @ 1K/sec.*\n\
                    STOR|11/22/2026 08:16:55.301|[FTPS:8:bob:2001:db8::7] WROTE: *226 Transfer complete. (\"/a b.txt\" 12) STOR*\n\
                    FEAT|11/22/2026 08:16:55.400|[FTPS:8:bob:2001:db8::7] READ : *FEAT *\n\
                    FEAT|11/22/2026 08:16:55.401|[FTPS:8:bob:2001:db8::7] WROTE: *211-Extensions supported:\n\
                    FEAT|11/22/2026 08:16:55.401|211 End*\n\
                    STOR|11/22/2026 08:16:56.300|[HTTP:9_33326:eve:192.0.2.9] WROTE: *230 Password OK.  Connected.*",
            events: "introduced 2001:db8::7 bob; STOR a b.txt; 226 Upload File Size:12 bytes @ 1K/sec.\nTransfer complete. \
                     (\"/a b.txt\" 12) STOR; FEAT; 211 Extensions supported:; closed input-ended",
        },
    ],
};

impl Format for Crushftp {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        entry(line.message).unwrap_or(Read::Unrecognised)
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(dialogue::Following::new(Vantage::ServerLog))
    }
}

/// `TAG|11/22/2026 08:16:55.100|text`
fn entry(line: &[u8]) -> Option<Read<'_>> {
    let end = memchr::memchr(b'|', line.get(..24).unwrap_or(line))?;
    let (tag, rest) = (line.get(..end)?, line.get(end + 1..)?);
    let is_tag = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_';
    if tag.is_empty() || !tag.iter().all(is_tag) {
        return None;
    }
    let (stamp, rest) = date(rest)?;
    let text = rest.strip_prefix(b"|")?;
    let Some(inside) = text.strip_prefix(b"[") else {
        let is_of_session = grammar::reply_line(text).is_some() || text.first() == Some(&b' ');
        return Some(Read::Ignored(if is_of_session {
            "a further line of a reply"
        } else {
            "a message of the server about itself"
        }));
    };
    let close = end_of_who(inside)?;
    let (who, text) = (inside.get(..close)?, inside.get(close + 1..)?);
    let protocol = who.split(|b| *b == b':').next().unwrap_or_default();
    if !protocol.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"FTP")) {
        return Some(Read::Ignored("a session by another protocol, or a line of a listing"));
    }
    let who = who.get(protocol.len() + 1..)?;
    Some(if text.starts_with(b"[") {
        accepted(stamp, text).unwrap_or(Read::Ignored("a message of the server about itself"))
    } else {
        of_session(stamp, who, text)?
    })
}

/// The bracket behind which the text begins: a user's name may hold others.
fn end_of_who(inside: &[u8]) -> Option<usize> {
    let starts: [&[u8]; 4] = [b" READ", b" WROTE", b" *", b"["];
    let is_end = |at: &usize| {
        let text = inside.get(at + 1..).unwrap_or_default();
        starts.iter().any(|start| text.starts_with(start))
    };
    let mut ends = memchr::memchr_iter(b']', inside).take(limits::LOG_NAME_ENDS);
    ends.find(is_end).or_else(|| memchr::memchr(b']', inside))
}

/// `11/22/2026 08:16:55.100`, as the server writes it unless told otherwise. Where that can't be, the day stands first.
fn date(text: &[u8]) -> Option<(Stamp, &[u8])> {
    let (&[a1, a2, b'/', b1, b2, b'/', y1, y2, y3, y4, b' '], rest) = text.split_first_chunk::<11>()? else {
        return None;
    };
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (first, second) = (envelope::two(a1, a2)?, envelope::two(b1, b2)?);
    let (month, day) = if first > 12 { (second, first) } else { (first, second) };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = envelope::two(y1, y2)? * 100 + envelope::two(y3, y4)?;
    let seconds = days_from_date(year, month, day) * 86_400 + envelope::clock(*time)?;
    let Some(fraction) = rest.strip_prefix(b".") else {
        return Some((Stamp::Local(seconds, 0), rest));
    };
    let (millis, rest) = fraction.split_first_chunk::<3>()?;
    let nanos = u32::try_from(envelope::number(millis)?).ok()? * 1_000_000;
    Some((Stamp::Local(seconds, nanos), rest))
}

/// `[7] Accepting connection from: 192.0.2.7:40000`
fn accepted(stamp: Stamp, text: &[u8]) -> Option<Read<'_>> {
    let inside = text.strip_prefix(b"[")?;
    let end = memchr::memchr(b']', inside)?;
    let number = envelope::number(inside.get(..end)?)?;
    let from = inside.get(end + 1..)?.strip_prefix(b" Accepting connection from: ")?.trim_ascii();
    let colon = memchr::memrchr(b':', from)?;
    let (client, port) = (from.get(..colon)?, envelope::number(from.get(colon + 1..)?)?);
    let mut exchange = Exchange::of_session(number);
    exchange.opens = true;
    exchange.client = Some(Endpoint {
        host: Host::read(client),
        port: u16::try_from(port).ok(),
    });
    Some(Read::Taken(Record {
        client,
        ..exchange.record(stamp)
    }))
}

/// `7:alice:192.0.2.7`, and behind it what was said, in asterisks.
fn of_session<'b>(stamp: Stamp, who: &'b [u8], text: &'b [u8]) -> Option<Read<'b>> {
    let mut parts = who.splitn(3, |b| *b == b':');
    let number = parts.next()?.split(|b| *b == b'_').next()?;
    let number = u32::try_from(envelope::number(number)?).ok()?;
    let (user, client) = (parts.next()?, parts.next()?);
    let record = |fact| Record {
        stamp,
        number,
        client,
        user: Some(user).filter(|user| !user.is_empty()),
        times: 1,
        fact,
        implied: None,
    };
    let text = text.strip_prefix(b" ")?;
    let said = |start: &[&[u8]]| start.iter().find_map(|start| text.strip_prefix(*start));
    if let Some(command) = said(&[b"READ : *", b"READ: *"]) {
        let command = command.strip_suffix(b"*").unwrap_or(command).trim_ascii_end();
        return Some(match grammar::command(command) {
            Some(command) => Read::Taken(record(Fact::Command(command))),
            None => Read::Ignored("an empty command"),
        });
    }
    let Some(reply) = said(&[b"WROTE: *", b"WROTE : *"]) else {
        return Some(match text {
            b"*Disconnected.*" => Read::Taken(record(Fact::Closed(End::Fin))),
            _ => Read::Ignored("a message of the server about a session"),
        });
    };
    let (whole, shape) = (reply.strip_suffix(b"*"), grammar::reply_line(reply));
    Some(match (whole, shape) {
        (Some(text), Some(_)) => Read::Taken(record(Fact::Reply {
            text,
            ends_line: true,
        })),
        // The other lines name no session.
        (None, Some(first)) => {
            let mut exchange = Exchange::of_session(u64::from(number));
            exchange.client = Some(Endpoint::host(Host::read(client)));
            exchange.user = Some(user).filter(|user| !user.is_empty()).map(Cow::Borrowed);
            exchange.add_reply(first.code, Cow::Borrowed(first.text));
            Read::Taken(Record {
                client,
                ..exchange.record(stamp)
            })
        }
        (_, None) => Read::Ignored("a message of the server about a session"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::events_of;

    const HEAD: &str = "USER|11/22/2026 08:16:55.100|";

    fn read(line: &str) -> Read<'_> {
        FORMAT.read(&Bare::read(line.as_bytes()))
    }

    #[test]
    fn what_is_no_entry_is_not_taken() {
        for line in [
            "user|11/22/2026 08:16:55.100|[FTP:7:a:192.0.2.7] READ : *NOOP*",
            "USER|22.11.2026 08:16:55.100|[FTP:7:a:192.0.2.7] READ : *NOOP*",
            "USER|13/32/2026 08:16:55.100|[FTP:7:a:192.0.2.7] READ : *NOOP*",
            "USER|11/22/2026 08:16:55.1|[FTP:7:a:192.0.2.7] READ : *NOOP*",
            "USER|11/22/2026 08:16:55.100 [FTP:7:a:192.0.2.7] READ : *NOOP*",
            "USER|11/22/2026 08:16:55.100|[FTP:x:a:192.0.2.7] READ : *NOOP*",
            "USER|11/22/2026 08:16:55.100|[FTP:7] READ : *NOOP*",
            "|11/22/2026 08:16:55.100|[FTP:7:a:192.0.2.7] READ : *NOOP*",
        ] {
            assert_eq!(read(line), Read::Unrecognised, "{line}");
        }
    }

    #[test]
    fn what_tells_nothing_of_ftp_is_passed_over_by_name() {
        for (rest, reason) in [
            ("SERVER_LOGIN:FAIL:7:MainUsers:a:FTP:192.0.2.7:", "a message of the server about itself"),
            ("211 End*", "a further line of a reply"),
            ("[SFTP:7:a:192.0.2.7] WROTE: *230 Hi*", "a session by another protocol, or a line of a listing"),
            ("[7_4000:a:192.0.2.7] WROTE: -rw-r--r-- 1 a", "a session by another protocol, or a line of a listing"),
            ("[FTP:7:a:192.0.2.7] WROTE: *Found subject name*", "a message of the server about a session"),
            ("[FTP:7:a:192.0.2.7] READ : **", "an empty command"),
        ] {
            assert_eq!(read(&format!("{HEAD}{rest}")), Read::Ignored(reason), "{rest}");
        }
    }

    #[test]
    fn an_anonymous_password_is_not_kept_and_a_day_may_stand_first() {
        let line = "USER|22/11/2026 08:16:55.100|[FTP:7:anonymous:192.0.2.7] READ : *PASS me@home.example*";
        let Read::Taken(record) = read(line) else {
            panic!("{line}");
        };
        assert!(!format!("{record:?}").contains("home.example"));
        let day = days_from_date(2026, 11, 22) * 86_400;
        assert_eq!(record.stamp, Stamp::Local(day + 29_815, 100_000_000));
    }

    #[test]
    fn a_reply_whose_rest_is_lost_does_not_swallow_the_next() {
        let line = |rest: &str| format!("{HEAD}[FTP:7:a:192.0.2.7] {rest}\n");
        let lines = [line("READ : *PWD*"), line("WROTE: *257-One"), line("READ : *NOOP*"), line("WROTE: *200 Two*")];
        let told: Vec<_> = events_of("crushftp", &lines.concat()).into_iter().map(|(_, w)| w).collect();
        let expected = ["introduced 192.0.2.7 a", "PWD", "257 One", "NOOP", "200 Two", "closed input-ended"];
        assert_eq!(told, expected);
    }
}
