//! The lines that nearly all of a log with `log_ftp_protocol=YES` consists of, read in one go.
//!
//! `Sun Nov 22 08:16:55 2026 [pid 501] [bob] FTP response: Client "192.0.2.7", "230 Login successful."`, without the
//! user's name before the login, and the same of commands and of what came of them. Everything that is not written exactly
//! so is left to [`super::native`], which knows all that can stand there; what is read here is what it would read.

use crate::ftp::grammar;
use crate::log::envelope::Dates;
use crate::log::{Fact, Read, Record};
use crate::time::Stamp;

use super::{HOST_BYTES, event, reply, without_telnet};

/// Digits of a process id; a longer number is rare.
const PID_DIGITS: usize = 9;

/// Bytes of a user's name; a longer one is rare.
const USER_BYTES: usize = 64;

/// Lines that are read before it is worth while to remember how each process begins its lines.
const FEW_LINES: usize = 32;

/// Processes of which that is remembered at a time: more than speak within some thousand lines.
const PROCESSES: usize = 256;

/// What neighbouring lines repeat: the date, and the user and the client of their process.
#[derive(Debug, Default)]
pub(super) struct Repeated<'b> {
    dates: Dates,
    lines: usize,
    begins: Vec<Begin<'b>>,
}

/// How the lines of a process begin that are commands and replies.
#[derive(Debug, Clone, Copy, Default)]
struct Begin<'b> {
    number: u32,
    /// `[bob] `, or nothing.
    user: &'b [u8],
    /// `: Client "192.0.2.7", "`; nothing where no line was read.
    client: &'b [u8],
}

/// What comes before a client's address and behind it.
const CLIENT: (&[u8], &[u8]) = (b": Client \"", b"\", \"");

/// A command or reply: who speaks, whether it is a reply, and its text.
struct Said<'b> {
    user: Option<&'b [u8]>,
    client: &'b [u8],
    is_reply: bool,
    text: &'b [u8],
}

impl<'b> Repeated<'b> {
    fn place(number: u32) -> usize {
        number as usize % PROCESSES
    }

    /// What a process says in a line that begins like its last one.
    fn said(&self, number: u32, rest: &'b [u8]) -> Option<Said<'b>> {
        let begin = self.begins.get(Self::place(number))?;
        if begin.number != number || begin.client.is_empty() {
            return None;
        }
        let rest = rest.strip_prefix(begin.user)?.strip_prefix(b"FTP ")?;
        let (is_reply, rest) = match rest.strip_prefix(b"response") {
            Some(rest) => (true, rest),
            None => (false, rest.strip_prefix(b"command")?),
        };
        let text = rest.strip_prefix(begin.client)?.strip_suffix(b"\"")?;
        let client = begin.client.get(CLIENT.0.len()..)?;
        let user = begin.user.strip_prefix(b"[");
        Some(Said {
            user: user.and_then(|user| user.strip_suffix(b"] ")),
            client: client.strip_suffix(CLIENT.1)?,
            is_reply,
            text,
        })
    }

    /// Remembers how a line begins, by what stands behind the process id and by the length of its text.
    fn remember(&mut self, number: u32, rest: &'b [u8], said: &Said<'b>) {
        self.lines += 1;
        if self.lines < FEW_LINES {
            return;
        }
        self.begins.resize(PROCESSES, Begin::default());
        let user = said.user.map_or(0, |user| user.len() + b"[] ".len());
        let end = rest.len().saturating_sub(said.text.len() + b"\"".len());
        let start = end.saturating_sub(CLIENT.0.len() + said.client.len() + CLIENT.1.len());
        if let Some(begin) = self.begins.get_mut(Self::place(number)) {
            *begin = Begin {
                number,
                user: rest.get(..user).unwrap_or_default(),
                client: rest.get(start..end).unwrap_or_default(),
            };
        }
    }
}

/// A line's record.
pub(super) fn record<'b>(line: &'b [u8], repeated: &mut Repeated<'b>) -> Option<Record<'b>> {
    let (stamp, begin) = repeated.dates.ctime(line)?;
    let (number, begin) = pid(begin.strip_prefix(b" [pid ")?)?;
    if let Some(said) = repeated.said(number, begin) {
        return said.record(stamp, number);
    }
    let (user, rest) = user(begin)?;
    let Some((is_reply, client, text)) = said(rest) else {
        let is_whole = !matches!(line.last(), Some(b'\r' | b' '));
        return match event(stamp, number, user, rest).filter(|_| is_whole)? {
            Read::Taken(record) => Some(record),
            _ => None,
        };
    };
    let said = Said {
        user,
        client,
        is_reply,
        text,
    };
    repeated.remember(number, begin, &said);
    said.record(stamp, number)
}

impl<'b> Said<'b> {
    fn record(self, stamp: Stamp, number: u32) -> Option<Record<'b>> {
        let fact = if self.is_reply {
            reply((self.text, true))
        } else {
            Fact::Command(grammar::command(without_telnet(self.text))?)
        };
        Some(Record {
            stamp,
            number,
            client: self.client,
            user: self.user,
            times: 1,
            fact,
            implied: None,
        })
    }
}

/// `501] `, and what follows.
fn pid(text: &[u8]) -> Option<(u32, &[u8])> {
    let mut number: u32 = 0;
    let mut digits = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        number = number.wrapping_mul(10).wrapping_add(u32::from(digit));
        digits += 1;
    }
    let rest = text.get(digits..)?.strip_prefix(b"] ")?;
    (1..=PID_DIGITS)
        .contains(&digits)
        .then_some((number, rest))
}

