//! The log of FileZilla Server up to 0.9.60: every command, reply and message, each with session, user and address.
//!
//! Commands and replies are not marked: three digits make a reply, a line that begins with a blank is inside one. The date
//! stands as the machine's owner likes it; where day and month can't be told apart the stamp says so and the source's other
//! dates decide ([`Clock`](crate::time::Clock)).

use crate::ftp::{End, Vantage, grammar};
use crate::log::{
    Bare, Description, Fact, Follow, Format, Read, Record, Sample, dialogue, envelope,
};
use crate::time::{Stamp, days_from_date};

/// The format.
pub static FORMAT: FilezillaServer0 = FilezillaServer0;

/// FileZilla Server's log before 1.0.
#[derive(Debug)]
pub struct FilezillaServer0;

static DESCRIPTION: Description = Description {
    name: "filezilla-server-0",
    title: "FileZilla Server 0.9",
    source: "FileZilla Server 0.9.60 ControlSocket.cpp, and logs of 0.9.44 and 0.9.60",
    vantage: Vantage::ServerLog,
    gaps: &[
        "ports",
        "who closed a session",
        "the time zone",
        "the order of day and month, where no day is above 12",
    ],
    samples: &[
        Sample {
            lines: "(000001)22/11/2026 8:16:55 - (not logged in) (192.0.2.7)> Connected on port 21, sending welcome message...\n\
                    (000001)22/11/2026 8:16:55 - (not logged in) (192.0.2.7)> 220-FileZilla Server 0.9.60 beta\n\
                    (000001)22/11/2026 8:16:55 - (not logged in) (192.0.2.7)> 220 Please visit us\n\
                    (000001)22/11/2026 8:16:56 - (not logged in) (192.0.2.7)> USER alice\n\
                    (000001)22/11/2026 8:16:56 - (not logged in) (192.0.2.7)> 331 Password required for alice\n\
                    (000001)22/11/2026 8:16:56 - (not logged in) (192.0.2.7)> PASS *****\n\
                    (000001)22/11/2026 8:16:56 - (not logged in) (192.0.2.7)> 530 Login or password incorrect!\n\
                    (000001)22/11/2026 8:16:57 - (not logged in) (192.0.2.7)> disconnected.",
            events: "introduced 192.0.2.7; opened; 220 FileZilla Server 0.9.60 beta\nPlease visit us; USER alice; \
                     331 Password required for alice; PASS secret; 530 Login or password incorrect!; closed fin",
        },
        Sample {
            lines: "(000002) 11/22/2026 20:16:55 PM - alice (2001:db8::7)> FEAT\n\
                    (000002) 11/22/2026 20:16:55 PM - alice (2001:db8::7)> 211-Features:\n\
                    (000002) 11/22/2026 20:16:55 PM - alice (2001:db8::7)>  MDTM\n\
                    (000002) 11/22/2026 20:16:55 PM - alice (2001:db8::7)> 211 End\n\
                    (000002) 11/22/2026 20:16:55 PM - alice (2001:db8::7)> QUIT\n\
                    (000002) 11/22/2026 20:16:55 PM - alice (2001:db8::7)> 221 Goodbye\n\
                    (000002) 11/22/2026 20:16:55 PM - alice (2001:db8::7)> disconnected.",
            events: "introduced 2001:db8::7 alice; FEAT; 211 Features:\n MDTM\nEnd; QUIT; 221 Goodbye; closed goodbye",
        },
    ],
};

impl Format for FilezillaServer0 {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn read<'b>(&self, line: &Bare<'b>) -> Read<'b> {
        if line.message.first() == Some(&b'(') {
            return session_line(line.message).unwrap_or(Read::Unrecognised);
        }
        if is_of_the_server(line.message) {
            return Read::Ignored("a message of the server about itself");
        }
        Read::Unrecognised
    }

    fn follow(&self) -> Box<dyn Follow + Send + Sync> {
        Box::new(dialogue::Following::new(Vantage::ServerLog))
    }
}