/// `[bob] `, if there is one, and what follows.
fn user(text: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let Some(inside) = text.strip_prefix(b"[") else {
        return Some((None, text));
    };
    let end = inside.iter().take(USER_BYTES).position(|b| *b == b']')?;
    let (user, rest) = inside.split_at_checked(end)?;
    Some((Some(user), rest.strip_prefix(b"] ")?))
}

/// `FTP response: Client "192.0.2.7", "230 Login successful."`: whether it is a reply, the client, the text.
fn said(text: &[u8]) -> Option<(bool, &[u8], &[u8])> {
    let rest = text.strip_prefix(b"FTP ")?;
    let (is_reply, rest) = match rest.strip_prefix(b"response: Client \"") {
        Some(rest) => (true, rest),
        None => (false, rest.strip_prefix(b"command: Client \"")?),
    };
    let mapped = rest.strip_prefix(b"::ffff:").unwrap_or(rest);
    let is_host = |b: &u8| HOST_BYTES.get(usize::from(*b)) == Some(&true);
    let end = rest.len() - mapped.len() + mapped.iter().position(|b| !is_host(b))?;
    let (client, rest) = rest.split_at_checked(end)?;
    let text = rest.strip_prefix(b"\", \"")?.strip_suffix(b"\"")?;
    Some((is_reply, client, text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Repeated, record};
    use crate::log::vsftpd::FORMAT;
    use crate::log::{Bare, Format, Read};

    /// What is read here is what is read there. True if it was.
    fn agrees(line: &[u8]) -> bool {
        let slow = FORMAT.read(&Bare::read(line));
        record(line, &mut Repeated::default()).is_none_or(|quick| slow == Read::Taken(quick))
    }

    #[test]
    fn the_common_lines_are_read() {
        let begin = "Sun Nov 22 08:16:55 2026 [pid 501] ";
        let read = |line: &str| record(line.as_bytes(), &mut Repeated::default()).is_some();
        for rest in [
            "FTP response: Client \"::ffff:192.0.2.7\", \"220 (vsFTPd 3.0.5)\"",
            "FTP command: Client \"192.0.2.7\", \"USER bob\"",
            "[bob] FTP response: Client \"192.0.2.7\", \" SIZE??\"",
            "[bob] FTP command: Client \"192.0.2.7\", \"PASS <password>\"",
            "CONNECT: Client \"192.0.2.7\"",
            "[bob] OK LOGIN: Client \"192.0.2.7\"",
            "[bob] FAIL DOWNLOAD: Client \"192.0.2.7\", \"/a\", 0.00Kbyte/sec",
        ] {
            assert!(read(&format!("{begin}{rest}")), "{rest}");
        }
        assert!(!read("Sun Nov 22 08:16:55 2026 [pid 501] DEBUG: Client \"192.0.2.7\""));
    }

    proptest! {
        /// Pieces of lines in any order, so that a few differ from what is expected.
        #[test]
        fn reads_what_the_slow_way_reads(
            date in prop::sample::select(vec!["Sun Nov 22 08:16:55 2026", "Sun Nov  2 08:16:55 2026", "Mon Nov 2 08:16:55 2026", "Sub Nov 22 08:16:55 2026", "Nov 22 08:16:55"]),
            pid in prop::sample::select(vec![" [pid 501] ", " [pid 1234567890] ", " [pid ] ", " [pid 5a] ", " [pid 12345678901] ", " [pid 99999999999]  "]),
            user in prop::sample::select(vec!["", "[bob] ", "[b]b] ", "[] ", "[bob", "[a] FTP command: Client \"1\", \"x\"] "]),
            event in prop::sample::select(vec!["FTP response: Client \"", "FTP command: Client \"", "FTP response Client \"", "CONNECT: Client \"", "OK LOGIN: Client \"", "FAIL MKDIR: Client \"", "OK UPLOAD: Client \"", "DEBUG: Client \""]),
            client in prop::sample::select(vec!["192.0.2.7", "::ffff:192.0.2.7", "", "a b", "h\u{e4}"]),
            middle in prop::sample::select(vec!["\", \"", "\"", "\", ", "\" \""]),
            text in prop::sample::select(vec!["230 Login successful.", "USER bob", "", " ", "????ABOR", " SIZE??", "230-Hi", "a\"b", "550", "#015#012x#012", "x??", "/a\", 260 bytes, 5.39Kbyte/sec", "Connection refused: x"]),
            end in prop::sample::select(vec!["\"", "", "\"\r", "\r\"", "\"\"", "\" ", "\"  \r", " "]),
        ) {
            let line = [date, pid, user, event, client, middle, text, end].concat();
            prop_assert!(agrees(line.as_bytes()), "{}", line);
        }

        /// Many lines of two processes, whose users and clients change.
        #[test]
        fn what_lines_repeat_is_read_like_what_they_do_not(
            parts in prop::collection::vec((
                prop::sample::select(vec!["501", "757", "0"]),
                prop::sample::select(vec!["", "[bob] ", "[bo] ", "[] ", "[b]b] "]),
                prop::sample::select(vec!["FTP response: Client \"", "FTP command: Client \"", "OK LOGIN: Client \""]),
                prop::sample::select(vec!["192.0.2.7", "192.0.2.77", "::ffff:192.0.2.7", ""]),
                prop::sample::select(vec!["\", \"USER bob\"", "\", \"230 In\"", "\", \"\"", "\", \"", "\""]),
            ), 64..96),
        ) {
            let lines: Vec<String> = parts.into_iter().map(|(pid, user, event, client, text)| {
                format!("Sun Nov 22 08:16:55 2026 [pid {pid}] {user}{event}{client}{text}")
            }).collect();
            let mut repeated = Repeated::default();
            for line in &lines {
                let alone = record(line.as_bytes(), &mut Repeated::default());
                prop_assert_eq!(record(line.as_bytes(), &mut repeated), alone, "{}", line);
            }
        }
    }
}