/// What is written at the start and end of the service, without session and date.
fn is_of_the_server(line: &[u8]) -> bool {
    let starts: [&[u8]; 17] = [
        b"Initializing Server",
        b"Initialization ",
        b"Failed to ",
        b"Could not ",
        b"Retrieving ",
        b"Done ",
        b"Settings successfully ",
        b"Server settings ",
        b"Closing ",
        b"Warning: ",
        b"You appear to be behind a NAT router",
        b"Connecting to server",
        b"FileZilla Server ",
        b"Creating listen socket on port ",
        b"Server online",
        b"Server offline",
        b"Loading options, user permissions and autoban rules",
    ];
    starts.iter().any(|start| line.starts_with(start))
}

/// The longest date: `2026. 11. 22. 08:16:55` and a word for the half of the day, in any script.
const STAMP_BYTES: usize = 48;

/// `(000001)22/11/2026 8:16:55 - alice (192.0.2.7)> text`
fn session_line(line: &[u8]) -> Option<Read<'_>> {
    let rest = line.strip_prefix(b"(")?;
    let end = memchr::memchr(b')', rest.get(..20).unwrap_or(rest))?;
    let number = u32::try_from(envelope::number(rest.get(..end)?)?).ok()?;
    let rest = rest.get(end + 1..)?;
    let head = rest.get(..STAMP_BYTES).unwrap_or(rest);
    let dash = memchr::memmem::find(head, b" - ")?;
    let stamp = stamp(rest.get(..dash)?)?;
    let rest = rest.get(dash + 3..)?;
    // What a client sends stands behind this; names of users are the owner's choice.
    let mark = memchr::memmem::find(rest, b")> ")?;
    let (who, text) = (rest.get(..mark)?, rest.get(mark + 3..)?);
    let bracket = memchr::memmem::rfind(who, b" (")?;
    let (user, client) = (who.get(..bracket)?, who.get(bracket + 2..)?);
    let fact = match fact(text) {
        Ok(fact) => fact,
        Err(reason) => return Some(Read::Ignored(reason)),
    };
    Some(Read::Taken(Record {
        stamp,
        number,
        client,
        user: Some(user).filter(|user| *user != b"(not logged in)"),
        times: 1,
        fact,
        implied: None,
    }))
}

/// A reply, a message of the server, or else a command.
fn fact(text: &[u8]) -> Result<Fact<'_>, &'static str> {
    if grammar::reply_line(text).is_some() || text.first() == Some(&b' ') {
        return Ok(Fact::Reply {
            text,
            ends_line: true,
        });
    }
    if text.starts_with(b"Connected on port ") || text.starts_with(b"Connected, sending ") {
        return Ok(Fact::Opened { refused: false });
    }
    if text.starts_with(b"disconnected") || text.starts_with(b"could not send reply") {
        return Ok(Fact::Closed(End::Fin));
    }
    if text.ends_with(b"connection established") || is_sentence(text) {
        return Err("a message of the server about a session");
    }
    match grammar::command(text) {
        Some(command) => Ok(Fact::Command(command)),
        None => Err("an empty command"),
    }
}

/// `Failed to …`: a capital, small letters, and more of them than a verb has.
fn is_sentence(text: &[u8]) -> bool {
    let word = text.split(|b| *b == b' ').next().unwrap_or_default();
    let is_small = |b: &u8| b.is_ascii_lowercase();
    matches!(word, [first, rest @ ..] if first.is_ascii_uppercase() && rest.len() > 3 && rest.iter().all(is_small))
}

/// Six numbers with anything short between them, and perhaps a word for the half of the day.
pub(super) fn stamp(text: &[u8]) -> Option<Stamp> {
    let mut numbers = text
        .split(|b| !b.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map(|digits| envelope::number(digits).and_then(|n| i64::try_from(n).ok()));
    let mut next = || numbers.next().flatten();
    let (a, b) = (next()?, next()?);
    let (a, b, c) = match named_month(text) {
        // `22-Nov-26`
        Some(month) => (if b < 100 { b + 2000 } else { b }, month, a),
        None => (a, b, next()?),
    };
    let (hour, minute, second) = (next()?, next()?, next()?);
    if numbers.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = half_of_day(text, hour) * 3600 + minute * 60 + second.min(59);
    if a > 31 {
        let is_date = (1..=9999).contains(&a) && (1..=12).contains(&b) && (1..=31).contains(&c);
        return is_date.then(|| Stamp::Local(days_from_date(a, b, c) * 86_400 + seconds, 0));
    }
    let is_date = (1..=31).contains(&a) && (1..=31).contains(&b) && (a <= 12 || b <= 12);
    let year = match c {
        0..80 => c + 2000,
        80..100 => c + 1900,
        _ => c,
    };
    is_date.then_some(Stamp::Unordered(
        u8::try_from(a).ok()?,
        u8::try_from(b).ok()?,
        i16::try_from(year).ok().filter(|year| *year < 10_000)?,
        u32::try_from(seconds).ok()?,
    ))
}

/// The month whose English name stands there.
fn named_month(text: &[u8]) -> Option<i64> {
    let mut words = text.split(|b| !b.is_ascii_alphabetic());
    words.find_map(|word| envelope::month(*word.first_chunk::<3>()?))
}

/// The hour of 24, where a word says which half of the day is meant. Some machines write the word behind 24 hours.
fn half_of_day(text: &[u8], hour: i64) -> i64 {
    let has = |word: &[u8]| memchr::memmem::find(text, word).is_some();
    let one_of = |words: &[&str]| words.iter().any(|word| has(word.as_bytes()));
    if hour < 12 && one_of(&["PM", "pm", "p. m", "p.m", "P.M", "下午", "午後", "오후", "μμ"]) {
        hour + 12
    } else if hour == 12 && one_of(&["AM", "am", "a. m", "a.m", "A.M", "上午", "午前", "오전", "πμ"]) {
        0
    } else {
        hour
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::events_of;

    #[test]
    fn dates_in_every_order_are_read() {
        let local = |seconds| Some(Stamp::Local(seconds, 0));
        let day = days_from_date(2026, 3, 1) * 86_400;
        for (text, expected) in [
            ("2026/3/1 15:58:48", local(day + 57_528)),
            ("2026-03-01 3:58:48 PM", local(day + 57_528)),
            ("2026. 03. 01. 15:58:48", local(day + 57_528)),
            ("2026/3/1 下午 03:58:48", local(day + 57_528)),
            ("2026-03-01 12:00:00 AM", local(day)),
            ("01-Mar-26 3:58:48 p. m.", local(day + 57_528)),
            ("1 March 2026 15:58:48", local(day + 57_528)),
            ("2026/03/01 午後 3:58:48", local(day + 57_528)),
            ("01.03.2026 15.58.48", Some(Stamp::Unordered(1, 3, 2026, 57_528))),
            ("3/1/26 15:58:48 PM", Some(Stamp::Unordered(3, 1, 2026, 57_528))),
            ("13/14/2026 15:58:48", None),
            ("1/3/2026 25:58:48", None),
            ("1/3/2026 15:58", None),
            ("0/3/2026 15:58:48", None),
            ("2026/13/1 15:58:48", None),
        ] {
            assert_eq!(stamp(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn numbers_start_anew_with_the_service() {
        let line = |rest: &str| format!("(000001) 20/07/2026 11:12:43 - (not logged in) {rest}\n");
        let lines = [
            line("(192.0.2.7)> Connected, sending welcome message..."),
            line("(192.0.2.7)> 220 hi"),
            "FileZilla Server 0.9.44 beta started\n".to_owned(),
            line("(192.0.2.7)> Connected, sending welcome message..."),
            line("(192.0.2.8)> USER u"),
            line("(192.0.2.9)> disconnected."),
        ];
        let told = events_of("filezilla-server-0", &lines.concat());
        let told: Vec<_> = told.iter().map(|(s, w)| (*s, w.as_str())).collect();
        let expected = [
            (1, "introduced 192.0.2.7"),
            (1, "opened"),
            (1, "220 hi"),
            (1, "closed idle"),
            (2, "introduced 192.0.2.7"),
            (2, "opened"),
            (2, "closed idle"),
            (3, "introduced 192.0.2.8"),
            (3, "USER u"),
            (3, "closed input-ended"),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_a_client_sends_can_not_forge_a_line() {
        let line = "(000001) 20/07/2026 11:12:43 - bob (192.0.2.7)> USER x (203.0.113.9)> 230 Logged on";
        let told = events_of("filezilla-server-0", line);
        assert_eq!(told[1].1, "USER x (203.0.113.9)> 230 Logged on");
        let line = line.replace("USER x (203.0.113.9)> 230 Logged on", "TLS connection established");
        let read = FORMAT.read(&Bare::read(line.as_bytes()));
        assert_eq!(
            read,
            Read::Ignored("a message of the server about a session")
        );
    }
}
